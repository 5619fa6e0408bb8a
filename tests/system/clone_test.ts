/**
 * A machine that was cloned. The kernel's event is sent by the test, to the namespace of the
 * interface.
 */
import { equal, match, ok } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { must, ping, tunnel, WG, wgRoom } from "./peers.ts";

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends an event to all who listen to the kernel's in a namespace. */
async function sendEvent(room: Room, netns: string, variable: string): Promise<void> {
  const program = `${ROOT}tests/system/kernel_event.ts`;
  const argv = [Deno.execPath(), "run", "-A", "--quiet", "--no-check", program, variable];
  await room.output(argv, { netns });
}

Deno.test(
  "a clone's sessions end and begin anew within seconds, and the tunnel goes on",
  needs("root", "namespaces", "tun", "ping"),
  async () => {
    await using room = await wgRoom();
    await tunnel(room);
    await ping(room, "left", "192.168.5.2");
    const completed = async () => {
      const shown = await must(room, "ifconfig wg1 hwfeatures", "left");
      return Number(/\bhandshake_completed:? (\d+)/.exec(shown)?.[1]);
    };
    const before = await completed();
    ok(before >= 1, `${before} handshakes`);
    // Another event changes nothing.
    await sendEvent(room, "left", "NEW_VMGENID=0");
    await sleep(2_500);
    equal(await completed(), before);
    // No second handshake is begun within 5 s of the first.
    await sleep(3_000);
    await sendEvent(room, "left", "NEW_VMGENID=1");
    await eventually("a new session", async () => await completed() > before, 60_000);
    match(await must(room, `${WG} dmesg wg1`, "left"), /this machine is a clone/);
    await ping(room, "left", "192.168.5.2");
  },
);
