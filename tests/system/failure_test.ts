/** An error in the program itself: the interface ends whole, and says why. */
import { deepEqual, equal, match } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { needs } from "./needs.ts";
import { must, traces, wgRoom } from "./peers.ts";

Deno.test(
  "an error that nothing catches ends the interface with a message, and leaves nothing",
  needs("namespaces", "tun", "ip"),
  async () => {
    await using room = await wgRoom();
    const script = `${ROOT}tests/system/failing_interface.ts`;
    const argv = [Deno.execPath(), "run", "-A", "--unstable-net", "--quiet", "--no-check"];
    const { code, stdout, stderr } = await room.run([...argv, script, "wg1"], {
      env: { HOME: Deno.env.get("HOME") ?? "/root" },
    });
    match(stdout + stderr, /failed: internal error: a planted fault/);
    equal(code, 1);
    deepEqual(await traces(room), []);
    equal((await must(room, "ip -o link")).includes("wg1"), false);
  },
);
