/** Filters of system calls: their programs do what the rules say, on both architectures. */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { allowedCalls, callRules, KILLING } from "../../lib/linux/allowed_calls.ts";
import { type CallName, callNumber } from "../../lib/linux/call_numbers.ts";
import { LOOK_UP_RULES } from "../../lib/linux/look_up_calls.ts";
import { assembleFilter, type CallRule, STEPS_MAX } from "../../lib/linux/seccomp.ts";

const X86_64 = 0xc000003e;
const AARCH64 = 0xc00000b7;
const I386 = 0x40000003;
const ENOSYS = 38;
const X32 = 0x4000_0000;

/** What a program answers to a call: an interpreter of the classic BPF that filters use. */
function answerOf(
  program: Uint8Array,
  arch: number,
  number: number,
  args: readonly bigint[] = [],
): string {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, number, true);
  data.setUint32(4, arch, true);
  args.forEach((argument, i) => data.setBigUint64(16 + 8 * i, BigInt.asUintN(64, argument), true));
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
  let accumulator = 0;
  for (let at = 0; at < program.length / 8; at++) {
    const [operation, value] = [code.getUint16(at * 8, true), code.getUint32(at * 8 + 4, true)];
    const jump = (isTrue: boolean) => at += code.getUint8(at * 8 + (isTrue ? 2 : 3));
    switch (operation) {
      case 0x20:
        accumulator = data.getUint32(value, true);
        break;
      case 0x54:
        accumulator = (accumulator & value) >>> 0;
        break;
      case 0x15:
        jump(accumulator === value);
        break;
      case 0x35:
        jump(accumulator >= value);
        break;
      case 0x06:
        if (value === 0x7fff_0000) return "allow";
        if (value === 0x8000_0000) return "kill";
        if (value >>> 16 === 5) return `errno ${value & 0xffff}`;
        throw new Error(`an unknown result ${value.toString(16)}`);
      default:
        throw new Error(`an unknown step ${operation.toString(16)}`);
    }
  }
  throw new Error("the program has no end");
}

const numberOf = (call: CallName) => callNumber(call, "x86_64")!;

Deno.test("a filter answers by the call and its argument, and to other calls with ENOSYS", () => {
  const rules: CallRule[] = [
    { call: "read", answer: "allow" },
    { call: "execve", answer: "kill" },
    {
      call: "ioctl",
      answer: "allow",
      when: { argument: 1, values: [7, 0x800454d2] },
      otherwise: { errno: 1 },
    },
    {
      call: "clone",
      answer: "allow",
      when: { argument: 0, mask: 0x30000, values: [0x10000] },
    },
    { call: "write", answer: "allow" },
  ];
  const program = assembleFilter(rules, "x86_64");
  const ask = (call: CallName, ...args: bigint[]) =>
    answerOf(program, X86_64, numberOf(call), args);
  equal(ask("read"), "allow");
  equal(ask("write"), "allow");
  equal(ask("execve"), "kill");
  equal(ask("ioctl", 0n, 7n), "allow");
  equal(ask("ioctl", 7n, 8n), "errno 1");
  equal(ask("ioctl", 0n, 0x800454d2n), "allow");
  // The kernel takes 32 bits of it.
  equal(ask("ioctl", 0n, 0xffff_ffff_800454d2n), "allow");
  equal(ask("clone", 0x3d1f00n), "allow");
  equal(ask("clone", 0x3f0f00n), `errno ${ENOSYS}`);
  equal(ask("clone", 17n), `errno ${ENOSYS}`);
  equal(ask("mount"), `errno ${ENOSYS}`);
});

