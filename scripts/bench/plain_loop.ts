/**
 * One end of a tunnel with our data plane, a cipher that does nothing, and a fixed session. It
 * measures what TUN, UDP and the loop cost without cryptography. Only the bench has this. The plan
 * is JSON in the argument and contains no secret. `ready` on standard output reports that packets
 * move.
 * @module
 */

import { Arena } from "../../lib/base/arena.ts";
import { milliseconds, peerSlot, sessionIndex } from "../../lib/base/brands.ts";
import { KEY_LENGTH } from "../../lib/base/constants.ts";
import { parseIpv4, parseIpv6 } from "../../lib/base/ip_text.ts";
import type { DataCommand } from "../../lib/base/messages.ts";
import { HandshakeMemory } from "../../lib/base/handshake_memory.ts";
import type { SessionKeySlots } from "../../lib/base/session_keys.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";
import { STANDARD_TIMES } from "../../lib/base/times.ts";
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import type { PacketCipher } from "../../lib/crypto/suite.ts";
import { Dataplane, DATAPLANE_ARENA_BYTES } from "../../lib/data/dataplane.ts";
import { runPacketLoop } from "../../lib/worker/packet_loop.ts";
import { SHARED_WORDS } from "../../lib/worker/worker_messages.ts";
import { now } from "../../lib/runtime/clock.ts";
import { LinuxTunPort } from "../../lib/ports/linux_tun_port.ts";
import { LinuxUdpPort } from "../../lib/ports/linux_udp_port.ts";
import { openTun } from "../../lib/ports/open_tun.ts";
import { openUdp } from "../../lib/ports/open_udp.ts";
import { EventFd, PollSet } from "../../ffi/poll.ts";

/** The plan of one end. The index of the left end is 1, that of the right end 2. */
export interface PlainPlan {
  readonly interface: string;
  readonly index: number;
  readonly peerIndex: number;
  readonly port: number;
  readonly peerAddress: string;
  readonly peerPort: number;
  readonly peerInet: string;
  readonly peerInet6: string;
}

const PEER = peerSlot(0);
/** The lifetime of the session, longer than any load. */
const FOR_EVER_MS = 1e9;

/**
 * A cipher that changes no byte. It copies the packet out of the receive buffer, as every cipher
 * does.
 */
export function noCipher(arena: Arena): PacketCipher {
  const { bytes } = arena;
  return {
    name: "none",
    seal: () => {},
    open: (_key, _low, _high, from, length, to) => {
      bytes.copyWithin(to, from, from + length);
      return true;
    },
    forget: () => {},
  };
}

function bytes(parsed: Uint8Array | undefined, text: string): Uint8Array {
  if (parsed === undefined) throw new TypeError(`${text} is no address`);
  return parsed;
}

/** The commands that make one peer with one session. */
export function plainCommands(plan: PlainPlan, keys: SessionKeySlots): DataCommand[] {
  const add = [
    { address: bytes(parseIpv4(plan.peerInet), plan.peerInet), prefix: 32 },
    { address: bytes(parseIpv6(plan.peerInet6), plan.peerInet6), prefix: 128 },
  ];
  return [
    { type: "link", up: true, mtu: 1420 },
    { type: "peer-add", peer: PEER },
    { type: "allowed-ips", peer: PEER, replace: true, remove: [], add },
    {
      type: "session-install",
      peer: PEER,
      initiator: true,
      localIndex: sessionIndex(plan.index),
      remoteIndex: sessionIndex(plan.peerIndex),
      keySlot: keys.put(new Uint8Array(KEY_LENGTH), new Uint8Array(KEY_LENGTH)),
      createdAt: milliseconds(now()),
    },
  ];
}

function run(plan: PlainPlan): void {
  const opened = openTun(plan.interface);
  const { fd4, fd6 } = openUdp({ port: plan.port });
  const arena = new Arena(DATAPLANE_ARENA_BYTES);
  const tun = new LinuxTunPort(arena, opened);
  const table = new PeerTable();
  const address = bytes(parseIpv4(plan.peerAddress), plan.peerAddress);
  table.writeEndpoint(PEER, { address, port: plan.peerPort, scope: 0 }, undefined);
  const handshakes = new HandshakeMemory();
  const dataplane = new Dataplane({
    arena,
    cipher: noCipher(arena),
    suite: nobleSuite,
    table,
    handshakes,
    tun,
    udp: new LinuxUdpPort(arena, fd4, fd6),
    emit: () => {},
    times: {
      ...STANDARD_TIMES,
      rekeyAfter: FOR_EVER_MS,
      rekeyAfterReceiving: FOR_EVER_MS,
      rejectAfter: FOR_EVER_MS,
    },
  });
  for (const command of plainCommands(plan, handshakes.sessionKeys)) {
    dataplane.apply(command, now());
  }
  const bell = new EventFd();
  console.log("ready");
  runPacketLoop({
    dataplane,
    polls: new PollSet([opened.fd, fd4, fd6, bell.descriptor, -1, opened.queues[1] ?? -1]),
    bell,
    words: new Int32Array(SHARED_WORDS),
    now,
    carryOutOrders: () => true,
    flush: () => {},
    link: undefined,
    linkChanged: () => {},
    routesChanged: () => {},
  });
}

if (import.meta.main) run(JSON.parse(Deno.args[0]) as PlainPlan);
