/**
 * Commands whose output nobody reads any more, as that of `wg monitor | head -1`: each of the table
 * ends by itself, and without a word about it.
 * @module
 */
import { doesNotMatch, match } from "node:assert/strict";
import { type CommandName, COMMANDS } from "../../lib/cli/commands.ts";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { must, ping, tunnel, WG, wgRoom } from "./peers.ts";

/** Command lines that print again and again, while the interface wg1 changes and has traffic. */
const ENDLESS: Partial<Record<CommandName, readonly string[]>> = {
  monitor: ["monitor", "monitor --json", "monitor wg1"],
  dmesg: ["dmesg -f", "dmesg -f wg1"],
  top: ["top -b -d 0.2", "top --json -d 0.2"],
  tcpdump: ["tcpdump wg1", "tcpdump wg1 -w -"],
};
/** Words with which a command prints and ends; without a row its `--help`. */
const ONCE: Partial<Record<CommandName, string>> = {
  ifconfig: "",
  netstat: "-rn",
  route: "-n show",
  show: "",
  showconf: "wg1",
  genkey: "",
  genpsk: "",
  why: "",
  dmesg: "",
  metrics: "",
  client: "list wg1",
  help: "counters",
  version: "",
  completion: "bash",
};

const script = (words: string) =>
  `{ ${WG} ${words}; echo "[$? of ${words}]" >&2; } | { read -r line; exec 0<&-; sleep 0; }`;

function unread(room: Room, words: string) {
  return room.spawn(["sh", "-c", script(words)], { netns: "left" });
}

Deno.test({
  name: "every command ends quietly when its output is not read any more",
  ...needs("namespaces", "tun", "ip", "ping"),
  fn: async () => {
    await using room = await wgRoom();
    await tunnel(room);
    await ping(room, "left", "192.168.5.2");
    for (const { name, internal } of COMMANDS) {
      if (internal) continue;
      const running = unread(room, `${name} ${ONCE[name] ?? "--help"}`.trim());
      await running.status;
      match(running.output(), /\[\d+ of /, name);
      doesNotMatch(running.output(), /internal|Uncaught| {4}at |pipe/i, name);
    }
    await must(room, "ifconfig wg1 debug", "left");
    // One after the other: only one capture may be on.
    for (const words of Object.values(ENDLESS).flat()) {
      const running = unread(room, words);
      let has = false;
      void running.status.then(() => has = true);
      await eventually(`the end of ${words}`, async () => {
        await must(room, "ifconfig wg1 down", "left");
        await must(room, "ifconfig wg1 up", "left");
        await must(room, "ping -n -q -c 1 -W 60 192.168.5.2", "left");
        return has;
      });
      match(running.output(), new RegExp(`\\[0 of ${words}\\]`), running.output());
      doesNotMatch(running.output(), /internal|Uncaught| {4}at |pipe/i, words);
    }
  },
});
