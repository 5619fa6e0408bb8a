/**
 * A program for memory_test.ts: a peer that tells every secret of its handshakes. Both sides of a
 * handshake compute the same results of X25519 and the same chaining keys, so these are the secrets
 * of the other side too. Prints a line for each: `NUMBER NAME HEX`, where NUMBER counts handshakes.
 *
 * The order comes as JSON in the environment. SIGUSR1 begins a new handshake, SIGUSR2 sends an
 * initiation of a stranger.
 * @module
 */
import { blake2s } from "npm:@noble/hashes@2.4.0/blake2.js";
import { hmac } from "npm:@noble/hashes@2.4.0/hmac.js";
import { Arena } from "../../lib/base/arena.ts";
import { type PrivateKey, type PublicKey, sessionIndex } from "../../lib/base/brands.ts";
import { parseEndpoint } from "../../lib/base/ip_text.ts";
import { mac1Key, mac1Of } from "../../lib/cookie/macs.ts";
import { nobleCipher } from "../../lib/crypto/noble_cipher.ts";
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import { BASE_POINT, type Suite } from "../../lib/crypto/suite.ts";
import { DATAPLANE_ARENA_BYTES } from "../../lib/data/dataplane.ts";
import { LocalInterface } from "../../lib/embed/local.ts";
import { MemoryTun } from "../../lib/embed/memory_tun.ts";
import { PortableUdp } from "../../lib/embed/portable_udp.ts";
import { createInitiation, identityOf, wireguardStart } from "../../lib/noise/handshake.ts";
import { TimestampSource } from "../../lib/noise/tai64n.ts";
import { now, wallClock } from "../../lib/runtime/clock.ts";
import { fillRandom } from "../../lib/runtime/entropy.ts";
import { mac1Offset } from "../../lib/wire/messages.ts";

/** What it is to do; keys are base64. */
export interface PeerOrder {
  readonly privateKey: string;
  readonly presharedKey: string;
  readonly port: number;
  /** The daemon's public key and endpoint. */
  readonly publicKey: string;
  readonly endpoint: string;
}

if (import.meta.main) run(JSON.parse(Deno.env.get("ORDER")!));

function run(order: PeerOrder): void {
  const privateKey = Uint8Array.fromBase64(order.privateKey) as PrivateKey;
  const publicKey = Uint8Array.fromBase64(order.publicKey) as PublicKey;
  const endpoint = parseEndpoint(order.endpoint)!;
  let handshake = 0;
  const tell = (name: string, bytes: Uint8Array) =>
    console.log(`${handshake} ${name} ${bytes.toHex()}`);
  const staticShared = nobleSuite.sharedSecret(privateKey, publicKey)!;
  tell("static-static", staticShared);
  const recorded: Suite = {
    ...nobleSuite,
    sharedSecret: (ours, theirs) => recorded.products(ours, theirs)[0],
    products(ours, ...points) {
      const made = nobleSuite.products(ours, ...points);
      made.forEach((product, i) => {
        if (product === undefined || points[i] === BASE_POINT) return;
        if (product.toHex() !== staticShared.toHex()) tell("x25519", product);
      });
      return made;
    },
    kdf(key, input, ...outputs) {
      tell("kdf", hmac(blake2s, key, input));
      nobleSuite.kdf(key, input, ...outputs);
      for (const output of outputs) tell("kdf", output);
    },
  };

  const arena = new Arena(DATAPLANE_ARENA_BYTES + 65_536);
  const udp = new PortableUdp(arena, order.port, "0.0.0.0");
  const tun = new MemoryTun(arena, () => {});
  const local = new LocalInterface({
    arena,
    suite: recorded,
    cipher: nobleCipher(arena),
    tun,
    udp,
    send: ({ bytes, endpoint }) => udp.sendDatagram(bytes, endpoint),
    listenPort: udp.port,
    now,
    wallClock,
    random: fillRandom,
    event: (event) => {
      if (event.kind === "handshake") console.log(`${handshake++} completed`);
    },
  });
  tun.wake = udp.wake = () => local.wake();
  local.configure({
    privateKey,
    peers: [{
      publicKey,
      presharedKey: Uint8Array.fromBase64(order.presharedKey) as never,
      endpoint,
      allowedIps: [{ address: new Uint8Array(4), prefix: 0 }],
    }],
  });

  Deno.addSignalListener("SIGUSR1", () => {
    // Down forgets the session, so that the packet needs a handshake.
    local.link(false);
    local.link(true);
    tun.inject(Uint8Array.of(0x45, 0, 0, 20, 0, 0, 0, 0, 64, 59, 0, 0, 10, 9, 0, 2, 10, 9, 0, 1));
  });
  Deno.addSignalListener("SIGUSR2", () => {
    const stranger = new Uint8Array(32);
    fillRandom(stranger);
    const ephemeral = new Uint8Array(32);
    fillRandom(ephemeral);
    const identity = identityOf(nobleSuite, stranger);
    const shared = nobleSuite.sharedSecret(stranger, publicKey)!;
    const { message } = createInitiation(
      recorded,
      wireguardStart(nobleSuite),
      identity,
      publicKey,
      shared,
      sessionIndex(7),
      ephemeral,
      new TimestampSource(wallClock).next(),
    )!;
    message.set(mac1Of(nobleSuite, mac1Key(nobleSuite, publicKey), message), mac1Offset(148));
    udp.sendDatagram(message, endpoint);
    console.log(`${handshake++} stranger`);
  });
  console.log("ready");
}
