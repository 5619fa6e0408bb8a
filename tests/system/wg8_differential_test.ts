/**
 * wg(8) of wireguard-tools and ours, with the same command lines and files by chance, on interfaces
 * of wireguard-go and of ours: what they print, their status and the state that they leave are the
 * same. `DIFFERENCES` of wg8_cases.ts has what is left, with the reasons.
 * @module
 */
import { equal, ok } from "node:assert/strict";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { Chance, SEED } from "../random.ts";
import { needs } from "./needs.ts";
import { WG, wgRoom } from "./peers.ts";
import { type Case, type Difference, FIELDS, FIXED, someCase } from "./wg8_cases.ts";

const NEEDED = needs("namespaces", "tun", "wireguard-go", "wg");
/** Cases by chance for each implementation. */
const CASES = 150;
/** Differing cases that a failure shows. */
const SHOWN_MAX = 3;
/** Bytes that the shell's printf takes literally. */
const LITERAL = /^[A-Za-z0-9 =:.,/+#[\]_-]$/;

/** What a command did. */
interface Did {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The interface afterwards, as Debian's wg(8) prints it, in an order of its own. */
  readonly state: string;
}

/** The interface in the beginning and after each case with a difference. */
const BASE = "[Interface]\nPrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\n" +
  "ListenPort = 7111\n[Peer]\nPublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\n" +
  "AllowedIPs = 10.0.0.0/8\nEndpoint = 192.0.2.1:7222\n";

const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;
/** A file as printf(1) writes it, one character a byte. */
const escaped = (text: string) =>
  [...text].map((one) =>
    LITERAL.test(one) ? one : `\\${one.charCodeAt(0).toString(8).padStart(3, "0")}`
  ).join("");

/** The script that runs all cases with a program. */
function script(program: string, cases: readonly Case[]): string {
  const write = (path: string, text: string) => `printf ${quoted(escaped(text))} >${path}\n`;
  let text = "mkdir -p /run/did /run/in && cd /run/did || exit\numask 077\n" +
    "export WG_ENDPOINT_RESOLUTION_RETRIES=0\n";
  text += write("/run/in/base", BASE);
  text += "wg setconf wg0 /run/in/base || exit\n";
  text +=
    'run() { n=$1; shift; "$@" >$n.out 2>$n.err; echo $? >$n.rc; wg showconf wg0 >$n.state; }\n';
  for (const [number, one] of cases.entries()) {
    for (const [index, file] of one.files.entries()) text += write(`/run/in/f${index}`, file);
    if (one.stdin !== undefined) text += write("/run/in/stdin", one.stdin);
    const words = one.words.map((word) =>
      word === "IF" ? "wg0" : word.replace(/^@([0-9])$/, "/run/in/f$1")
    );
    const stdin = one.stdin === undefined ? "/dev/null" : "/run/in/stdin";
    text += `run ${number} ${[program, ...words].map(quoted).join(" ")} <${stdin}\n`;
    if (one.difference !== undefined) text += "wg setconf wg0 /run/in/base || exit\n";
  }
  return text;
}

/** Runs the cases in a room of their own and returns what each did. */
async function runAll(
  implementation: string,
  program: string,
  cases: readonly Case[],
): Promise<Did[]> {
  await using room = await wgRoom();
  await start(room, implementation);
  await room.output(["sh", "-s"], { stdin: script(program, cases), timeoutMs: 300_000 });
  const read = (name: string) => Deno.readTextFile(`/proc/${room.pid}/root/run/did/${name}`);
  return await Promise.all(cases.map(async (_, number) => ({
    status: Number(await read(`${number}.rc`)),
    stdout: await read(`${number}.out`),
    stderr: await read(`${number}.err`),
    state: ordered(await read(`${number}.state`)),
  })));
}

async function start(room: Room, implementation: string): Promise<void> {
  await room.output([implementation, "wg0"]);
  await eventually("wg0", async () => (await room.run(["wg", "show", "wg0"])).code === 0);
}

/** Ports of this range are chosen by chance. */
const byChance = (port: number) => port > 32_767;

/**
 * A text of wg(8) without what chance decides: the order of peers and ranges, which wireguard-go
 * does not keep, and the numbers of ports that nobody chose.
 */
function ordered(text: string): string {
  const list = (_: string, before: string, ranges: string) =>
    before + ranges.split(/, ?| /).sort().join(",");
  return text
    .replace(/(AllowedIPs = |allowed ips: )(.*)/g, list)
    .replace(
      /((?:ListenPort = |listening port: |^|\t))([0-9]{5})$/gm,
      (all, before, port) => byChance(Number(port)) ? `${before}PORT` : all,
    )
    .split(text.includes("\n\n") ? /\n\n/ : /\n/).map((part) => part.trimEnd()).sort().join("\n\n");
}

/** The order of ranges inside one column. */
const orderedFields = (text: string) =>
  ordered(
    text.replace(/[^\t\n]*\/[0-9]+[^\t\n]*/g, (ranges) => ranges.split(/[ ,]/).sort().join(",")),
  );

const shown = (one: Case) => JSON.stringify({ ...one, difference: undefined });

/** Runs the cases with both programs and returns what differs, in words. */
async function compare(implementation: string, cases: readonly Case[]): Promise<Compared> {
  const [theirs, ours] = await Promise.all([
    runAll(implementation, "wg", cases),
    runAll(implementation, WG, cases),
  ]);
  const differing: string[] = [];
  const seen = new Set<Difference>();
  let accepted = 0;
  for (const [number, one] of cases.entries()) {
    const [a, b] = [theirs[number], ours[number]].map(({ status, stdout, state }) =>
      `status ${status}\n${orderedFields(stdout)}\n${state}`
    );
    if (ours[number].status === 0 && one.words.length > 2) accepted++;
    const silent = ours[number].status !== 0 && ours[number].stderr === "";
    if (a === b && !silent) continue;
    const excused = one.difference !== "unresolved name" || implementation === WG;
    if (one.difference !== undefined && excused) seen.add(one.difference);
    else {
      differing.push(
        `case ${number}: ${shown(one)}\n--- wg(8): ${theirs[number].stderr}${a}\n` +
          `--- ours: ${ours[number].stderr}${b}\n`,
      );
    }
  }
  return { differing, seen, accepted };
}

interface Compared {
  readonly differing: readonly string[];
  readonly seen: ReadonlySet<Difference>;
  /** The number of cases that ours accepted. */
  readonly accepted: number;
}

Deno.test("wg(8) and ours print, return and leave the same", NEEDED, async () => {
  const some = (seed: number) => {
    const chance = Chance.of(seed);
    return Array.from({ length: CASES }, () => someCase(chance));
  };
  const [onGo, onOurs] = await Promise.all([
    compare("wireguard-go", [...FIXED, ...some(SEED)]),
    compare(WG, [...FIXED, ...some(SEED + 1)]),
  ]);
  for (const [name, { differing, seen, accepted }] of Object.entries({ onGo, onOurs })) {
    const [first] = differing;
    equal(
      first,
      undefined,
      `WG_TEST_SEED=${SEED}, ${name}: ${differing.length} differ:\n${
        differing.slice(0, SHOWN_MAX).join("\n")
      }`,
    );
    // The cases say something: many are accepted, and the fixed differences are seen.
    ok(accepted > CASES / 5, `${name}: only ${accepted} cases are accepted`);
    for (
      const difference of [
        "--help",
        "show help",
        "standard input as -",
        "folder",
        "syncconf and absent keys",
      ] as const
    ) {
      ok(seen.has(difference), difference);
    }
  }
});

Deno.test("every view of one interface is the same by wg(8) and ours", NEEDED, async () => {
  await using room = await wgRoom();
  await start(room, "wireguard-go");
  await room.output(["sh", "-c", "cat >/run/base"], { stdin: BASE });
  await room.output(["wg", "setconf", "wg0", "/run/base"]);
  for (
    const words of [
      [],
      ["show"],
      ["showconf", "wg0"],
      ...FIELDS.map((field) => ["show", "wg0", field]),
    ]
  ) {
    for (const env of [{}, { WG_COLOR_MODE: "always", WG_HIDE_KEYS: "never" }]) {
      const [a, b] = await Promise.all(
        ["wg", WG].map((program) => room.output([program, ...words], { env })),
      );
      equal(b, a, words.join(" "));
    }
  }
});