Deno.test("what looks up names makes sockets of names and answers, and all other calls", () => {
  for (const [architecture, arch] of [["x86_64", X86_64], ["aarch64", AARCH64]] as const) {
    const program = assembleFilter(LOOK_UP_RULES, architecture, "allow");
    const ask = (call: CallName, ...args: bigint[]) =>
      answerOf(program, arch, callNumber(call, architecture)!, args);
    for (const call of ["read", "execve", "clone"] as const) equal(ask(call), "allow");
    equal(ask("io_uring_setup", 8n), "errno 1");
    const [STREAM, DGRAM, RAW, SEQPACKET, CLOEXEC, MPTCP] = [1n, 2n, 3n, 5n, 0x80000n, 262n];
    equal(ask("socket", 1n, STREAM | CLOEXEC, 0n), "allow");
    equal(ask("socketpair", 1n, STREAM | CLOEXEC, 0n), "allow");
    for (const type of [DGRAM, RAW, SEQPACKET, DGRAM | CLOEXEC, DGRAM | 1n << 32n]) {
      equal(ask("socket", 1n, type, 0n), "errno 1");
      equal(ask("socketpair", 1n, type, 0n), "errno 1");
    }
    for (const family of [2n, 10n]) {
      equal(ask("socket", family, STREAM | CLOEXEC, 6n), "allow");
      equal(ask("socket", family, DGRAM | CLOEXEC, 0n), "allow");
      equal(ask("socket", family, STREAM, MPTCP), "errno 1");
    }
    equal(ask("socket", 16n, RAW | CLOEXEC, 0n), "allow");
    equal(ask("socket", 17n, RAW, 3n), "errno 1");
  }
});

Deno.test("of several lists of conditions a call meets all of one", () => {
  const program = assembleFilter([
    {
      call: "socket",
      answer: "allow",
      anyOf: [
        [{ argument: 0, values: [2, 10] }, { argument: 1, mask: 0xf, values: [1, 2] }],
        [{ argument: 0, values: [1] }, { argument: 2, values: [7] }],
      ],
      otherwise: { errno: 97 },
    },
    { call: "read", answer: "allow" },
  ], "x86_64");
  const ask = (...args: bigint[]) => answerOf(program, X86_64, numberOf("socket"), args);
  for (const family of [2n, 10n]) {
    for (const type of [1n, 2n, 0x801n]) equal(ask(family, type, 0n), "allow");
    equal(ask(family, 3n, 7n), "errno 97");
  }
  equal(ask(1n, 1n, 7n), "allow");
  equal(ask(1n, 1n, 8n), "errno 97");
  equal(ask(3n, 1n, 7n), "errno 97");
  equal(answerOf(program, X86_64, numberOf("read")), "allow");
});

Deno.test("other architectures and the x32 interface are killed", () => {
  const program = assembleFilter([{ call: "read", answer: "allow" }], "x86_64");
  equal(answerOf(program, X86_64, 0), "allow");
  for (const number of [0, X32, X32 + 1, 0xffff_ffff]) {
    equal(answerOf(program, I386, number), "kill");
    equal(answerOf(program, AARCH64, number), "kill");
    if (number !== 0) equal(answerOf(program, X86_64, number), "kill");
  }
  const arm = assembleFilter([{ call: "read", answer: "allow" }], "aarch64");
  equal(answerOf(arm, AARCH64, 63), "allow");
  equal(answerOf(arm, AARCH64, 0), `errno ${ENOSYS}`);
  equal(answerOf(arm, X86_64, 63), "kill");
});

Deno.test("a call has one rule, and jumps and programs have limits", () => {
  const read: CallRule = { call: "read", answer: "allow" };
  throws(() => assembleFilter([read, read], "x86_64"), RangeError);
  const values = Array.from({ length: 256 }, (_, i) => i);
  throws(
    () => assembleFilter([{ ...read, when: { argument: 0, values: [] } }], "x86_64"),
    RangeError,
  );
  throws(
    () => assembleFilter([{ ...read, when: { argument: 0, values } }], "x86_64"),
    RangeError,
  );
});

