/**
 * What the process of an interface and the process that looks up names for it say to each other.
 *
 * A look-up has one of sixteen slots. `SLOT HOST` asks for a host, `SLOT STATUS WORD...` answers
 * with the exit status of getent(1) and the words that it printed, and `SLOT` gives the slot back,
 * so that the shell waits for its child. Each is one line, and an answer is one write.
 * @module
 */
import { ConfigError } from "../base/errors.ts";
import { isHostName } from "../base/host_name.ts";
import { parseIp } from "../base/ip_text.ts";
import type { FoundAddress, NameAnswer } from "../device/device.ts";

/** The most look-ups at once, each of which is a few processes. */
export const SLOTS = 16;
/** How long getent(1) may take, in seconds. */
export const LOOK_UP_SECONDS = 20;
/** The most bytes of an answer, without its line feed. A pipe or socket takes it in one write. */
export const ANSWER_MAX = 3_000;

/** The name of the process among its arguments, where ps(1) shows it. */
export const LOOK_UPS_NAME = "wg-look-ups";
/** The variable with the program of the shell. Among the arguments it would be hard to read. */
export const PROGRAM_VARIABLE = "LOOK_UPS";

/**
 * The program of the shell, which reads requests from standard input and writes answers to standard
 * output. It ends with its input, and with what is not a request. `kill 0` ends what it has
 * started: it leads its process group, and timeout(1) stays in it (GNU's by --foreground).
 */
export const LOOK_UPS_PROGRAM = `set -f
ulimit -c 0
ulimit -v 262144
foreground=--foreground
timeout $foreground 9 true || foreground=
answer() {
  words=$(timeout $foreground ${LOOK_UP_SECONDS} getent ahosts "$2")
  set -- "$1" "$?" $words
  printf '%.${ANSWER_MAX}s\\n' "$*"
}
while read -r slot host; do
  case $slot in [0-9a-f]) ;; *) break ;; esac
  case $host in -* | *[!A-Za-z0-9._-]*) break ;; esac
  eval "job=\\\${job_$slot-}"
  if [ -n "$job" ]; then wait "$job"; fi
  eval "job_$slot="
  if [ -n "$host" ]; then
    answer "$slot" "$host" </dev/null &
    eval "job_$slot=$!"
  fi
done
trap '' TERM
kill 0
`;

/**
 * The line that asks for a host.
 * @param slot 0 to SLOTS - 1
 * @throws RangeError for a text that is not the name of a host
 */
export function requestLine(slot: number, host: string): string {
  if (!isHostName(host)) throw new RangeError(`${JSON.stringify(host)} is no name of a host`);
  return `${slot.toString(SLOTS)} ${host}\n`;
}

/** The line that gives a slot back. */
export const returnLine = (slot: number): string => `${slot.toString(SLOTS)}\n`;

/** The longest reason for which a process cannot be started. */
const REFUSAL_MAX = 200;
const REFUSAL_KEY = "refused=";

/** The line that tells an interface's process why no process that looks up names was started. */
export const refusalLine = (reason: string): string =>
  `${REFUSAL_KEY}${reason.replaceAll(/[^ -~]+/g, " ").slice(0, REFUSAL_MAX)}\n`;

/** Reads the lines of a refusal. @throws ConfigError for others */
export function parseRefusal(lines: readonly string[]): string {
  const [line = ""] = lines;
  const reason = line.slice(REFUSAL_KEY.length);
  if (lines.length === 1 && line.startsWith(REFUSAL_KEY) && /^[ -~]{1,200}$/.test(reason)) {
    return reason;
  }
  throw new ConfigError("look_ups", "a lent socket or the reason of a refusal is required");
}

/** The answer to a request. */
export interface SlotAnswer {
  readonly slot: number;
  readonly answer: NameAnswer;
}

/** Reads a line, without its line feed; undefined for one that is not an answer. */
export function parseAnswer(line: string): SlotAnswer | undefined {
  const [, digit, status, words] = /^([0-9a-f]) (0|[1-9][0-9]{0,2})((?: \S+)*) ?$/.exec(line) ?? [];
  if (digit === undefined) return undefined;
  const slot = parseInt(digit, SLOTS);
  if (status !== "0") return { slot, answer: { problem: problemOf(Number(status)) } };
  const addresses = addressesIn(words.split(" "));
  return { slot, answer: addresses.length > 0 ? { addresses } : { problem: problemOf(NOT_FOUND) } };
}

/** The addresses in the words of getent(1), which prints one for each type of socket. */
function addressesIn(words: readonly string[]): FoundAddress[] {
  return words.flatMap((word, i) => {
    if (words[i + 1] !== "DGRAM") return [];
    const [, text, zone = "0"] = /^([0-9A-Fa-f:.]+)(?:%([0-9]{1,9}))?$/.exec(word) ?? [];
    const address = text === undefined ? undefined : parseIp(text);
    return address === undefined ? [] : [{ address, scope: Number(zone) }];
  });
}

/** Exit statuses: of getent(1) for a key that is not found, of timeout(1), and of shells. */
const NOT_FOUND = 2;
const TIMED_OUT = 124;
const NOT_EXECUTED = [126, 127];

function problemOf(status: number): string {
  if (status === NOT_FOUND) return "it has no address, or no name server answers";
  if (status === TIMED_OUT) return `no answer for ${LOOK_UP_SECONDS} seconds`;
  if (NOT_EXECUTED.includes(status)) return "getent(1) and timeout(1) are required";
  return `getent(1) ended with status ${status}`;
}
