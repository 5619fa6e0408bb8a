/**
 * Keys in the memory of a running interface: each as seldom as it can be, and none after its end.
 */
import { deepEqual, ok } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { eventually, type Room, type Running } from "../../scripts/netlab.ts";
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import type { PeerOrder } from "./knowing_peer.ts";
import { findInMemory, type Found } from "./memory_image.ts";
import { needs } from "./needs.ts";
import { cable, create, may, must, publicKey, randomKey, wgRoom } from "./peers.ts";

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What a peer told of its handshakes. */
interface Handshake {
  readonly secrets: string[];
  readonly end: string | undefined;
}

function handshakesOf(peer: Running): Handshake[] {
  const all: { secrets: string[]; end: string | undefined }[] = [];
  for (const line of peer.output().split("\n")) {
    const match = /^(\d+) (\S+)(?: ([0-9a-f]{64}))?$/.exec(line);
    if (match === null || match[2] === "static-static") continue;
    const one = all[Number(match[1])] ??= { secrets: [], end: undefined };
    if (match[3] === undefined) one.end = match[2];
    else one.secrets.push(match[3]);
  }
  return all;
}

/** The session keys are the last two that are derived. */
const sessionKeys = ({ secrets }: Handshake) => secrets.slice(-2);

/** The answers of 32 bytes that getrandom(2) gave, in the order of the trace. */
const ephemerals = (trace: string) =>
  [...trace.matchAll(/getrandom\("((?:\\x[0-9a-f]{2}){32})", 32, 0\) = 32$/gm)]
    .map(([, bytes]) => bytes.replaceAll("\\x", ""));

const places = (found: readonly Found[]) =>
  found.map(({ address, region }) => `${address} in ${region}`).join(", ");

/** How often each secret (hexadecimal) stands in the memory of the process. */
function copies(pid: number, secrets: readonly string[]): Map<string, Found[]> {
  return findInMemory(pid, new Map(secrets.map((hex) => [hex, Uint8Array.fromHex(hex)])));
}

/** The secrets that are in the memory of the process, each by its index and its places. */
function found(pid: number, what: string, secrets: readonly string[]): string[] {
  ok(secrets.length > 0, `${what}: none is known`);
  return [...copies(pid, secrets)].filter(([, found]) => found.length > 0)
    .map(([hex, found]) =>
      `${what}: ${secrets.indexOf(hex)} of ${secrets.length}: ${places(found)}`
    );
}

function noCopy(pid: number, what: string, secrets: readonly string[]): void {
  deepEqual(found(pid, what, secrets), []);
}

/** As `noCopy`, within some seconds: on a busy machine the process may still be at work. */
async function noCopySoon(pid: number, what: string, secrets: readonly string[]): Promise<void> {
  for (let i = 0; i < 4 && found(pid, what, secrets).length > 0; i++) await sleep(1_000);
  noCopy(pid, what, secrets);
}

function fewCopies(pid: number, what: string, secrets: readonly string[], max: number): void {
  for (const found of copies(pid, secrets).values()) {
    ok(found.length >= 1, `${what}: not found, so the image is not read`);
    ok(found.length <= max, `${what}: ${found.length} copies: ${places(found)}`);
  }
}

/** A key as raw bytes, in hexadecimal and in base64. */
const forms = (base64: string, private_ = false) => {
  const raw = Uint8Array.fromBase64(base64);
  if (private_) {
    raw[0] &= 0xf8;
    raw[31] = raw[31] & 0x7f | 0x40;
  }
  const text = (characters: string) => new TextEncoder().encode(characters).toHex();
  return { raw: raw.toHex(), texts: [text(raw.toHex()), text(raw.toBase64())] };
};

/**
 * A private key that is another one after Curve25519's five bits are set in it. Of random keys one
 * of 32 is not, and it would be found as it was given while it is in use.
 */
function keyToClamp(): string {
  const key = Uint8Array.fromBase64(randomKey());
  key[0] |= 1;
  return key.toBase64();
}

async function startPeer(room: Room, order: PeerOrder): Promise<Running> {
  const argv = [Deno.execPath(), "run", "-A", "--unstable-net", "--quiet", "--no-check"];
  const peer = room.spawn([...argv, `${ROOT}tests/system/knowing_peer.ts`], {
    netns: "right",
    env: { ORDER: JSON.stringify(order), HOME: Deno.env.get("HOME") ?? "/root" },
  });
  await peer.wrote("ready\n");
  return peer;
}

