/**
 * The lines between the process of an interface and the one that looks up names, and the program of
 * the shell, with a getent(1) of the test's.
 */
import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { OsError } from "../../lib/base/errors.ts";
import { formatIp } from "../../lib/base/ip_text.ts";
import {
  ANSWER_MAX,
  LOOK_UPS_NAME,
  LOOK_UPS_PROGRAM,
  parseAnswer,
  parseRefusal,
  PROGRAM_VARIABLE,
  refusalLine,
  requestLine,
  returnLine,
  type SlotAnswer,
  SLOTS,
} from "../../lib/daemon/look_up_protocol.ts";
import { LookUpSocket } from "../../lib/daemon/look_up_socket.ts";
import { eventually } from "../../scripts/netlab.ts";
import { close, F_SETFD, fcntl, send } from "../../ffi/libc.ts";
import { socketPair } from "../../ffi/unix_socket.ts";

const shown = (line: string) => {
  const { slot, answer } = parseAnswer(line) ?? {};
  if (answer === undefined) return undefined;
  if ("problem" in answer) return `${slot}: ${answer.problem}`;
  return `${slot}: ${
    answer.addresses.map(({ address, scope }) => `${formatIp(address)}/${scope}`).join(" ")
  }`;
};

Deno.test("requests are lines with a slot and a checked name", () => {
  equal(requestLine(0, "vpn.example.org"), "0 vpn.example.org\n");
  equal(requestLine(15, "a_b-c."), "f a_b-c.\n");
  equal(returnLine(10), "a\n");
  for (const host of ["", "-h", "a b", "a\nb", "$(id)", "a;b", "10.0.0.1", "ä", "a".repeat(64)]) {
    throws(() => requestLine(0, host), RangeError);
  }
  throws(() => requestLine(0, `${"a.".repeat(126)}bc`), RangeError);
  equal(requestLine(0, `${"a.".repeat(126)}b`).length, 2 + 253 + 1);
});

Deno.test("answers are the addresses of datagrams, or a problem", () => {
  equal(
    shown("3 0 2001:db8::1 STREAM vpn 2001:db8::1 DGRAM 2001:db8::1 RAW 10.0.0.2 DGRAM "),
    "3: 2001:db8::1/0 10.0.0.2/0",
  );
  equal(shown("a 0 fe80::1%4 DGRAM fe80::2%eth0 DGRAM"), "10: fe80::1/4");
  equal(
    shown("0 0 DGRAM DGRAM 1.2.3 DGRAM x RAW"),
    "0: it has no address, or no name server answers",
  );
  equal(shown("0 2"), "0: it has no address, or no name server answers");
  equal(shown("1 124"), "1: no answer for 20 seconds");
  equal(shown("1 127"), "1: getent(1) and timeout(1) are required");
  equal(shown("1 139"), "1: getent(1) ended with status 139");
  for (const line of ["", "0", "g 0", "00 0", "0 -1", "0 0  x", "0 1000", "x", "0\t0", "0 0\r"]) {
    equal(parseAnswer(line), undefined, JSON.stringify(line));
  }
});

Deno.test("a refusal is one short line of printable characters", () => {
  const read = (line: string) => parseRefusal(line.split("\n").slice(0, -1));
  equal(read(refusalLine("spawn: EAGAIN")), "spawn: EAGAIN");
  equal(read(refusalLine("a\nset=1\x1b[0mä")), "a set=1 [0m ");
  equal(read(refusalLine("x".repeat(1_000))).length, 200);
  for (const lines of [[], ["refused="], ["refused=a", "b"], ["a=b"], ["refused=\x1b"]]) {
    throws(() => parseRefusal(lines), /look_ups: a lent socket or the reason/);
  }
  throws(() => parseRefusal([`refused=${"x".repeat(201)}`]));
});

/** A shell with the program, and the socket to it. Its getent(1) is a script. */
class Shell implements AsyncDisposable {
  readonly socket: LookUpSocket;
  readonly raw: number;
  readonly #child: Deno.ChildProcess;
  readonly #folder: string;

