/**
 * What happens to people who are not root: everything works in a user namespace of their own, and
 * outside of it each call that needs a privilege is an OsError that names it. Where the tests run
 * as root, the program runs as nobody.
 */
import assert from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { NOBODY, TUN_FOR_EVERYBODY } from "../../scripts/facilities.ts";
import { Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";

const UNSHARE = ["unshare", "--user", "--map-root-user", "--net", "--mount"];
const PROGRAM = "tests/system/unprivileged.ts";
const DENO_WORDS = ["run", "--no-check", "--no-config", "-A"];
const isRoot = Deno.uid() === 0;

/** What was said: standard output, and standard error behind it. */
interface Said {
  readonly code: number;
  readonly output: string;
}

/** Runs `unprivileged.ts MODE` as this user, who is not root; `wrap` goes before the command. */
async function asThisUser(mode: string, wrap: readonly string[]): Promise<Said> {
  const [program, ...args] = [...wrap, Deno.execPath(), ...DENO_WORDS, ROOT + PROGRAM, mode];
  const { code, stdout, stderr } = await new Deno.Command(program, { args }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, output: decode(stdout) + decode(stderr) };
}

/**
 * Runs `unprivileged.ts MODE` as nobody in a room. The room holds a copy of the program and of the
 * runtime that everybody may read: both may lie in a folder that only root may enter. Its
 * /dev/net/tun is everybody's too.
 */
async function asNobody(mode: string, wrap: readonly string[]): Promise<Said> {
  await using room = await Room.open();
  await room.output(["sh", "-c", TUN_FOR_EVERYBODY]);
  const copy = 'mkdir -p /run/copy/tests && cp -R "$1ffi" "$1lib" /run/copy && ' +
    'cp -R "$1tests/linux" "$1tests/system" /run/copy/tests && cp "$2" /run/copy/deno && ' +
    "chmod -R a+rX /run/copy && chmod a+x /run/copy/deno && mkdir -m 777 /run/copy/home";
  await room.output(["sh", "-c", copy, "sh", ROOT, Deno.execPath()]);
  const become = [
    "setpriv",
    `--reuid=${NOBODY}`,
    `--regid=${NOBODY}`,
    "--clear-groups",
    "--inh-caps=-all",
  ];
  const command = [...wrap, "/run/copy/deno", ...DENO_WORDS, `/run/copy/${PROGRAM}`, mode];
  const env = { HOME: "/run/copy/home", DENO_DIR: "/run/copy/home", DENO_NO_UPDATE_CHECK: "1" };
  const { code, stdout, stderr } = await room.run([...become, ...command], { env });
  return { code, output: stdout + stderr };
}

const run = isRoot ? asNobody : asThisUser;

const NEEDED = needs("user-namespaces", "user-tun");

Deno.test(
  "without privileges every call that needs one says so",
  isRoot ? NEEDED : {},
  async () => {
    assert.deepEqual(await run("without", []), { code: 0, output: "ok\n" });
  },
);

Deno.test("root of a user namespace can do everything", NEEDED, async () => {
  // Nobody's copy of the program is under /run.
  const folder = isRoot ? "/run/netns" : "/run";
  const script = 'mount -t tmpfs none "$1" && shift && exec "$@"';
  const said = await run("within", [...UNSHARE, "sh", "-c", script, "sh", folder]);
  assert.deepEqual(said, { code: 0, output: "ok\n" });
});

Deno.test("root of a user namespace that may not write to /run is told so", NEEDED, async () => {
  assert.deepEqual(await run("no-run", UNSHARE), { code: 0, output: "ok\n" });
});
