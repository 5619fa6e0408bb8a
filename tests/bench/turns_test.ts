import assert from "node:assert/strict";
import type { Implementation } from "../../scripts/bench/implementations.ts";
import { findParticipants, type Participant } from "../../scripts/bench/participants.ts";
import { takeTurns, type Task, Withdrawal } from "../../scripts/bench/turns.ts";

const implementation = (id: string): Implementation => ({
  id,
  title: id,
  role: "rival",
  wireguard: true,
  find: () => Promise.resolve({ version: "1" }),
  up: () => Promise.reject(new Error("nothing is set up here")),
});

/** Participants by name, and tasks that write down who they were run for. */
async function field(names: string, rounds: number) {
  const { participants } = await findParticipants([...names].map(implementation), rounds, () => {});
  const order: string[] = [];
  const task = (
    title: string,
    run: (participant: Participant) => void = () => {},
  ): Task<Participant> => ({
    title,
    run: (participant) => {
      order.push(`${title}${participant.implementation.id}`);
      return Promise.try(() => run(participant)).then(() => ({}));
    },
  });
  const failures = () => participants.map((participant) => participant.measurement.failures);
  return { participants, order, task, failures };
}

const quiet = () => {};

Deno.test("a task goes round all participants before the next begins, and each begins with another one", async () => {
  const { participants, order, task } = await field("abc", 2);
  await takeTurns(participants, [task("1"), task("2")], { rounds: 2, say: quiet });
  assert.deepEqual(order, ["1a", "1b", "1c", "2b", "2c", "2a", "1b", "1c", "1a", "2c", "2a", "2b"]);
});

Deno.test("over as many rounds as there are participants each one begins every task once", async () => {
  const { participants, order, task } = await field("abcdef", 6);
  await takeTurns(participants, [..."123456789"].map((title) => task(title)), {
    rounds: 6,
    say: quiet,
  });
  const firsts = order.filter((_, i) => i % 6 === 0);
  assert.equal(firsts.length, 54);
  assert.equal(new Set(firsts).size, 54);
});

Deno.test("what a task gives is in the sample of its round, beside what others gave", async () => {
  const { participants } = await field("ab", 3);
  let taken = 0;
  const counting: Task<Participant> = {
    title: "count",
    run: () => Promise.resolve({ tcp_up: taken++ }),
  };
  const fixed: Task<Participant> = { title: "fixed", run: () => Promise.resolve({ ready: 7 }) };
  await takeTurns(participants, [counting, fixed], { rounds: 2, say: quiet });
  assert.deepEqual(participants.map((e) => e.measurement.rounds), [
    [{ tcp_up: 0, ready: 7 }, { tcp_up: 3, ready: 7 }, {}],
    [{ tcp_up: 1, ready: 7 }, { tcp_up: 2, ready: 7 }, {}],
  ]);
});

Deno.test("a task that fails is noted with its round, and everything else goes on", async () => {
  const { participants, order, task, failures } = await field("ab", 2);
  const fails = task("1", ({ implementation }) => {
    if (implementation.id === "a") throw new Error("no luck");
  });
  await takeTurns(participants, [fails, task("2")], { rounds: 2, say: quiet });
  assert.equal(order.length, 8);
  assert.deepEqual(failures(), [["1, round 1 of 2: no luck", "1, round 2 of 2: no luck"], []]);
});

Deno.test("who withdraws is noted once and takes no further turn", async () => {
  const { participants, order, task, failures } = await field("ab", 2);
  const withdraws = task("1", ({ implementation }) => {
    if (implementation.id === "a") throw new Withdrawal("it ended");
  });
  await takeTurns(participants, [withdraws, task("2")], { rounds: 2, say: quiet });
  assert.deepEqual(order, ["1a", "1b", "2b", "1b", "2b"]);
  assert.deepEqual(failures(), [["1, round 1 of 2: it ended"], []]);
});

Deno.test("a round begins with what is done before it", async () => {
  const { participants, order, task } = await field("a", 2);
  const before = () => Promise.resolve(void order.push("pause"));
  await takeTurns(participants, [task("1"), task("2")], { rounds: 2, say: quiet, before });
  assert.deepEqual(order, ["pause", "1a", "2a", "pause", "1a", "2a"]);
});

Deno.test("who is not on this machine is named with the reason, and the others have a sample for every round", async () => {
  const missing: Implementation = {
    ...implementation("b"),
    find: () => Promise.resolve({ absent: "no compiler" }),
  };
  const { participants, absent } = await findParticipants([implementation("a"), missing], 2, quiet);
  assert.deepEqual(absent, [{ id: "b", why: "no compiler" }]);
  assert.deepEqual(participants.map((e) => e.measurement.rounds), [[{}, {}]]);
});
