/**
 * Files of wg-quick(8) as people have them (quick_files), each brought up and down by `wg quick`
 * and by wg-quick of wireguard-tools on two equal machines. Both must make the same addresses,
 * routes, rules, nf_tables, settings and name servers, run the same hooks and write the same file
 * for SaveConfig. After `down` the machine of `wg quick` is as before.
 *
 * These differences are left, each on purpose:
 * - `wg quick` sets src_valid_mark back to its value before. wg-quick leaves it set.
 * - It adds IPv6 addresses without duplicate address detection, which a tunnel cannot do. The
 *   kernel shows their flag nodad.
 * - It saves a file (SaveConfig) in the order of its lines; wg-quick has an order of its own.
 * - It reads a file that begins with a byte order mark, and warns of it. wg-quick refuses it.
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { needs } from "./needs.ts";
import { type MachineState, QuickMachine } from "./quick_machine.ts";

const FILES = `${ROOT}tests/system/quick_files`;
const NAMES = [...Deno.readDirSync(FILES)].map(({ name }) => name.replace(/\.conf$/, "")).sort();

/** The file that wg-quick refuses because of the mark at its beginning. `wg quick` warns of it. */
const REFUSED_BY_THEIRS = ["notepad-bom"];

/** How long the kernel may take for what it does by itself, such as local routes of IPv6. */
const SETTLE_MS = 20_000;

/** Writes a file and brings it up. @returns what `up` told */
async function up(machine: QuickMachine, name: string): Promise<string> {
  await machine.write(name, Deno.readFileSync(`${FILES}/${name}.conf`).toBase64());
  const { code, stderr } = await machine.quick("up", name);
  equal(code, 0, `up ${name}: ${stderr}`);
  return stderr;
}

async function down(machine: QuickMachine, name: string): Promise<void> {
  const { code, stderr } = await machine.quick("down", name);
  equal(code, 0, `down ${name}: ${stderr}`);
}

/** Waits until two states are the same. @throws AssertionError that names the difference */
async function becomeSame(
  read: () => Promise<readonly MachineState[]>,
  what: string,
): Promise<void> {
  const end = performance.now() + SETTLE_MS;
  while (true) {
    const [ours, theirs] = await read();
    try {
      return same(ours, theirs, what);
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Compares part by part, so that a difference is seen. */
function same(ours: MachineState, theirs: MachineState, what: string): void {
  for (const part of Object.keys(theirs) as (keyof MachineState)[]) {
    const more = ours[part].filter((line) => !theirs[part].includes(line));
    const less = theirs[part].filter((line) => !ours[part].includes(line));
    deepEqual(
      { more, less },
      { more: [], less: [] },
      `${what}: ${part}: ours ${more}, not ${less}`,
    );
    deepEqual(ours[part], theirs[part], `${what}: order of ${part}`);
  }
}

/** What hooks wrote stays. */
const withoutHooks = (state: MachineState): MachineState => ({ ...state, hooks: [] });

/** The state of a running interface without a port that was chosen, and without nodad. */
function withoutChance(state: MachineState, isPortGiven: boolean): MachineState {
  const isChosen = (line: string) => !isPortGiven && line.startsWith("ListenPort =");
  return {
    ...state,
    addresses: state.addresses.map((line) => line.replaceAll(',"nodad":true', "")),
    interface: state.interface.filter((line) => !isChosen(line)),
  };
}

Deno.test(
  "files that people have: wg quick does what wg-quick does, and undoes it",
  needs(
    "root",
    "namespaces",
    "tun",
    "ip",
    "ipv6",
    "ping",
    "wg",
    "wg-quick",
    "nft",
    "iptables",
    "sysctl",
    "openresolv",
  ),
  async () => {
    // Two pairs of machines, because each file mostly waits.
    const lanes = [0, 1].map((lane) => NAMES.filter((_, index) => index % 2 === lane));
    await Promise.all(lanes.map(comparePair));
  },
);

/** Brings files up and down on a pair of new machines. */
async function comparePair(names: readonly string[]): Promise<void> {
  const machines = await Promise.all([QuickMachine.ours(), QuickMachine.theirs()]);
  const [ours, theirs] = machines;
  const both = <T>(act: (machine: QuickMachine) => Promise<T>) => Promise.all(machines.map(act));
  try {
    await becomeSame(() => both((one) => one.state()), "before");
    const before = withoutHooks(await ours.state());
    const isAsBefore = async () => [withoutHooks(await ours.state()), before];
    for (const name of names) {
      if (REFUSED_BY_THEIRS.includes(name)) {
        match(await up(ours, name), /byte order mark/i);
        equal((await ours.state()).interface.length > 0, true);
        await down(ours, name);
        await theirs.write(name, Deno.readFileSync(`${FILES}/${name}.conf`).toBase64());
        equal((await theirs.quick("up", name)).code, 1);
      } else {
        await both((one) => up(one, name));
        const lines = await ours.lines(`${name}.conf`);
        const given = lines.some((line) => /^listenport/i.test(line));
        await becomeSame(
          () => both(async (one) => withoutChance(await one.state(), given)),
          name,
        );
        await both((one) => down(one, name));
        for (const file of [`${name}.conf`, "hooks"]) {
          const [mine, other] = await both((one) => one.lines(file));
          deepEqual(mine.sort(), other.sort(), `${name}: ${file}`);
        }
      }
      await becomeSame(isAsBefore, `${name}: after down`);
      await theirs.reset();
    }
  } finally {
    await both((one) => one.close());
  }
}
