/**
 * A program for privileges_test.ts: the process of an interface, which gives up its rights as `wg
 * -f` does. When the interface runs, it tries what it may not do any more, and prints each result.
 * Its arguments are the interface's name, and perhaps the word `kill` for a try that kills the
 * process.
 * @module
 */
import { runDaemon } from "../../lib/daemon/run.ts";
import { confine } from "../../lib/daemon/confinement.ts";
import { type CallName, callNumber } from "../../lib/linux/call_numbers.ts";

/** Files of /etc: secrets, and settings of look-ups, which another process reads. */
const OF_ETC = ["/etc/shadow", "/etc/wireguard/wg1.conf", "/etc/resolv.conf", "/etc/hosts"];

const libc = () =>
  Deno.dlopen("libc.so.6", {
    syscall: {
      parameters: ["i64", "i64", "i64", "i64", "i64", "i64", "i64"],
      result: "i64",
    },
    __errno_location: { parameters: [], result: "pointer" },
  }).symbols;

/** What happens when a function runs: `done`, or the error's name or errno. */
function outcome(fn: () => unknown): string {
  try {
    const result = fn();
    return typeof result === "string" ? result : "done";
  } catch (error) {
    return (error as { code?: string }).code ?? (error as Error).name;
  }
}

function tryAll(): void {
  const { syscall, __errno_location } = libc();
  const call = (name: CallName, ...args: number[]) => {
    const [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n, f = 0n] = args.map(BigInt);
    const result = syscall(
      BigInt(callNumber(name, Deno.build.arch)!),
      a,
      b,
      c,
      d,
      e,
      f,
    );
    return Number(result) >= 0
      ? "done"
      : `errno ${new Deno.UnsafePointerView(__errno_location()!).getInt32()}`;
  };
  const say = (what: string, fn: () => unknown) => console.log(`${what}: ${outcome(fn)}`);
  say("a program", () => new Deno.Command("/bin/true").outputSync());
  say("a raw packet socket", () => call("socket", 17, 3, 0x300));
  say("the mode of a file", () => {
    try {
      Deno.chmodSync("/etc/passwd", 0o644);
      return "done";
    } catch (error) {
      return (error as Error).message;
    }
  });
  say("the mode of an open file", () => call("fchmod", 0, 0o644));
  say("a connection of MPTCP", () => call("socket", 2, 1, 262));
  say("nf_tables", () => call("socket", 16, 3, 12));
  say("a connection to another program's socket", () => call("socket", 1, 1, 0));
  say("a TCP socket", () => call("socket", 2, 0x80001, 0));
  say("TCP to a port by fast open", () => call("sendto", 0, 0, 0, 0x2000_0000));
  say("an ear for TCP", () => call("listen", 0, 5));
  say("a signal to process 1", () => call("tgkill", 1, 1, 0));
  say("a terminal's input", () => call("ioctl", 0, 0x5412, 0));
  say("dumpable", () => call("prctl", 4, 1));
  say("another filter", () => call("seccomp", 0, 0, 0));
  say("mount", () => call("mount"));
  say("another namespace", () => call("unshare", 0x40000000));
  say("read /usr/bin", () => Deno.openSync("/usr/bin/env").close());
  say("list /root", () => void [...Deno.readDirSync("/root")]);
  for (const path of OF_ETC) say(`read ${path}`, () => Deno.openSync(path).close());
  say("list /etc", () => void [...Deno.readDirSync("/etc")]);
  say("write /etc", () => void Deno.openSync("/etc/hostname", { write: true }).close());
  say("write /run", () => Deno.writeTextFileSync("/run/wg-was-here", ""));
  say("write /run/wg", () => Deno.writeTextFileSync("/run/wg/wg2.quick", "{}"));
  say("open a device", () => Deno.openSync("/dev/mem"));
  console.log("tried");
  if (Deno.args[1] === "kill") call("ptrace", 16, 1, 0, 0);
  if (Deno.args[1] === "kill") console.log("alive after ptrace");
}

const script = new URL(import.meta.url).pathname;
const flags = ["run", "-A", "--unstable-net", "--quiet", "--no-check", "--no-prompt"];
const cache = Deno.env.get("DENO_DIR");
const confinement = confine({
  args: Deno.args,
  environment: {},
  self: (args) => ({
    program: Deno.execPath(),
    args: [...flags, script, ...args],
    environment: {
      HOME: Deno.env.get("HOME") ?? "/root",
      PATH: "/usr/bin:/bin",
      ...cache === undefined ? {} : { DENO_DIR: cache },
    },
  }),
});
const status = await runDaemon({
  name: Deno.args[0],
  foreground: true,
  confinement,
  configuration: () => Promise.resolve({ lines: ["listen_port=7111"] }),
  ready: () => setTimeout(tryAll, 300),
});
Deno.exit(status);
