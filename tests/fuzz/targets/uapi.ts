/**
 * The control socket: bytes to operations, operations to changes, changes to a device; and the
 * texts that our commands read.
 * @module
 */
import assert from "node:assert/strict";
import { milliseconds } from "../../../lib/base/brands.ts";
import { COUNTERS } from "../../../lib/base/counters.ts";
import type { DeviceChange } from "../../../lib/base/config.ts";
import { ConfigError } from "../../../lib/base/errors.ts";
import { HandshakeMemory } from "../../../lib/base/handshake_memory.ts";
import { PeerTable } from "../../../lib/base/peer_table.ts";
import { formatLog, parseLog } from "../../../lib/daemon/log_text.ts";
import { Device } from "../../../lib/device/device.ts";
import { chooseSuite } from "../../../lib/runtime/crypto.ts";
import { formatGet, parseGet } from "../../../lib/uapi/get.ts";
import { checkOperation } from "../../../lib/uapi/operations.ts";
import { UapiReader, type UapiRequest } from "../../../lib/uapi/reader.ts";
import { formatReply, parseReply } from "../../../lib/uapi/reply.ts";
import { formatSet, parseSet } from "../../../lib/uapi/set.ts";
import { Chance, filler } from "../../random.ts";
import { randomChange, randomFacts, randomStatus } from "../../uapi/random_change.ts";
import { bytesOf, type Feed, parsed, type Target, textTarget } from "../target.ts";

/** Small limits, so that inputs reach them. */
const LIMITS = { lineMax: 200, messageMax: 3_000 };
const NOW = milliseconds(1_000_000);
/** A device with more peers than this is made again. */
const PEERS_MAX = 40;

const SET_WORDS = [
  "set=1\n",
  "set=2\n",
  "get=1\n\n",
  "get=2\n\n",
  "dmesg=1\nsince=0\n\n",
  "link=up\n\n",
  "\n",
  "\n\n",
  "=",
  "private_key=",
  "listen_port=",
  "fwmark=",
  "replace_peers=true\n",
  "rtable=",
  "debug=true\n",
  "groups=a b\n",
  "priority=",
  "offloads=tso -gro\n",
  "public_key=",
  "preshared_key=",
  "remove=true\n",
  "update_only=true\n",
  "endpoint=192.0.2.1:51820\n",
  "endpoint=[2001:db8::1]:51820\n",
  "endpoint=[fe80::1%3]:51820\n",
  "persistent_keepalive_interval=25\n",
  "replace_allowed_ips=true\n",
  "allowed_ip=10.0.0.0/8\n",
  "allowed_ip=-10.0.0.0/8\n",
  "allowed_ip=::/0\n",
  "protocol_version=1\n",
  "description=a b\n",
  "aa".repeat(32),
  "00".repeat(32),
  "ff".repeat(32),
];

/** What `UapiReader` made of some bytes, with keys as text. */
type Told = readonly string[];

/** Reads bytes that come in pieces. */
function readAll(bytes: Uint8Array, pieces: Iterable<Uint8Array>, limits: object): UapiRequest[] {
  const reader = new UapiReader(limits);
  const requests: UapiRequest[] = [];
  for (const piece of pieces) {
    reader.push(piece);
    for (let next = reader.next(); next !== undefined; next = reader.next()) {
      if (next.type === "broken") {
        assert.ok(next.problem.length < 100 && (next.version === 1 || next.version === 2));
        assert.equal(reader.held, 0, "a broken reader holds nothing");
        return requests;
      }
      requests.push(next);
    }
    assert.ok(reader.held <= 2 * (LIMITS.messageMax + bytes.length) + 4_096);
  }
  return requests;
}

