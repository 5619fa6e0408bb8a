/**
 * Interfaces with the protocol's times divided by about a hundred (short_times_interface.ts).
 * @module
 */
import { ROOT } from "../../scripts/built.ts";
import type { Room, Running } from "../../scripts/netlab.ts";
import { cable, must, randomKey } from "./peers.ts";

const hex = (base64: string) => Uint8Array.fromBase64(base64).toHex();

/** X25519 of the base point, by the runtime: the public key of a private one. */
export async function publicOf(key: string): Promise<string> {
  const pkcs8 = new Uint8Array([
    ...Uint8Array.fromHex("302e020100300506032b656e04220420"),
    ...Uint8Array.fromBase64(key),
  ]);
  const imported = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "X25519" }, true, [
    "deriveBits",
  ]);
  const { x } = await crypto.subtle.exportKey("jwk", imported);
  return Uint8Array.fromBase64(x ?? "", { alphabet: "base64url" }).toBase64();
}

/** The file with the seconds by which the wall clock of an interface differs. */
export const clockFile = (name: string) => `/run/${name}.clock`;

/** Starts an interface with UAPI `set` lines. */
export async function startInterface(
  room: Room,
  netns: string,
  name: string,
  workers: number,
  configuration: string,
): Promise<Running> {
  const program = `${ROOT}tests/system/short_times_interface.ts`;
  const words = [program, name, `${workers}`, clockFile(name)];
  const argv = [Deno.execPath(), "run", "-A", "--quiet", "--no-check", ...words];
  await room.output(["sh", "-c", `umask 077; cat >/run/${name}.set`], { stdin: configuration });
  const running = room.spawn(["sh", "-c", `exec "$@" </run/${name}.set`, "sh", ...argv], { netns });
  await running.wrote("ready\n");
  return running;
}

/**
 * wg1 (192.168.5.1) on the left and wg2 (192.168.5.2) on the right, each the other's peer. Only wg1
 * knows an endpoint.
 */
export async function shortTunnel(
  room: Room,
  workers: number,
): Promise<{ left: Running; right: Running }> {
  await cable(room);
  const keys = { left: randomKey(), right: randomKey() };
  const left = await startInterface(
    room,
    "left",
    "wg1",
    workers,
    `private_key=${hex(keys.left)}\nlisten_port=7111\npublic_key=${
      hex(await publicOf(keys.right))
    }\nendpoint=10.0.0.2:7222\nallowed_ip=192.168.5.2/32\n\n`,
  );
  const right = await startInterface(
    room,
    "right",
    "wg2",
    workers,
    `private_key=${hex(keys.right)}\nlisten_port=7222\npublic_key=${
      hex(await publicOf(keys.left))
    }\nallowed_ip=192.168.5.1/32\n\n`,
  );
  const addresses = [["left", "wg1", "192.168.5.1/24"], ["right", "wg2", "192.168.5.2/24"]];
  for (const [netns, name, address] of addresses) {
    await must(room, `ip address add ${address} dev ${name}`, netns);
    await must(room, `ip link set ${name} up`, netns);
  }
  return { left, right };
}
