/**
 * A program for embed_test.ts, as a user of mod.ts writes one: 192.168.5.1 as a Tunnel that answers
 * pings and whose peer is 192.168.5.2. Its arguments are the peer's endpoint and public key.
 * SIGUSR1 has it ping the peer, SIGUSR2 move to another port with the same key, SIGTERM close the
 * tunnel.
 * @module
 */
import { formatKey, makePrivateKey, publicKeyOf, Tunnel } from "../../mod.ts";

const [endpoint, peerKey] = Deno.args;
const privateKey = makePrivateKey();
const HERE = [192, 168, 5, 1];
const THERE = [192, 168, 5, 2];

/**
 * An echo request's answer: addresses swapped, type 0, and the ICMP checksum that differs by the
 * type (RFC 1624).
 */
function answer(request: Uint8Array): Uint8Array {
  const packet = request.slice();
  packet.set(request.subarray(16, 20), 12);
  packet.set(request.subarray(12, 16), 16);
  packet[20] = 0;
  const view = new DataView(packet.buffer);
  const sum = view.getUint16(22) + 0x0800;
  view.setUint16(22, (sum & 0xffff) + (sum >>> 16));
  return packet;
}

/** An echo request of 8 bytes, whose checksums are filled in. */
function request(): Uint8Array {
  const packet = Uint8Array.of(
    0x45,
    0,
    0,
    28,
    0,
    1,
    0,
    0,
    64,
    1,
    0,
    0,
    ...HERE,
    ...THERE,
    8,
    0,
    0,
    0,
    0,
    9,
    0,
    1,
  );
  const view = new DataView(packet.buffer);
  for (const [begin, end, at] of [[0, 20, 10], [20, 28, 22]]) {
    let sum = 0;
    for (let i = begin; i < end; i += 2) sum += view.getUint16(i);
    view.setUint16(at, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
  }
  return packet;
}

function open(): Tunnel {
  const tunnel: Tunnel = new Tunnel({
    privateKey,
    peers: [{
      publicKey: peerKey,
      endpoint,
      allowedIps: ["192.168.5.2/32"],
      persistentKeepalive: 25,
    }],
    onPacket: (packet) => {
      if (packet[9] !== 1) return;
      if (packet[20] === 8) tunnel.send(answer(packet));
      else console.log(`ICMP type ${packet[20]} from ${packet.subarray(12, 16).join(".")}`);
    },
    onHandshake: ({ publicKey }) => console.log(`session ${publicKey} port ${tunnel.port}`),
  });
  return tunnel;
}

let tunnel = open();

const signals: Partial<Record<Deno.Signal, () => void>> = {
  SIGUSR1: () => tunnel.send(request()),
  SIGUSR2: async () => {
    await tunnel.close();
    tunnel = open();
  },
  SIGTERM: async () => {
    for (const [signal, act] of Object.entries(signals)) {
      Deno.removeSignalListener(signal as Deno.Signal, act);
    }
    await tunnel.close();
    // Nothing is left that would keep the process.
    console.log("closed");
  },
};
for (const [signal, act] of Object.entries(signals)) {
  Deno.addSignalListener(signal as Deno.Signal, act);
}
console.log(`key ${formatKey(publicKeyOf(privateKey))}`);
