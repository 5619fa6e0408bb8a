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

/** A machine's way with one file, and what it has then. */
interface Way {
  readonly during: MachineState;
  readonly after: MachineState;
  readonly file: readonly string[];
  readonly upText: string;
}

async function upAndDown(machine: QuickMachine, name: string): Promise<Way> {
  await machine.write(name, Deno.readFileSync(`${FILES}/${name}.conf`).toBase64());
  const up = await machine.quick("up", name);
  equal(up.code, 0, `up ${name}: ${up.stderr}`);
  const during = await machine.state();
  const down = await machine.quick("down", name);
  equal(down.code, 0, `down ${name}: ${down.stderr}`);
  const after = await machine.state();
  return { during, after, file: await machine.lines(name), upText: up.stderr };
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
function withoutChance(state: MachineState, listenPort: string | undefined): MachineState {
  const isChosen = (line: string) => listenPort === undefined && line.startsWith("ListenPort =");
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
    const [ours, theirs] = await Promise.all([QuickMachine.ours(), QuickMachine.theirs()]);
    try {
      const before = await ours.state();
      same(await theirs.state(), before, "before");
      for (const name of NAMES) {
        if (REFUSED_BY_THEIRS.includes(name)) {
          const { during, after, upText } = await upAndDown(ours, name);
          equal(during.interface.length > 0, true);
          match(upText, /byte order mark/i);
          same(withoutHooks(after), withoutHooks(before), `${name}: after down`);
          await theirs.write(name, Deno.readFileSync(`${FILES}/${name}.conf`).toBase64());
          equal((await theirs.quick("up", name)).code, 1);
          continue;
        }
        const [mine, other] = await Promise.all([ours, theirs].map((one) => upAndDown(one, name)));
        const given = mine.file.find((line) => /^listenport\s*=/i.test(line));
        same(withoutChance(mine.during, given), withoutChance(other.during, given), name);
        deepEqual(mine.file, other.file, name);
        same(withoutHooks(mine.after), withoutHooks(before), `${name}: after down`);
        deepEqual(mine.after.hooks, other.after.hooks, name);
        await theirs.reset();
      }
    } finally {
      await Promise.all([ours.close(), theirs.close()]);
    }
  },
);
