/** The lock by which one command at a time takes an interface of a file up or down. */
import assert from "node:assert/strict";
import { withLock } from "../../lib/cli/quick/lock.ts";

Deno.test("who waits for a file that is replaced meanwhile waits for the new one too", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = { name: "wg0", path: `${folder}/wg0.conf` };
    await Deno.writeTextFile(file.path, "");
    const order: string[] = [];
    /** Holds the lock from the resolution of `holds` until `release`. */
    const command = (name: string) => {
      const { promise: released, resolve: release } = Promise.withResolvers<void>();
      const { promise: holds, resolve: begin } = Promise.withResolvers<void>();
      const ended = withLock(file, async () => {
        order.push(name);
        begin();
        await released;
      });
      return { holds, release, ended };
    };
    const first = command("first");
    await first.holds;
    const second = command("second");
    await Deno.writeTextFile(`${file.path}.new`, "");
    await Deno.rename(`${file.path}.new`, file.path);
    const third = command("third");
    await third.holds;
    first.release();
    await first.ended;
    second.release();
    // Long enough for the second one to run, if it were content with the file that is gone.
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.deepEqual(order, ["first", "third"]);
    third.release();
    await Promise.all([second.ended, third.ended]);
    assert.deepEqual(order, ["first", "third", "second"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
