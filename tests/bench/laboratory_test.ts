import assert from "node:assert/strict";
import {
  CommandError,
  cpuSeconds,
  Laboratory,
  residentMax,
  until,
} from "../../scripts/bench/laboratory.ts";
import { missing } from "../../scripts/facilities.ts";

const lacking = missing("root") ?? missing("namespaces") ?? missing("ip") ?? missing("ping");

Deno.test({
  name: "two hosts reach each other, their processes are counted, and all of it ends with them",
  ignore: lacking !== undefined,
  async fn() {
    let pids: number[];
    {
      await using laboratory = await Laboratory.open();
      const { left, right } = laboratory;
      const ping = await left.run(["ping", "-c", "1", "-W", "2", right.address]);
      assert.match(ping.stdout, / 0% packet loss/);

      left.start(["bash", "-c", "while :; do :; done"]);
      pids = await until("a process on the left host", 120, 10, () => {
        const found = left.processes();
        return Promise.resolve(found.length > 0 ? found : undefined);
      });
      assert.deepEqual(right.processes(), []);
      const before = cpuSeconds(pids);
      await until(
        "time used by it",
        120,
        10,
        () => Promise.resolve(cpuSeconds(pids) > before || undefined),
      );
      assert.ok(residentMax(pids) > 0);
    }
    for (const pid of pids) {
      assert.throws(() => Deno.statSync(`/proc/${pid}/cwd`), Deno.errors.NotFound);
    }
  },
});

Deno.test({
  name: "a command that fails says which and why",
  ignore: lacking !== undefined,
  async fn() {
    await using laboratory = await Laboratory.open();
    await assert.rejects(
      laboratory.left.run(["ip", "link", "set", "nothing", "up"]),
      /ip link set nothing up: exit 1/,
    );
    assert.equal((await laboratory.left.run(["false"], { anyCode: true })).code, 1);
    const slow = laboratory.left.run(["sleep", "60"], { anyCode: true, timeoutSeconds: 0.2 });
    await assert.rejects(slow, (error) => {
      assert.ok(error instanceof CommandError);
      assert.match(error.message, /sleep 60: exit 137: not done after 0\.2 s/);
      return true;
    });
  },
});

Deno.test("a failed command is told without its keys", () => {
  const key = new Uint8Array(32).fill(7).toBase64();
  const { message } = new CommandError(
    ["wg", "ifconfig", "wg1", "wgkey", key, "wgport", "1"],
    1,
    "no",
  );
  assert.equal(message, "wg ifconfig wg1 wgkey (key) wgport 1: exit 1: no");
});
