/**
 * Makes filters of system calls: programs of classic BPF for seccomp(2), from lists of rules
 * (include/uapi/linux/seccomp.h, filter.h, audit.h). It makes no call itself.
 *
 * A program first checks the architecture, because numbers of calls differ. Then it compares the
 * number of the call with each rule, in order. A call without a rule by default gets ENOSYS, as in
 * an older kernel: a library then does without the call.
 * @module
 */
import { ENOSYS } from "../base/errno.ts";
import { type Architecture, type CallName, callNumber } from "./call_numbers.ts";

/** What happens with a call: it is made, it returns an error, or the process is killed. */
export type Answer = "allow" | "kill" | { readonly errno: number };

/** A condition of an argument. Its low 32 bits are compared; the kernel takes no more of these. */
export interface Condition {
  /** The argument, 0 to 5. */
  readonly argument: number;
  /** Bits that are compared; by default all 32. */
  readonly mask?: number;
  /** The allowed values. */
  readonly values: readonly number[];
}

/** The rule of one call. */
export interface CallRule {
  readonly call: CallName;
  readonly answer: Answer;
  /** With a condition `answer` is for calls that meet it, and `otherwise` for the others. */
  readonly when?: Condition;
  /** In place of `when`: lists of conditions, of which a call meets all of at least one list. */
  readonly anyOf?: readonly (readonly Condition[])[];
  readonly otherwise?: Answer;
}

/** Bytes of a struct sock_filter: code u16, jump if true u8, if false u8, value u32. */
const STEP_BYTES = 8;
/** The longest program (BPF_MAXINSNS). */
export const STEPS_MAX = 4096;

/** BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ, BPF_JMP | BPF_JGE, BPF_ALU | BPF_AND, BPF_RET. */
const LOAD = 0x20;
const EQUAL = 0x15;
const AT_LEAST = 0x35;
const AND = 0x54;
const RETURN = 0x06;

/** Offsets in struct seccomp_data. Both architectures are little-endian. */
const NUMBER_AT = 0;
const ARCHITECTURE_AT = 4;
const ARGUMENTS_AT = 16;

const RET_KILL_PROCESS = 0x8000_0000;
const RET_ERRNO = 0x0005_0000;
const RET_ALLOW = 0x7fff_0000;

/** AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64. */
const AUDIT: Readonly<Record<Architecture, number>> = {
  x86_64: 0xc000003e,
  aarch64: 0xc00000b7,
};
/** Calls of the x32 interface have numbers from here on, with the architecture of x86_64. */
const X32_FIRST = 0x4000_0000;

type Step = readonly [code: number, ifTrue: number, ifFalse: number, value: number];

const resultOf = (answer: Answer): number =>
  answer === "allow" ? RET_ALLOW : answer === "kill" ? RET_KILL_PROCESS : RET_ERRNO | answer.errno;
const giving = (answer: Answer): Step => [RETURN, 0, 0, resultOf(answer)];

/**
 * The program of a list of rules, struct sock_filter[]. Rules of calls that the architecture does
 * not have are left out. Put rules that are used most often first.
 * @param others what happens with calls that have no rule
 * @throws RangeError for a call with two rules, and for a program that is too long
 */
export function assembleFilter(
  rules: readonly CallRule[],
  architecture: Architecture,
  others: Answer = { errno: ENOSYS },
): Uint8Array<ArrayBuffer> {
  const steps: Step[] = [
    [LOAD, 0, 0, ARCHITECTURE_AT],
    [EQUAL, 1, 0, AUDIT[architecture]],
    giving("kill"),
    [LOAD, 0, 0, NUMBER_AT],
  ];
  if (architecture === "x86_64") steps.push([AT_LEAST, 0, 1, X32_FIRST], giving("kill"));
  const seen = new Set<CallName>();
  for (const rule of rules) {
    if (seen.has(rule.call)) throw new RangeError(`seccomp: two rules for ${rule.call}`);
    seen.add(rule.call);
    const number = callNumber(rule.call, architecture);
    if (number === undefined) continue;
    const body = bodyOf(rule);
    steps.push([EQUAL, 0, body.length, number], ...body);
  }
  steps.push(giving(others));
  if (steps.length > STEPS_MAX) throw new RangeError("seccomp: the filter is too long");
  const program = new Uint8Array(steps.length * STEP_BYTES);
  const view = new DataView(program.buffer);
  steps.forEach(([code, ifTrue, ifFalse, value], i) => {
    if (ifTrue > 255 || ifFalse > 255) throw new RangeError("seccomp: a jump is too far");
    view.setUint16(i * STEP_BYTES, code, true);
    view.setUint8(i * STEP_BYTES + 2, ifTrue);
    view.setUint8(i * STEP_BYTES + 3, ifFalse);
    view.setUint32(i * STEP_BYTES + 4, value, true);
  });
  return program;
}

/** The steps for the call of a rule. They end with its answer. */
function bodyOf({ answer, when, anyOf, otherwise }: CallRule): Step[] {
  const lists = anyOf ?? (when === undefined ? undefined : [[when]]);
  if (lists === undefined) return [giving(answer)];
  return [
    ...lists.flatMap((conditions) => stepsOf(conditions, answer)),
    giving(otherwise ?? { errno: ENOSYS }),
  ];
}

/** The steps that give an answer when all conditions are met, and go on behind it when not. */
function stepsOf(conditions: readonly Condition[], answer: Answer): Step[] {
  return conditions.reduceRight<Step[]>((rest, { argument, mask, values }) => {
    if (values.length === 0) throw new RangeError("seccomp: a condition without values");
    return [
      [LOAD, 0, 0, ARGUMENTS_AT + 8 * argument],
      ...(mask === undefined ? [] : [[AND, 0, 0, mask] as const]),
      ...values.map((value, i): Step => {
        const others = values.length - 1 - i;
        return [EQUAL, others, others === 0 ? rest.length : 0, value];
      }),
      ...rest,
    ];
  }, [giving(answer)]);
}
