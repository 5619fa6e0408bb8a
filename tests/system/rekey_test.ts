import { equal, match, ok } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { eventually, type Room, type Running } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { cable, may, must, randomKey, wgRoom } from "./peers.ts";

const hex = (base64: string) => Uint8Array.fromBase64(base64).toHex();

/** X25519 of the base point, by the runtime: the public key of a private one. */
async function publicOf(key: string): Promise<string> {
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

async function start(
  room: Room,
  netns: string,
  name: string,
  workers: number,
  configuration: string,
): Promise<Running> {
  const program = `${ROOT}tests/system/short_times_interface.ts`;
  const argv = [Deno.execPath(), "run", "-A", "--quiet", "--no-check", program, name, `${workers}`];
  await room.output(["sh", "-c", `umask 077; cat >/run/${name}.set`], { stdin: configuration });
  const running = room.spawn(["sh", "-c", `exec "$@" </run/${name}.set`, "sh", ...argv], { netns });
  await eventually(`${name} ready`, () => running.output().includes("ready\n"), 20_000);
  return running;
}

const count = (text: string, what: RegExp) => [...text.matchAll(what)].length;

const WORKERS: Readonly<Record<string, number>> = { "one Worker": 1, "one Worker each way": 2 };
for (const [form, workers] of Object.entries(WORKERS)) {
  Deno.test(
    `${form}: keys change under a running ping without a loss, and are erased at last`,
    needs("namespaces", "tun", "ip", "ping"),
    async () => {
      await using room = await wgRoom();
      await cable(room);
      const [left, right] = [randomKey(), randomKey()];
      const one = await start(
        room,
        "left",
        "wg1",
        workers,
        `private_key=${hex(left)}\nlisten_port=7111\npublic_key=${
          hex(await publicOf(right))
        }\nendpoint=10.0.0.2:7222\nallowed_ip=192.168.5.2/32\n\n`,
      );
      const two = await start(
        room,
        "right",
        "wg2",
        workers,
        `private_key=${hex(right)}\nlisten_port=7222\npublic_key=${
          hex(await publicOf(left))
        }\nallowed_ip=192.168.5.1/32\n\n`,
      );
      for (
        const [netns, name, address] of [["left", "wg1", "192.168.5.1/24"], [
          "right",
          "wg2",
          "192.168.5.2/24",
        ]]
      ) {
        await must(room, `ip address add ${address} dev ${name}`, netns);
        await must(room, `ip link set ${name} up`, netns);
      }
      const pings = await must(room, "ping -n -q -c 120 -i 0.05 -W 1 192.168.5.2", "left");
      const received = Number(/(\d+) received/.exec(pings)?.[1]);
      ok(received >= 118, pings);
      // 6 s of traffic, a new session by the initiator every 1.2 s.
      const initiated = count(one.output(), /Sending handshake initiation to peer 1/g);
      const completed = count(one.output(), /Receiving handshake response from peer 1/g);
      ok(completed >= 4 && completed <= 10, `${completed} handshakes\n${one.output()}`);
      ok(initiated <= completed + 3, `${initiated} initiations for ${completed} handshakes`);
      equal(count(two.output(), /Receiving handshake initiation from peer 1/g) >= completed, true);

      // Idle: the last data is answered by a keepalive, then silence until the keys are erased.
      await eventually(
        "wg1's keys erased",
        () => /Zeroing out keys for peer 1/.test(one.output()),
        15_000,
      );
      await eventually(
        "wg2's keys erased",
        () => /Zeroing out keys for peer 1/.test(two.output()),
        15_000,
      );
      equal((await may(room, "ping -n -c 2 -i 0.3 -W 2 192.168.5.2", "left")).code, 0);

      // The other side ends: attempts with their words, then the end of trying.
      two.signal("SIGTERM");
      equal((await two.status).code, 0);
      const before = one.output().length;
      await may(room, "ping -n -c 30 -i 0.1 -W 1 192.168.5.2", "left");
      const after = () => one.output().slice(before);
      await eventually(
        "giving up",
        () => /Handshake for peer 1 .*did not complete after \d+ retries, giving up/.test(after()),
        10_000,
      );
      match(
        after(),
        /Handshake for peer 1 .*did not complete after \d+ seconds, retrying \(try 2\)/,
      );
      one.signal("SIGTERM");
      equal((await one.status).code, 0);
    },
  );
}
