/**
 * `wg top`: what interfaces and peers send and receive now.
 * @module
 */
import type { InterfaceStatus } from "../../base/status.ts";
import type { OsError } from "../../base/errors.ts";
import { now } from "../../runtime/clock.ts";
import type { Command } from "../command.ts";
import { wireguardNames, wireguardStats } from "../interfaces.ts";
import { askEach, printAll, tellFailures } from "../output.ts";
import { jsonLine, plainLines } from "./lines.ts";
import { Rates, type Row } from "./rates.ts";
import { hasScreen, parseTop, type TopLine } from "./words.ts";

/** The command `top`. */
export const command: Command = {
  async run(args) {
    const line = parseTop(args);
    const isScreen = !line.batch && !line.json && Deno.stdout.isTerminal() &&
      Deno.stdin.isTerminal() && hasScreen(Deno.env.get("TERM"));
    // A wrong name is told before the screen is taken.
    if (line.name !== undefined) await wireguardStats(line.name);
    return isScreen ? await showScreen(line) : await printLooks(line);
  },
};

/** One look at the interfaces. */
interface Look {
  readonly rows: readonly Row[];
  readonly failures: readonly OsError[];
}

/** Looks again and again. */
class Looks {
  readonly #rates = new Rates();

  constructor(readonly name: string | undefined) {}

  async next(): Promise<Look> {
    const failures: OsError[] = [];
    const names = this.name === undefined ? await wireguardNames() : [this.name];
    const statuses = await askEach(names, named, failures);
    return { rows: this.#rates.look(statuses, now()), failures };
  }
}

/** The status under the name by which it was asked for. */
async function named(name: string): Promise<InterfaceStatus> {
  return { ...await wireguardStats(name), name };
}

async function printLooks({ name, json, count = Infinity, delayMs }: TopLine): Promise<number> {
  const looks = new Looks(name);
  let status = 0;
  for (let look = 1;; look++) {
    const { rows, failures } = await looks.next();
    printAll((json ? jsonLine : plainLines)(rows, Date.now()));
    status = tellFailures(failures);
    if (look >= count) return status;
    await new Promise((resolve) => setTimeout(resolve, delayMs));
  }
}

async function showScreen({ name, count = Infinity, delayMs }: TopLine): Promise<number> {
  const { Terminal } = await import("./terminal.ts");
  const { FIRST_VIEW, screenLines } = await import("./view.ts");
  const { press } = await import("./keys.ts");
  const looks = new Looks(name);
  const end = Promise.withResolvers<void>();
  let view = FIRST_VIEW;
  let looking = false;
  let left = count;
  const draw = () => {
    terminal.draw(screenLines(view, terminal.size, Date.now(), !Deno.noColor));
  };
  const look = async () => {
    if (looking) return;
    looking = true;
    try {
      const { rows, failures } = await looks.next();
      view = { ...view, rows, problems: failures.map(({ message }) => message) };
    } finally {
      looking = false;
    }
    draw();
    if (--left <= 0) end.resolve();
  };
  const fails = (error: unknown) => end.reject(error);
  const terminal = new Terminal({
    resized: draw,
    ended: () => end.resolve(),
    key: (key) => {
      const outcome = press(view, key, terminal.size);
      if (outcome.type === "end") return end.resolve();
      if (outcome.type === "stop") return terminal.stop();
      if (outcome.type === "look") return void look().catch(fails);
      if (outcome.type === "explain") {
        explain(outcome.row).then((explained) => {
          view = { ...view, explained, scrolled: 0 };
          draw();
        }).catch(fails);
        return;
      }
      view = outcome.view;
      draw();
    },
  });
  const timer = setInterval(() => void look().catch(fails), delayMs);
  try {
    await look();
    await end.promise;
  } finally {
    clearInterval(timer);
    terminal.close();
  }
  return 0;
}

/** What `wg why` says of a row. */
async function explain(row: Row): Promise<string> {
  const { gatherFacts } = await import("../why/gather.ts");
  const { diagnose } = await import("../why/diagnose.ts");
  const { formatDiagnosis } = await import("../why/text.ts");
  const facts = await gatherFacts(row.interface);
  const peers = facts.status.peers.filter((peer) => peer.publicKey.toBase64() === row.key);
  return formatDiagnosis(diagnose(facts, row.key === undefined ? undefined : peers), !Deno.noColor);
}
