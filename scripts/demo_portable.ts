/**
 * Two peers inside this process: real UDP over the loopback, the whole protocol, IP packets from
 * and to memory. Works without privileges.
 * @module
 */
import { makePrivateKey, publicKeyOf, Tunnel } from "../mod.ts";

/** How long an echo may take: an initiation lost on the way is repeated after 5.333 s at most. */
const ECHO_MS = 8_000;
const ECHOES = 5;

const HERE = "192.168.5.1";
const THERE = "192.168.5.2";

/** The checksum of RFC 1071 over some bytes. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes[at] << 8 | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/**
 * An IPv4 packet with an ICMP echo request (type 8) or reply (0): 20 + 8 + 56 bytes, as ping sends
 * it.
 */
function echo(type: 8 | 0, from: string, to: string, sequence: number): Uint8Array {
  const packet = new Uint8Array(84);
  const addresses = [from, to].flatMap((address) => address.split(".").map(Number));
  packet.set([0x45, 0, 0, 84, 0, sequence, 0, 0, 64, 1, 0, 0, ...addresses]);
  packet.set([type, 0, 0, 0, 0, 7, 0, sequence], 20);
  for (let i = 28; i < 84; i++) packet[i] = i;
  for (const [start, end, at] of [[0, 20, 10], [20, 84, 22]]) {
    const sum = checksum(packet.subarray(start, end));
    packet.set([sum >>> 8, sum & 255], at);
  }
  return packet;
}

/**
 * Runs five echoes from one peer to the other and back.
 * @throws Error when one does not come back
 */
export async function portableDemo(say: (line: string) => void): Promise<void> {
  const came = new Map<number, () => void>();
  const keys = { here: makePrivateKey(), there: makePrivateKey() };
  await using there = new Tunnel({
    privateKey: keys.there,
    listen: "127.0.0.1:0",
    peers: [{ publicKey: publicKeyOf(keys.here), allowedIps: [`${HERE}/32`] }],
    onPacket: (packet) => {
      if (packet[20] === 8) there.send(echo(0, THERE, HERE, packet[27]));
    },
    onEndpoint: ({ endpoint }) => say(`peer 2: its peer is at ${endpoint}`),
  });
  await using here = new Tunnel({
    privateKey: keys.here,
    listen: "127.0.0.1:0",
    peers: [{
      publicKey: publicKeyOf(keys.there),
      endpoint: `127.0.0.1:${there.port}`,
      allowedIps: [`${THERE}/32`],
    }],
    onPacket: (packet) => {
      if (packet[20] === 0) came.get(packet[27])?.();
    },
    onHandshake: () => say("peer 1: there is a session"),
  });
  for (const [i, peer] of [here, there].entries()) {
    const { listen, suite, cipher } = peer.status();
    say(`peer ${i + 1}: ${[HERE, THERE][i]}, on ${listen}, ${suite}, ${cipher}`);
  }
  for (let sequence = 1; sequence <= ECHOES; sequence++) {
    const begin = performance.now();
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`echo ${sequence} did not come back`)),
        ECHO_MS,
      );
      came.set(sequence, () => {
        clearTimeout(timer);
        resolve();
      });
      here.send(echo(8, HERE, THERE, sequence));
    });
    say(
      `64 bytes from ${THERE}: seq=${sequence} time=${(performance.now() - begin).toFixed(2)} ms`,
    );
  }
  for (const [i, tunnel] of [here, there].entries()) {
    const [peer] = tunnel.status().peers;
    say(`peer ${i + 1}: tx: ${peer.txBytes}, rx: ${peer.rxBytes}`);
  }
}
