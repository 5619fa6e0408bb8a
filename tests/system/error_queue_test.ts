/**
 * ICMP errors of real sockets: what the error queue tells, that sending goes on, and that a flood
 * of errors is cut off.
 * @module
 */
import assert from "node:assert/strict";
import { Arena } from "../../lib/base/arena.ts";
import { type Endpoint, ENDPOINT_CELL_BYTES, writeEndpointCell } from "../../lib/base/endpoint.ts";
import type { PathError } from "../../lib/base/evidence.ts";
import { formatEndpoint } from "../../lib/base/ip_text.ts";
import { SEND_OK } from "../../lib/data/ports.ts";
import {
  ErrorQueue,
  ERRORS_PER_SECOND,
  problemOf4,
  problemOf6,
  REST_MS,
} from "../../lib/ports/error_queue.ts";
import { LinuxUdpPort } from "../../lib/ports/linux_udp_port.ts";
import { closeUdp, openUdp } from "../../lib/ports/open_udp.ts";

const LOOPBACK4 = Uint8Array.of(127, 0, 0, 1);
const LOOPBACK6 = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

/** A port with an error queue, whose errors are collected as text. */
class Site {
  readonly sockets = openUdp({ port: 0 });
  readonly told: string[] = [];
  readonly errors: ErrorQueue;
  readonly #arena = new Arena(1 << 20);
  readonly port = new LinuxUdpPort(this.#arena, this.sockets.fd4, this.sockets.fd6);
  readonly #cellAt = this.#arena.allocate(ENDPOINT_CELL_BYTES);
  readonly #bytesAt = this.#arena.allocate(2000);

  constructor() {
    this.errors = new ErrorQueue((to: Endpoint, error: PathError) => {
      this.told.push(`${formatEndpoint(to)} ${error.problem} ${error.offender} ${error.mtu}`);
    });
    this.errors.follow(this.sockets.fd4, this.sockets.fd6);
  }

  send(address: Uint8Array, port: number): number {
    writeEndpointCell(this.#arena.bytes, this.#cellAt, { address, port, scope: 0 }, undefined);
    this.port.gather(0, this.#bytesAt, 148);
    return this.port.send(1, 148, this.#cellAt, 0);
  }

  /** Receives a datagram. The port may be drained once before it reads the other socket. */
  receive(): number {
    return this.port.receive(this.#bytesAt) || this.port.receive(this.#bytesAt);
  }

  [Symbol.dispose](): void {
    closeUdp(this.sockets);
  }
}

/** A port of this machine to which no socket is bound. */
function closedPort(): number {
  const sockets = openUdp({ port: 0 });
  closeUdp(sockets);
  return sockets.port;
}

Deno.test("the error queue tells who refused a datagram, and sends do not fail for it", () => {
  using site = new Site();
  using other = new Site();
  const closed = closedPort();
  for (const [address, text] of [[LOOPBACK4, "127.0.0.1"], [LOOPBACK6, "::1"]] as const) {
    const to = address.length === 4 ? text : `[${text}]`;
    for (let i = 0; i < 3; i++) {
      // The error of each is pending when the next one is sent.
      assert.equal(site.send(address, closed), SEND_OK);
      assert.equal(site.send(address, other.sockets.port), SEND_OK);
      assert.equal(other.receive(), 148, "it arrived");
    }
    assert.equal(site.errors.read(true, 1), 3);
    assert.deepEqual(site.told, Array(3).fill(`${to}:${closed} port-unreachable ${text} 0`));
    site.told.length = 0;
    assert.equal(site.errors.read(true, 1), 0);
  }
});

Deno.test("a flood of errors is cut off for a while", () => {
  using site = new Site();
  const closed = closedPort();
  let read = 0;
  const flood = (now: number) => {
    for (let i = 0; i < 3 * ERRORS_PER_SECOND; i++) {
      assert.equal(site.send(LOOPBACK4, closed), SEND_OK);
      read += site.errors.read(true, now);
    }
  };
  flood(10_000);
  assert.ok(read > ERRORS_PER_SECOND && read <= 2 * ERRORS_PER_SECOND, `${read} errors`);
  const before = read;
  flood(10_000 + REST_MS - 1);
  assert.equal(read, before);
  site.errors.read(false, 10_000 + REST_MS);
  site.send(LOOPBACK4, closed);
  assert.equal(site.errors.read(true, 10_000 + REST_MS), 1);
});

Deno.test("every type and code of ICMP has a meaning", () => {
  assert.equal(problemOf4(3, 1), "host-unreachable");
  assert.equal(problemOf4(3, 4), "too-big");
  assert.equal(problemOf4(3, 13), "prohibited");
  assert.equal(problemOf4(11, 0), "time-exceeded");
  assert.equal(problemOf4(12, 0), "other");
  assert.equal(problemOf6(1, 0), "net-unreachable");
  assert.equal(problemOf6(1, 1), "prohibited");
  assert.equal(problemOf6(1, 3), "host-unreachable");
  assert.equal(problemOf6(1, 4), "port-unreachable");
  assert.equal(problemOf6(2, 0), "too-big");
  assert.equal(problemOf6(4, 0), "other");
  for (let type = 0; type < 256; type++) {
    for (let code = 0; code < 256; code++) {
      assert.ok(problemOf4(type, code) !== undefined && problemOf6(type, code) !== undefined);
    }
  }
});
