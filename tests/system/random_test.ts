import { match, ok } from "node:assert/strict";
import { needs } from "./needs.ts";
import { must, ping, tunnel, wgRoom } from "./peers.ts";

/** How many random bytes getrandom(2) was asked for, call by call. */
const lengths = (trace: string) =>
  [...trace.matchAll(/getrandom\([^,]*, (\d+), 0\) = \1$/gm)].map(([, length]) => Number(length));

Deno.test(
  "each handshake takes its ephemeral key and its index from getrandom(2)",
  needs("namespaces", "tun", "ip", "ping", "strace"),
  async () => {
    await using room = await wgRoom();
    await tunnel(room, "10.0.0.2");
    const pid = /\tpid (\d+)\n/.exec(await must(room, "ifconfig wg1 hwfeatures"))![1];
    const strace = room.spawn([
      "strace",
      "-f",
      "-e",
      "trace=getrandom",
      "-o",
      "/run/trace",
      "-p",
      pid,
    ]);
    await strace.wrote("attached");
    const rounds = 4;
    for (let round = 0; round < rounds; round++) {
      // Down wipes the sessions, so that the next packet needs a handshake.
      await must(room, "ifconfig wg1 down");
      await must(room, "ifconfig wg1 up");
      await ping(room, "left", "192.168.5.2");
    }
    strace.signal("SIGINT");
    await strace.status;
    const found = lengths(await must(room, "cat /run/trace"));
    const keys = found.filter((length) => length === 32).length;
    ok(
      keys >= rounds,
      `${keys} keys of 32 bytes for ${rounds} handshakes; calls: ${found.join(" ")}`,
    );
    const indices = found.filter((length) => length === 4).length;
    ok(
      indices >= rounds,
      `${indices} indices of 4 bytes for ${rounds} handshakes; calls: ${found.join(" ")}`,
    );
  },
);

Deno.test("without getrandom(2) there is an error and no key", needs("strace"), async () => {
  const script = `import { fillRandom } from ${
    JSON.stringify(import.meta.resolve("../../lib/runtime/entropy.ts"))
  };
    try { fillRandom(new Uint8Array(32)); console.log("filled"); } catch (error) { console.log(error.message); }`;
  const { stdout } = await new Deno.Command("strace", {
    args: [
      ..."-f -o /dev/null -e trace=getrandom -e inject=getrandom:error=ENOSYS".split(" "),
      Deno.execPath(),
      "eval",
      "--quiet",
      script,
    ],
    stdin: "null",
  }).output();
  match(new TextDecoder().decode(stdout), /^random bytes: getrandom: .*\(ENOSYS\)\n$/);
});