  constructor(getent: string) {
    this.#folder = Deno.makeTempDirSync();
    Deno.writeTextFileSync(`${this.#folder}/getent`, `#!/bin/sh\n${getent}\n`, { mode: 0o755 });
    const [ours, other] = socketPair();
    fcntl(other, F_SETFD, 0);
    const become = `exec sh -c 'eval "$${PROGRAM_VARIABLE}"' ${LOOK_UPS_NAME} wg1 <&${other} >&0`;
    // dash(1) takes no descriptor of two digits.
    this.#child = new Deno.Command("bash", {
      args: ["-c", become],
      env: { PATH: `${this.#folder}:/usr/bin:/bin`, [PROGRAM_VARIABLE]: LOOK_UPS_PROGRAM },
      clearEnv: true,
      detached: true,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    close(other);
    this.raw = ours;
    this.socket = new LookUpSocket(ours, this.#child.pid);
  }

  /** The processes of its session, which it leads. */
  sessions(): number {
    return [...Deno.readDirSync("/proc")].filter(({ name }) => {
      try {
        const stat = Deno.readTextFileSync(`/proc/${name}/stat`);
        return / \S+ \S+ \S+ (\d+)/.exec(stat.slice(stat.lastIndexOf(")")))?.[1] ===
          `${this.#child.pid}`;
      } catch {
        return false;
      }
    }).length;
  }

  async answers(count: number): Promise<SlotAnswer[]> {
    const all: SlotAnswer[] = [];
    await eventually(`${count} answers`, () => {
      for (const answer of this.socket.answers()) {
        all.push(answer);
        this.socket.giveBack(answer.slot);
      }
      return all.length >= count;
    });
    return all;
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async end(): Promise<void> {
    await this.#child.status;
    await eventually("its session ends", () => this.sessions() === 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.close();
    await this.end();
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

Deno.test("one name that hangs delays no other, and ends with the socket", async () => {
  const getent = `case $2 in hang*) sleep 60 ;; no*) exit 2 ;; crash*) kill -11 $$ ;; esac
echo "10.0.0.\${2#h}   STREAM name"; echo "10.0.0.\${2#h}   DGRAM"`;
  await using shell = new Shell(getent);
  shell.socket.ask(7, "hang");
  for (let round = 0; round < 3; round++) {
    for (let slot = 0; slot < 6; slot++) shell.socket.ask(slot, `h${slot}`);
    const answers = await shell.answers(6);
    deepEqual(answers.map(({ slot }) => slot).sort(), [0, 1, 2, 3, 4, 5]);
    for (const { slot, answer } of answers) {
      ok("addresses" in answer && answer.addresses[0].address[3] === slot);
    }
  }
  shell.socket.ask(1, "no");
  match(JSON.stringify(await shell.answers(1)), /no address/);
  shell.socket.ask(1, "crash");
  match(JSON.stringify(await shell.answers(1)), /ended with status 139/);
  // The shell has waited for those that have ended: itself, and the one that hangs.
  await eventually("no zombie", () => shell.sessions() <= 5);
});

Deno.test("what getent(1) prints is bounded, and stays with its name", async () => {
  const getent = `i=0
while [ $i -lt 300 ]; do i=$((i + 1)); echo "10.\${2#h}.0.$i DGRAM"; echo "$i; rm * \\$(id)"; done`;
  await using shell = new Shell(getent);
  for (let slot = 0; slot < SLOTS; slot++) shell.socket.ask(slot, `h${slot}`);
  const answers = await shell.answers(SLOTS);
  for (const { slot, answer } of answers) {
    ok("addresses" in answer);
    ok(answer.addresses.length > 50 && answer.addresses.length < ANSWER_MAX / 15);
    for (const { address } of answer.addresses) equal(address[1], slot);
  }
});

Deno.test("the shell ends with what is not a request", async () => {
  for (const line of ["0 -h", "0 a b", "g a", "0 $(id)", "10 a", "0 a;b", ""]) {
    await using shell = new Shell("echo 10.0.0.1 DGRAM");
    shell.socket.ask(0, "a");
    await shell.answers(1);
    send(shell.raw, new TextEncoder().encode(`${line}\n`));
    await shell.end();
    throws(() => shell.socket.answers(), OsError);
  }
});

Deno.test("a process that answers without reading is found out", () => {
  const [ours, other] = socketPair();
  const socket = new LookUpSocket(ours, 1);
  let asked = 0;
  const goOn = () => {
    for (; asked < 100_000; asked++) {
      socket.ask(0, "vpn.example.org");
      send(other, new TextEncoder().encode("0 2\n"));
      deepEqual(socket.answers().map(({ slot }) => slot), [0]);
      socket.giveBack(0);
    }
  };
  throws(goOn, /EAGAIN|EPROTO/);
  ok(asked > SLOTS, "what a shell has not read yet has room");
  socket.close();
  close(other);
});

Deno.test("a process that is killed or talks nonsense is found out", async () => {
  await using shell = new Shell("sleep 60");
  shell.socket.ask(0, "a");
  shell.kill();
  await eventually("the end", () => {
    try {
      shell.socket.answers();
      return false;
    } catch (error) {
      return error instanceof OsError;
    }
  });
  const [ours, other] = socketPair();
  const socket = new LookUpSocket(ours, 1);
  const say = (text: string) => send(other, new TextEncoder().encode(text));
  say("3 0 10.0.0.1");
  deepEqual(socket.answers(), []);
  say(" DGRAM\n4 2\n5");
  deepEqual(socket.answers().map(({ slot }) => slot), [3, 4]);
  say(" nonsense\n");
  throws(() => socket.answers(), /EPROTO/);
  say("0 0 ".padEnd(ANSWER_MAX + 2, "x"));
  throws(() => socket.answers(), /EPROTO/);
  socket.close();
  close(other);
});
