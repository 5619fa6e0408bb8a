/** Executing another program in a namespace. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { NetNamespace } from "../../lib/linux/namespace.ts";
import { freshNamespace, isRoot } from "./lab.ts";

const PROGRAM = fileURLToPath(import.meta.resolve("./exec_in.ts"));

/** `exec_in.ts PATH ARGV` with a text on its standard input. */
async function exec(path: string, argv: string[], { input = "", env = {} } = {}) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "-A", PROGRAM, path, ...argv],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env,
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input)).catch(() => {});
  await writer.close().catch(() => {});
  const { code, signal, stdout, stderr } = await child.output();
  return {
    code,
    signal,
    stdout: new TextDecoder().decode(stdout),
    stderr: new TextDecoder().decode(stderr),
  };
}

const HOME = "/proc/self/ns/net";

Deno.test("standard streams, arguments, environment and exit status are the command's own", async () => {
  const script = 'cat; printf "%s\\n" "$1" "$WG_TEST"; echo err >&2; exit 9';
  const result = await exec(HOME, ["sh", "-c", script, "sh", "a  b"], {
    input: "in\n",
    env: { WG_TEST: "ü" },
  });
  assert.deepEqual(result, { code: 9, signal: null, stdout: "in\na  b\nü\n", stderr: "err\n" });
});

Deno.test("SIGPIPE is not ignored and no signal is blocked in the command", async () => {
  const { stdout } = await exec(HOME, ["cat", "/proc/self/status"]);
  assert.match(stdout, /^SigBlk:\t0{16}$/m);
  // The runtime ignores SIGPIPE (13). Signals that the caller of this test ignores stay ignored.
  const ignored = BigInt("0x" + /^SigIgn:\t([0-9a-f]+)$/m.exec(stdout)?.[1]);
  assert.equal(ignored & 1n << 12n, 0n);
  assert.match(stdout, /^Threads:\t1$/m);
});

Deno.test("the limit on descriptors is the one the process was started with", async () => {
  const script = 'ulimit -Sn 200; "$@"; exit $?';
  const args = [
    "-c",
    script,
    "sh",
    Deno.execPath(),
    "run",
    "--no-check",
    "-A",
    PROGRAM,
    HOME,
    "sh",
    "-c",
    "ulimit -Sn",
  ];
  const { stdout } = await new Deno.Command("sh", { args }).output();
  assert.equal(new TextDecoder().decode(stdout), "200\n");
});

Deno.test("the command inherits the standard descriptors and no others", async () => {
  const { stdout } = await exec(HOME, ["sh", "-c", "ls /proc/$$/fd"]);
  const extra = stdout.trim().split("\n").map(Number).filter((fd) => fd > 2);
  const own = [...Deno.readDirSync("/proc/self/fd")].map((entry) => Number(entry.name));
  // Only descriptors that the caller of this test leaked are inherited too.
  assert.deepEqual(extra.filter((fd) => !own.includes(fd)), []);
});

Deno.test("a signal ends the command, which has the process' number", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "-A", PROGRAM, HOME, "sh", "-c", "echo $$; exec sleep 30"],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assert.equal(Number(new TextDecoder().decode(value)), child.pid);
  child.kill("SIGINT");
  await reader.cancel();
  assert.equal((await child.status).signal, "SIGINT");
});

Deno.test("a command that cannot be executed is an error with its name, and the process goes on", async () => {
  for (
    const [command, code] of [["wg-no-such-command", "ENOENT"], ["/etc/passwd", "EACCES"], [
      "",
      "ENOENT",
    ]]
  ) {
    const { code: status, stdout } = await exec(HOME, [command]);
    assert.equal(status, 3);
    assert.match(stdout, new RegExp(`^OsError ${command} exec ${code}\n$`));
  }
});

Deno.test("a script without an interpreter line is run by sh", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/script`, 'echo "script $1"\n', { mode: 0o755 });
    const env = { PATH: `/nowhere:${folder}:${Deno.env.get("PATH")}` };
    assert.equal((await exec(HOME, ["script", "x"], { env })).stdout, "script x\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: "the command is in the namespace",
  ignore: !isRoot,
  fn: async () => {
    using namespace = freshNamespace();
    using home = NetNamespace.current();
    const { stdout } = await exec(`/proc/${Deno.pid}/fd/${namespace.fd}`, [
      "readlink",
      "/proc/self/ns/net",
    ]);
    assert.equal(stdout, `net:[${namespace.identity.inode}]\n`);
    assert.notEqual(namespace.identity.inode, home.identity.inode);
  },
});
