import assert from "node:assert/strict";
import { measureLoads } from "../../scripts/bench/tunnels.ts";
import { type Implementation, IMPLEMENTATIONS } from "../../scripts/bench/implementations.ts";
import { findParticipants } from "../../scripts/bench/participants.ts";
import { run, until } from "../../scripts/bench/laboratory.ts";
import type { Load, RunningTunnel } from "../../scripts/bench/loads.ts";
import { type Facility, missing } from "../../scripts/facilities.ts";

const needed: readonly Facility[] = ["root", "namespaces", "tun", "ipv6", "ip", "ping", "iperf3"];
const ignore = needed.some((facility) => missing(facility) !== undefined);

/** Our loop without crypto: it needs no build. */
function loop(id: string, changes: Partial<Implementation> = {}): Implementation {
  const plain = IMPLEMENTATIONS.find((c) => c.id === "plain") ?? assert.fail();
  return { ...plain, id, title: id, ...changes };
}

const quiet = () => {};
const ended = (pid: number) =>
  assert.throws(() => Deno.statSync(`/proc/${pid}/cwd`), Deno.errors.NotFound);

Deno.test({
  name:
    "tunnels are up at once; one that does not come up, or whose daemon ends, is left out, and all end at the end",
  ignore,
  async fn() {
    const broken = loop("broken", { up: () => Promise.reject(new Error("it does not start")) });
    const { participants } = await findParticipants([loop("a"), broken, loop("b")], 2, quiet);
    const seen = new Set<number>();
    let order = "";
    const load = (id: string, work: (tunnel: RunningTunnel) => Promise<unknown>): Load => ({
      id,
      title: id,
      run: async (tunnel, seconds) => {
        for (const pid of tunnel.daemons) seen.add(pid);
        order += id;
        await work(tunnel);
        return { tcp_up: seconds };
      },
    });
    const together = load("t", async ({ left, plan }) => {
      await left.run(["ping", "-c", "1", "-W", "60", plan.left.peerInet]);
    });
    // The second load of the first round begins with b.
    let killed = false;
    const kills = load("k", async ({ left, right, daemons: [pid] }) => {
      if (killed) return;
      killed = true;
      await run(["kill", "-9", String(pid)]);
      await until("its end", 120, 10, () => {
        const isThere = [...left.processes(), ...right.processes()].includes(pid);
        return Promise.resolve(!isThere || undefined);
      });
    });
    const plan = { loads: [together, kills], seconds: 1, warmUpSeconds: 1 };
    await measureLoads(participants, plan, { rounds: 2, say: quiet });

    const [a, none, b] = participants.map((e) => e.measurement);
    assert.deepEqual(none.failures, ["setting up: it does not start"]);
    assert.deepEqual(none.rounds, [{}, {}]);
    assert.deepEqual(a.failures, []);
    assert.deepEqual(a.rounds[0], { tcp_up: 1 });
    assert.ok((a.rounds[1].memory ?? 0) > 1);
    assert.deepEqual(b.failures, [
      "t, round 2 of 2: a daemon has ended",
      "memory: a daemon has ended",
    ]);
    assert.deepEqual(b.rounds, [{ tcp_up: 1 }, {}]);
    assert.equal(order, "ttkktk");
    assert.equal(seen.size, 4);
    for (const pid of seen) ended(pid);
  },
});

Deno.test({
  name: "the laboratories end also when the rounds end with an error",
  ignore,
  async fn() {
    const { participants } = await findParticipants([loop("a")], 1, quiet);
    let daemons: readonly number[] = [];
    const look: Load = {
      id: "look",
      title: "look",
      run: (tunnel) => {
        daemons = tunnel.daemons;
        return Promise.resolve({});
      },
    };
    let round = 0;
    const before = () => round++ === 0 ? Promise.resolve() : Promise.reject(new Error("enough"));
    const plan = { loads: [look], seconds: 1, warmUpSeconds: 1 };
    await assert.rejects(
      measureLoads(participants, plan, { rounds: 2, say: quiet, before }),
      /enough/,
    );
    assert.equal(daemons.length, 2);
    for (const pid of daemons) ended(pid);
  },
});
