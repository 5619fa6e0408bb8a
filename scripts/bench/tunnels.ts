/**
 * All tunnels up at once, each in a laboratory of its own, and the loads that take turns on them.
 * @module
 */

import { type Implementation, planTunnel } from "./implementations.ts";
import { noteFailure, type Participant } from "./participants.ts";
import { Laboratory } from "./laboratory.ts";
import { awaken, type Load, memoryMegabytes, type RunningTunnel, warmUp } from "./loads.ts";
import { takeTurns, type Turns, Withdrawal } from "./turns.ts";

/** Sets both ends of a tunnel up and waits until it carries packets. `ready` is the mean of both ends' milliseconds until their interface answered. */
export async function setUpTunnel(
  { left, right }: Laboratory,
  implementation: Implementation,
): Promise<{ readonly tunnel: RunningTunnel; readonly ready: number }> {
  const plan = await planTunnel(left, right);
  const ready = [
    await implementation.up(left, plan.left),
    await implementation.up(right, plan.right),
  ];
  const tunnel: RunningTunnel = {
    left,
    right,
    plan,
    daemons: [...left.processes(), ...right.processes()],
  };
  await awaken(tunnel);
  return { tunnel, ready: (ready[0] + ready[1]) / 2 };
}

/** What is put through the tunnels. */
export interface LoadPlan {
  readonly loads: readonly Load[];
  /** Of each load. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

/**
 * Measures the loads in turns, and at the end of the last round the memory that they left in use. A participant whose tunnel does not come up, or whose daemon
 * ends, is noted and left out; the others go on.
 */
export async function measureLoads(
  participants: readonly Participant[],
  plan: LoadPlan,
  turns: Turns,
): Promise<void> {
  await using tunnels = new AsyncDisposableStack();
  const inTunnel: (Participant & { readonly tunnel: RunningTunnel })[] = [];
  for (const participant of participants) {
    turns.say(`setting up and warming up: ${participant.implementation.title}`);
    try {
      inTunnel.push({
        ...participant,
        tunnel: await openTunnel(participant.implementation, plan.warmUpSeconds, tunnels),
      });
    } catch (error) {
      noteFailure(participant, "setting up", error);
    }
  }
  const tasks = plan.loads.map(({ title, run }) => ({
    title,
    run: ({ tunnel }: { readonly tunnel: RunningTunnel }) => {
      requireDaemons(tunnel);
      return run(tunnel, plan.seconds);
    },
  }));
  await takeTurns(inTunnel, tasks, turns);
  for (const participant of inTunnel) {
    try {
      requireDaemons(participant.tunnel);
      Object.assign(participant.measurement.rounds[turns.rounds - 1], {
        memory: memoryMegabytes(participant.tunnel),
      });
    } catch (error) {
      noteFailure(participant, "memory", error);
    }
  }
}

/** A warm tunnel whose laboratory ends with `tunnels`; when it does not come up, at once. */
async function openTunnel(
  implementation: Implementation,
  warmUpSeconds: number,
  tunnels: AsyncDisposableStack,
): Promise<RunningTunnel> {
  await using own = new AsyncDisposableStack();
  const { tunnel } = await setUpTunnel(own.use(await Laboratory.open()), implementation);
  await warmUp(tunnel, warmUpSeconds);
  tunnels.use(own.move());
  return tunnel;
}

/** Throws Withdrawal: who has lost an end would only let every load wait for its patience to end. */
function requireDaemons({ left, right, daemons }: RunningTunnel): void {
  const living = new Set([...left.processes(), ...right.processes()]);
  if (!daemons.every((pid) => living.has(pid))) throw new Withdrawal("a daemon has ended");
}