async function nextHandshake(peer: Running, begin: () => void): Promise<Handshake> {
  const number = handshakesOf(peer).filter(({ end }) => end !== undefined).length;
  begin();
  await eventually("the handshake is over", () => handshakesOf(peer)[number]?.end);
  return handshakesOf(peer)[number];
}

for (const workers of [1, 2] as const) {
  Deno.test(
    `keys are found in memory as seldom as they can be, and not after their end, ${workers} Worker${
      workers === 1 ? "" : "s"
    }`,
    needs("root", "namespaces", "tun", "strace", "ping"),
    async () => {
      await using room = await wgRoom();
      await cable(room);
      const key = keyToClamp(), presharedKey = randomKey(), peerKey = randomKey();
      await create(room, "wg1", "left", `wgport 7111 wgkey ${key}`, workers);
      const pid = Number(
        (await room.processes()).find((line) => / daemon wg1( \d)?$/.test(line))?.split(" ")[0],
      );
      const strace = room.spawn([
        "strace",
        ..."-f -xx -s 64 -e trace=getrandom -o /run/trace -p".split(" "),
        /\tpid (\d+)\n/.exec(await must(room, "ifconfig wg1 hwfeatures", "left"))![1],
      ]);
      await strace.wrote("attached");
      const traced = async () => ephemerals(await must(room, "cat /run/trace"));

      const ours = nobleSuite.publicKey(Uint8Array.fromBase64(peerKey)).toBase64();
      const peer = await startPeer(room, {
        privateKey: peerKey,
        presharedKey,
        port: 7222,
        publicKey: await publicKey(room, "wg1"),
        endpoint: "10.0.0.1:7111",
      });
      const words = `wgpsk ${presharedKey} wgendpoint 10.0.0.2 7222 wgaip 10.9.0.0/24`;
      await must(room, `ifconfig wg1 wgpeer ${ours} ${words}`, "left");
      await must(room, "ifconfig wg1 10.9.0.1/24", "left");

      // The daemon begins, and then the peer.
      const first = await nextHandshake(
        peer,
        () => void may(room, "ping -n -c 1 -W 1 10.9.0.2", "left"),
      );
      await sleep(1_000);
      fewCopies(pid, "a live session key, begun by the daemon", sessionKeys(first), 2);
      noCopy(pid, "what a handshake derived, begun by the daemon", first.secrets.slice(0, -2));
      ok((await traced()).length >= 1);
      noCopy(pid, "ephemeral keys, begun by the daemon", await traced());

      const stranger = await nextHandshake(peer, () => peer.signal("SIGUSR2"));
      await sleep(1_000);
      noCopy(pid, "a refused initiation", stranger.secrets);

      const more: Handshake[] = [first];
      for (let i = 0; i < 4; i++) {
        more.push(await nextHandshake(peer, () => peer.signal("SIGUSR1")));
        await sleep(1_000);
      }
      const last = more.at(-1)!;
      fewCopies(pid, "a live session key", sessionKeys(last), 2);
      noCopy(pid, "what handshakes derived", more.flatMap((one) => one.secrets.slice(0, -2)));
      const made = await traced();
      ok(made.length >= more.length, `${made.length} ephemeral keys`);
      noCopy(pid, "ephemeral keys", made);
      // A replaced session receives for 5 s more.
      await sleep(6_000);
      noCopy(pid, "replaced session keys", more.slice(0, -2).flatMap(sessionKeys));

      // Text with keys goes in and out.
      for (let i = 0; i < 3; i++) await must(room, "ifconfig wg1", "left");
      await must(room, `ifconfig wg1 wgpeer ${ours} wgpsk ${presharedKey}`, "left");
      await sleep(1_000);
      const privateForms = forms(key, true), presharedForms = forms(presharedKey);
      const given = forms(key);
      fewCopies(pid, "the private key", [privateForms.raw], 2);
      fewCopies(pid, "the preshared key", [presharedForms.raw], 2);
      await noCopySoon(pid, "keys as text", [
        ...privateForms.texts,
        ...presharedForms.texts,
        ...given.texts,
        given.raw,
      ]);

      await must(room, `ifconfig wg1 -wgpeer ${ours}`, "left");
      await sleep(1_000);
      const removed = [...more.flatMap(({ secrets }) => secrets), presharedForms.raw];
      const shared = /static-static ([0-9a-f]{64})/.exec(peer.output())![1];
      noCopy(pid, "secrets of a removed peer", [...removed, shared]);
      await must(room, "ifconfig wg1 destroy", "left");
      peer.signal("SIGTERM");
      await Promise.all([peer.status, strace.status]);
    },
  );
}
