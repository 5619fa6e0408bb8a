/**
 * The library's interfaces of this machine, from a program in a folder of its own.
 * @module
 */
import { equal } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { needs } from "./needs.ts";
import { wgRoom } from "./peers.ts";

Deno.test(
  "a program makes, asks, changes and ends an interface, whatever the program is called",
  needs("namespaces", "tun"),
  async () => {
    await using room = await wgRoom();
    const folder = await Deno.makeTempDir({ prefix: "wg-door-" });
    try {
      // The packed program's main module has this name as well.
      await Deno.writeTextFile(
        `${folder}/main.js`,
        `await import(${JSON.stringify(`${ROOT}tests/system/linux_door_user.ts`)});`,
      );
      await Deno.copyFile(`${ROOT}deno.lock`, `${folder}/deno.lock`);
      const argv = [Deno.execPath(), "run", "-A", "--quiet", "--no-check", `${folder}/main.js`];
      equal(await room.output(argv), "done\n");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
