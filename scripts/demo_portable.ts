/**
 * Two peers inside this process: real UDP over the loopback, the whole protocol, IP packets from and to memory. Works without privileges.
 * @module
 */
import { formatEndpoint, parseIp, PortableInterface, type PrivateKey } from "../mod.ts";

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

/** An IPv4 packet with an ICMP echo request (type 8) or reply (0): 20 + 8 + 56 bytes, as ping sends it. */
function echo(type: 8 | 0, from: string, to: string, sequence: number): Uint8Array {
  const packet = new Uint8Array(84);
  packet.set([0x45, 0, 0, 84, 0, sequence, 0, 0, 64, 1, 0, 0, ...parseIp(from) ?? [], ...parseIp(to) ?? []]);
  packet.set([type, 0, 0, 0, 0, 7, 0, sequence], 20);
  for (let i = 28; i < 84; i++) packet[i] = i;
  for (const [start, end, at] of [[0, 20, 10], [20, 84, 22]]) {
    const sum = checksum(packet.subarray(start, end));
    packet.set([sum >>> 8, sum & 255], at);
  }
  return packet;
}

/** Runs five echoes from one peer to the other and back. @throws Error when one does not come back */
export async function portableDemo(say: (line: string) => void): Promise<void> {
  const came = new Map<number, () => void>();
  using here = new PortableInterface({
    hostname: "127.0.0.1",
    deliver: (packet) => {
      if (packet[20] === 0) came.get(packet[27])?.();
    },
  });
  using there = new PortableInterface({
    hostname: "127.0.0.1",
    deliver: (packet) => {
      if (packet[20] === 8) there.inject(echo(0, THERE, HERE, packet[27]));
    },
  });
  const peers = [here, there];
  for (const one of peers) one.configure({ privateKey: crypto.getRandomValues(new Uint8Array(32)) as PrivateKey });
  const ranges = [HERE, THERE].map((text) => ({ address: parseIp(text) ?? new Uint8Array(4), prefix: 32 }));
  for (const [i, one] of peers.entries()) {
    const other = peers[1 - i];
    const { publicKey } = other.status();
    if (publicKey === undefined) throw new Error("the other peer has no key");
    const endpoint = { address: Uint8Array.of(127, 0, 0, 1), port: other.port, scope: 0 };
    one.configure({ peers: [{ publicKey, endpoint, allowedIps: [ranges[1 - i]] }] });
    say(`peer ${i + 1}: ${[HERE, THERE][i]}, UDP port ${one.port}, ${one.suite}, ${one.cipher}`);
  }
  for (let sequence = 1; sequence <= ECHOES; sequence++) {
    const begin = performance.now();
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`echo ${sequence} did not come back`)), ECHO_MS);
      came.set(sequence, () => {
        clearTimeout(timer);
        resolve();
      });
      here.inject(echo(8, HERE, THERE, sequence));
    });
    say(`64 bytes from ${THERE}: seq=${sequence} time=${(performance.now() - begin).toFixed(2)} ms`);
  }
  for (const [i, one] of peers.entries()) {
    const [peer] = one.status().peers;
    const endpoint = peer.endpoint === undefined ? "-" : formatEndpoint(peer.endpoint);
    say(`peer ${i + 1}: its peer is at ${endpoint}, tx: ${peer.txBytes}, rx: ${peer.rxBytes}`);
  }
}
