/**
 * Runs the loads on tunnels that are all up at once, each in its own laboratory.
 * @module
 */

import { type Implementation, planTunnel } from "./implementations.ts";
import { noteFailure, type Participant } from "./participants.ts";
import { Laboratory } from "./laboratory.ts";
import { awaken, type Load, memoryMegabytes, type RunningTunnel, warmUp } from "./loads.ts";
import { takeTurns, type Turns, Withdrawal } from "./turns.ts";

/**
 * Sets up both ends of a tunnel and waits until it carries packets. `ready` is the mean of both
 * ends' milliseconds until the interface answered.
 */
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

/** The loads of a run. */
export interface LoadPlan {
  readonly loads: readonly Load[];
  /** The length of each load in seconds. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

/**
 * Measures the loads in turns, and the memory at the end of the last round. A participant whose
 * tunnel does not come up, or whose daemon ends, is recorded and left out. The others continue.
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

/**
 * Opens a warm tunnel. Its laboratory ends with `tunnels`, or at once if the tunnel does not come
 * up.
 */
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

/** Throws Withdrawal if a daemon has ended. Every load would otherwise wait for its timeout. */
function requireDaemons({ left, right, daemons }: RunningTunnel): void {
  const living = new Set([...left.processes(), ...right.processes()]);
  if (!daemons.every((pid) => living.has(pid))) throw new Withdrawal("a daemon has ended");
}
