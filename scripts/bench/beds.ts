/**
 * All tunnels up at once, each in a laboratory of its own, and the loads that take turns on them.
 * @module
 */

import { type Contender, planTunnel } from "./contenders.ts";
import { type Entrant, noteFailure } from "./entrants.ts";
import { Laboratory } from "./laboratory.ts";
import { awaken, type Bed, type Load, memoryMegabytes, warmUp } from "./loads.ts";
import { takeTurns, type Turns, Withdrawal } from "./turns.ts";

/** Sets both ends of a tunnel up and waits until it carries packets. `ready` is the mean of both ends' milliseconds until their interface answered. */
export async function layBed(
  { left, right }: Laboratory,
  contender: Contender,
): Promise<{ readonly bed: Bed; readonly ready: number }> {
  const plan = await planTunnel(left, right);
  const ready = [await contender.up(left, plan.left), await contender.up(right, plan.right)];
  const bed: Bed = { left, right, plan, daemons: [...left.processes(), ...right.processes()] };
  await awaken(bed);
  return { bed, ready: (ready[0] + ready[1]) / 2 };
}

/** What is put through the tunnels. */
export interface LoadPlan {
  readonly loads: readonly Load[];
  /** Of each load. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

/**
 * Measures the loads in turns, and at the end of the last round the memory that they left in use. An entrant whose tunnel does not come up, or whose daemon
 * ends, is noted and left out; the others go on.
 */
export async function measureLoads(entrants: readonly Entrant[], plan: LoadPlan, turns: Turns): Promise<void> {
  await using beds = new AsyncDisposableStack();
  const inBed: (Entrant & { readonly bed: Bed })[] = [];
  for (const entrant of entrants) {
    turns.say(`setting up and warming up: ${entrant.contender.title}`);
    try {
      inBed.push({ ...entrant, bed: await openBed(entrant.contender, plan.warmUpSeconds, beds) });
    } catch (error) {
      noteFailure(entrant, "setting up", error);
    }
  }
  const tasks = plan.loads.map(({ title, run }) => ({
    title,
    run: ({ bed }: { readonly bed: Bed }) => {
      requireDaemons(bed);
      return run(bed, plan.seconds);
    },
  }));
  await takeTurns(inBed, tasks, turns);
  for (const entrant of inBed) {
    try {
      requireDaemons(entrant.bed);
      Object.assign(entrant.contestant.rounds[turns.rounds - 1], { memory: memoryMegabytes(entrant.bed) });
    } catch (error) {
      noteFailure(entrant, "memory", error);
    }
  }
}

/** A warm tunnel whose laboratory ends with `beds`; when it does not come up, at once. */
async function openBed(contender: Contender, warmUpSeconds: number, beds: AsyncDisposableStack): Promise<Bed> {
  await using own = new AsyncDisposableStack();
  const { bed } = await layBed(own.use(await Laboratory.open()), contender);
  await warmUp(bed, warmUpSeconds);
  beds.use(own.move());
  return bed;
}

/** Throws Withdrawal: who has lost an end would only let every load wait for its patience to end. */
function requireDaemons({ left, right, daemons }: Bed): void {
  const living = new Set([...left.processes(), ...right.processes()]);
  if (!daemons.every((pid) => living.has(pid))) throw new Withdrawal("a daemon has ended");
}