for (const architecture of ["x86_64", "aarch64"] as const) {
  Deno.test(`the lists of an interface make filters for ${architecture}`, () => {
    const arch = architecture === "x86_64" ? X86_64 : AARCH64;
    for (const phase of ["opening", "open"] as const) {
      const rules = callRules(phase, 77);
      const program = assembleFilter(rules, architecture);
      ok(program.length / 8 < STEPS_MAX);
      const ask = (call: CallName, ...args: bigint[]) => {
        const number = callNumber(call, architecture);
        return number === undefined ? undefined : answerOf(program, arch, number, args);
      };
      for (const call of KILLING) ok([undefined, "kill"].includes(ask(call)), call);
      for (const { call, when, anyOf } of rules) {
        if (when !== undefined || anyOf !== undefined || ask(call) === undefined) continue;
        equal(ask(call) === "kill", KILLING.includes(call));
      }
      for (const call of ["read", "futex", "ppoll", "close"] as const) {
        equal(ask(call), "allow");
      }
      // Landlock does not restrict these.
      for (const call of ["chmod", "fchmod", "fchmodat", "fchown"] as const) {
        ok([undefined, "errno 38"].includes(ask(call)), call);
      }
      // Without conditions, so that the kernel need not run the filter for them. MSG_FASTOPEN, with
      // which they connect TCP past Landlock, is for sockets that cannot be made.
      for (const call of ["sendmsg", "sendmmsg", "sendto", "recvmsg"] as const) {
        const mine = rules.filter((rule) => rule.call === call);
        equal(mine.length, 1);
        deepEqual(mine[0], { call, answer: "allow" });
      }
      // TUNSETIFF: only while the device is opened.
      equal(ask("ioctl", 3n, 0x400454can), phase === "opening" ? "allow" : "errno 1");
      equal(ask("ioctl", 3n, 0x800454d2n), "allow");
      // TIOCSTI puts characters into a terminal.
      equal(ask("ioctl", 3n, 0x5412n), "errno 1");
      const whileOpening = phase === "opening" ? "allow" : "errno 97";
      const [STREAM, DGRAM, RAW, SEQPACKET, FLAGS] = [1n, 2n, 3n, 5n, 0x80800n];
      for (const family of [2n, 10n]) {
        for (const protocol of [0n, 17n]) equal(ask("socket", family, DGRAM, protocol), "allow");
        // TCP; MPTCP, which Landlock does not restrict; SCTP, UDP-Lite, ICMP.
        equal(ask("socket", family, STREAM | FLAGS, 0n), "errno 97");
        for (const protocol of [6n, 262n, 132n, 136n, 1n]) {
          equal(ask("socket", family, STREAM, protocol), "errno 97");
          equal(ask("socket", family, DGRAM, protocol), "errno 97");
        }
        equal(ask("socket", family, RAW, 17n), "errno 97");
      }
      equal(ask("socket", 16n, RAW | FLAGS, 0n), "allow");
      equal(ask("socket", 16n, DGRAM, 15n), whileOpening);
      // nf_tables, generic netlink, IPsec.
      for (const protocol of [12n, 16n, 6n]) {
        equal(ask("socket", 16n, RAW, protocol), "errno 97");
      }
      equal(ask("socket", 1n, DGRAM | FLAGS), "allow");
      equal(ask("socket", 1n, STREAM | FLAGS), whileOpening);
      equal(ask("socket", 1n, SEQPACKET), "errno 97");
      equal(ask("listen"), phase === "opening" ? "allow" : "errno 38");
      for (const family of [17n, 38n, 40n]) equal(ask("socket", family, RAW), "errno 97");
      equal(
        ask("clone3"),
        undefined === callNumber("clone3", architecture) ? undefined : "errno 38",
      );
      // What pthread_create(3) and fork(3) ask for, and a thread in a new namespace.
      equal(ask("clone", 0x3d0f00n), "allow");
      equal(ask("clone", 0x1200011n), "errno 1");
      equal(ask("clone", 0x403d0f00n), "errno 1");
      equal(ask("tgkill", 77n, 78n, 6n), "allow");
      equal(ask("tgkill", 1n, 1n, 9n), "errno 1");
      equal(ask("seccomp"), phase === "opening" ? "allow" : "errno 38");
    }
    ok(allowedCalls(callRules("open", 1)) < allowedCalls(callRules("opening", 1)));
  });
}
