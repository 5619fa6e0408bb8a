/**
 * Hooks as real programs: what they get, one that hangs, hundreds of events, and files that must
 * not be run.
 * @module
 */
import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { HookFolder } from "../../lib/cli/monitor/hook_files.ts";
import { HookRunner, HOOKS_WAITING_MAX } from "../../lib/cli/monitor/hook_runner.ts";
import { HOOKS_RUNNING_MAX } from "../../lib/cli/monitor/words.ts";
import type { EventRecord } from "../../lib/uapi/events.ts";
import { eventually } from "../../scripts/netlab.ts";

const event = (kind: EventRecord["event"], peer = "A", more: Partial<EventRecord> = {}) => ({
  time: "2026-11-27T18:00:00.000Z",
  interface: "wg1",
  event: kind,
  peer,
  ...more,
});

interface Place {
  /** A folder for hooks, which this user owns. */
  readonly hooks: string;
  /** The lines that hooks have written to the file `out`. */
  lines(): string[];
  hook(kind: string, script: string, mode?: number): Promise<string>;
}

async function withPlace(test: (place: Place) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const hooks = `${folder}/hooks`;
  await Deno.mkdir(hooks, { mode: 0o700 });
  try {
    await test({
      hooks,
      lines: () => {
        try {
          return Deno.readTextFileSync(`${folder}/out`).split("\n").filter((line) => line !== "");
        } catch {
          return [];
        }
      },
      hook: async (kind, script, mode = 0o700) => {
        const path = `${hooks}/${kind}`;
        await Deno.writeTextFile(path, `#!/bin/sh\nout=${folder}/out\n${script}\n`);
        await Deno.chmod(path, mode);
        return path;
      },
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const refused = (problem: string): never => {
  throw new Error(problem);
};

Deno.test("a hook gets the event as JSON, no arguments, and no environment but PATH", () =>
  withPlace(async ({ hooks, hook, lines }) => {
    await hook(
      "connected",
      'read -r line; echo "$# $line $(env | cut -d= -f1 | sort | tr "\\n" " ")" >>$out',
    );
    const complaints: string[] = [];
    const complain = (problem: string) => void complaints.push(problem);
    const runner = new HookRunner({ folder: new HookFolder(hooks, refused), complain });
    const happened = event("connected", "A", { description: "$(id); anna 'x\"" });
    runner.take(event("roamed"));
    runner.take(happened);
    await eventually("the hook", () => lines().length === 1);
    const [count, ...rest] = lines()[0].split(" ");
    const text = rest.join(" ");
    const end = text.lastIndexOf("}") + 1;
    deepEqual([count, JSON.parse(text.slice(0, end))], ["0", happened]);
    deepEqual(text.slice(end).trim().split(" ").filter((name) => !["PWD", "_"].includes(name)), [
      "PATH",
    ]);
    deepEqual(complaints, []);
  }));

Deno.test("a hook that hangs is killed with what it has started, and others go on", () =>
  withPlace(async ({ hooks, hook, lines }) => {
    await hook("up", "sleep 600 & echo $! >>$out; wait");
    await hook("down", "cat >/dev/null; echo down >>$out");
    await hook("changed", "exit 7");
    const complaints: string[] = [];
    const complain = (problem: string) => void complaints.push(problem);
    const runner = new HookRunner({
      folder: new HookFolder(hooks, refused),
      complain,
      limitMs: 1_500,
    });
    runner.take(event("up", "A"));
    runner.take(event("down", "B"));
    runner.take(event("down", "A"));
    await eventually("those of another peer", () => lines().includes("down"));
    await eventually("all", () => lines().filter((line) => line === "down").length === 2);
    const [started] = lines().filter((line) => line !== "down");
    throws(() => Deno.statSync(`/proc/${started}/cwd`), Deno.errors.NotFound);
    runner.take(event("changed"));
    await eventually("the status", () => complaints.length === 2);
    match(complaints[0], /hooks\/up: killed, because it took longer than 1.5 s$/);
    match(complaints[1], /hooks\/changed: ended with status 7$/);
  }));

Deno.test("hundreds of events: all run, a few at once, those of a peer in order", () =>
  withPlace(async ({ hooks, hook, lines }) => {
    await hook("handshake", 'read -r line; echo "begin $line" >>$out; echo "end $line" >>$out');
    const runner = new HookRunner({ folder: new HookFolder(hooks, refused), complain: refused });
    const peers = 20, each = 10;
    for (let i = 0; i < peers * each; i++) {
      runner.take(event("handshake", `peer${i % peers}`, { leftOut: Math.floor(i / peers) }));
    }
    await eventually("all", () => lines().length === 2 * peers * each, 180_000);
    const running = new Set<string>();
    const next = new Map<string, number>();
    let most = 0;
    for (const line of lines()) {
      const [what, ...rest] = line.split(" ");
      const { peer = "", leftOut = -1 } = JSON.parse(rest.join(" ")) as EventRecord;
      if (what === "begin") {
        equal(leftOut, next.get(peer) ?? 0, `the events of ${peer}`);
        ok(!running.has(peer));
        running.add(peer);
        next.set(peer, leftOut + 1);
      } else running.delete(peer);
      most = Math.max(most, running.size);
    }
    ok(most <= HOOKS_RUNNING_MAX, `${most} at once`);
  }));

Deno.test("more events than may wait are lost, and that is told", () =>
  withPlace(async ({ hooks, hook, lines }) => {
    await hook("up", "sleep 600");
    await hook("down", "echo down >>$out");
    const complaints: string[] = [];
    const complain = (problem: string) => void complaints.push(problem);
    const runner = new HookRunner({
      folder: new HookFolder(hooks, refused),
      complain,
      limitMs: 500,
    });
    runner.take(event("up"));
    for (let i = 0; i < HOOKS_WAITING_MAX - 1; i++) runner.take(event("handshake"));
    runner.take(event("down"));
    runner.take(event("down"));
    equal(complaints.length, 1);
    match(complaints[0], /^1 events have had no hook so far: 1000 wait already$/);
    await eventually("the one that waited", () => lines().length === 1);
  }));

Deno.test("what others can change, or is no program, is not run", () =>
  withPlace(async ({ hooks, hook }) => {
    const path = await hook("up", "true");
    const told: string[] = [];
    await hook("upp", "true");
    const folder = new HookFolder(hooks, (problem) => void told.push(problem));
    match(told.join(), /hooks: "upp" is no event and is left out$/);
    equal(folder.find("up"), path);
    equal(folder.find("down"), undefined);
    for (
      const [mode, problem] of [
        [0o720, /others can write to it; mode 755 or less is required/],
        [0o702, /others can write to it/],
        [0o600, /not executable/],
      ] as const
    ) {
      await Deno.chmod(path, mode);
      throws(() => folder.find("up"), problem);
      throws(() => new HookFolder(hooks, refused), problem);
    }
    await Deno.chmod(path, 0o755);
    await Deno.mkdir(`${hooks}/down`);
    throws(() => folder.find("down"), /not a regular file/);
    await Deno.remove(`${hooks}/down`);
    if (Deno.uid() === 0) {
      await Deno.chown(path, 1234, 1234);
      throws(() => folder.find("up"), /it belongs to user 1234; root or this user is required/);
      await Deno.chown(path, 0, 0);
    }
    await Deno.chmod(hooks, 0o777);
    throws(() => new HookFolder(hooks, refused), /others can change the folder or one above it/);
    throws(() => new HookFolder(`${hooks}/none`, refused), /no such file or folder/);
    throws(() => new HookFolder(path, refused), /others can change|not a folder/);
    // A link to a file that others can exchange.
    await Deno.chmod(hooks, 0o700);
    const open = `${hooks}/../open`;
    await Deno.mkdir(open);
    await Deno.chmod(open, 0o777);
    await Deno.writeTextFile(`${open}/program`, "#!/bin/sh\n", { mode: 0o755 });
    await Deno.symlink(`${open}/program`, `${hooks}/roamed`);
    throws(() => folder.find("roamed"), /others can change a folder above it/);
  }));