function* inPieces(bytes: Uint8Array, chance: Chance): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length;) {
    const length = chance.once(3) ? 1 : 1 + chance.int(40);
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

const told = (requests: readonly UapiRequest[]): Told =>
  requests.map(({ keys, ...request }) =>
    JSON.stringify([request, [...keys ?? []].map(([line, key]) => [line, key.toHex()])])
  );

/** What a client sends: a byte that chooses the pieces, then operations. */
export const uapiSet: Target = {
  name: "uapi-set",
  covers: ["lib/uapi/", "lib/device/", "lib/base/ip_text.ts", "lib/base/labels.ts"],
  bytesMax: 8_192,
  words: SET_WORDS,
  make(chance) {
    let text = String.fromCharCode(chance.int(128));
    for (let left = 1 + chance.int(3); left > 0; left--) {
      text += chance.once(4)
        ? chance.oneOf(["get=1\n\n", "get=2\n\n", "dmesg=1\nsince=3\n\n", "netns=1\n\n"])
        : `set=${1 + chance.int(2)}\n${formatSet(randomChange(chance))}\n`;
    }
    return bytesOf(text);
  },
  open: () => new Administered().feed,
};

/** A device that clients change. */
class Administered {
  #device = newDevice();

  readonly feed: Feed = (input) => {
    const bytes = input.subarray(1);
    const requests = readAll(bytes, inPieces(bytes, Chance.of(input[0] ?? 0)), LIMITS);
    const atOnce = readAll(bytes, [bytes], LIMITS);
    assert.deepEqual(told(requests), told(atOnce), "the pieces make a difference");
    let verdict = "nothing";
    for (const request of requests) verdict = this.#operate(request);
    return verdict;
  };

  #operate(request: UapiRequest): string {
    return parsed(() => checkOperation(request), () => {
      if (request.operation !== "set") return request.operation;
      const { keys = new Map() } = request;
      return parsed(() => parseSet(request.lines, { keys }), (change) => {
        assertPrints(change);
        return this.#configure(change);
      });
    });
  }

  #configure(change: DeviceChange): string {
    const before = statusText(this.#device);
    try {
      this.#device.configure(change, NOW);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      assert.equal(statusText(this.#device), before, "a refused change has changed something");
      assert.deepEqual(this.#device.takeOutputs().commands, [], "a refused change has commands");
      return "refused by the device";
    }
    this.#device.takeOutputs();
    if (this.#device.status().peers.length > PEERS_MAX) this.#device = newDevice();
    return "configured";
  }
}

function newDevice(): Device {
  const device = new Device({
    suite: chooseSuite(),
    random: filler(Chance.of(1)),
    wallClock: () => 1_700_000_000_000_000_000n,
    table: new PeerTable(),
    handshakes: new HandshakeMemory(),
  });
  device.link(true, 1420, NOW);
  device.takeOutputs();
  return device;
}

const statusText = (device: Device) => formatGet(device.status());

/** Fails when a change is not the same after it was printed and read. */
function assertPrints(change: DeviceChange): void {
  const lines = formatSet(change).split("\n").slice(0, -1);
  assert.deepEqual(parseSet(lines), change, "a change is another one after it was printed");
}

const STATUS_WORDS = [
  "private_key=",
  "own_public_key=",
  "listen_port=51820\n",
  "link=3 4163 1420 wg1 office\n",
  "address=10.0.0.1/24 128 - 10.0.0.255\n",
  "address=fd00::1/64 128 fd00::2 -\n",
  "rtable=",
  "groups=",
  "public_key=",
  "preshared_key=",
  "endpoint=[fe80::1%2]:5\n",
  "last_handshake_time_sec=",
  "last_handshake_time_nsec=",
  "tx_bytes=",
  "counter=tx_sealed 7\n",
  "queue=staged_bytes 7\n",
  "peer_number=7\n",
  "description=",
  "allowed_ip=10.0.0.0/8\n",
  "errno=0\n\n",
  "errno=-22\n\n",
  "error=",
  "error_word=",
  "aa".repeat(32),
];

/** What a daemon answers, ours or another one, and the public file of an interface. */
export const uapiGet: Target = textTarget({
  name: "uapi-get",
  covers: ["lib/uapi/", "lib/base/ip_text.ts", "lib/base/labels.ts"],
  bytesMax: 8_192,
  words: STATUS_WORDS,
  make(chance) {
    const facts = chance.once(2) ? randomFacts(chance) : undefined;
    const text = formatGet(randomStatus(chance), facts);
    if (chance.once(4)) return formatReply("", new ConfigError("wgport", "x is no port"), 2);
    return formatReply(text);
  },
  feed: (text) =>
    parsed(() => parseReply(text, "wg1"), (body) =>
      parsed(() => parseGet(body), (status) => {
        const { counters } = status;
        for (const name of Object.keys(counters ?? {})) {
          assert.ok(COUNTERS.some(([known]) => known === name), name);
        }
        return `${Math.min(2, status.peers.length)} peers`;
      })),
});

/** The answer to `dmesg=1`, and the text of log lines. */
export const logText: Target = textTarget({
  name: "log",
  covers: ["lib/daemon/log_text.ts"],
  bytesMax: 4_096,
  words: ["line=", "line=1 1700000000000 up\n", "\n", " ", "\r", "\u2028", "\u0085"],
  make: (chance) =>
    formatLog(Array.from({ length: chance.int(5) }, (_, i) => ({
      sequence: i,
      unixMs: chance.int(2 ** 32) * 400,
      text: chance.oneOf(["up", "", "a line=2 3 b", "Zoë", "x".repeat(500)]),
    }))),
  feed(text) {
    const lines = parseLog(text);
    assert.deepEqual(parseLog(formatLog(lines)), lines, "lines are others after they were printed");
    // Any text of one line comes back.
    // deno-lint-ignore no-control-regex
    const clean = text.replace(/[\x00-\x1f\x7f-\x9f]/g, " ").slice(0, 500);
    const one = { sequence: 7, unixMs: 1_700_000_000_000, text: clean };
    assert.deepEqual(parseLog(formatLog([one])), [one], "a line is another one when it is read");
    return lines.length === 0 ? "nothing" : "lines";
  },
});
