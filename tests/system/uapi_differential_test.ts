/**
 * The control socket beside that of Debian's wireguard-go: the same requests to both, and the same
 * answers and states, but for the differences that wg(8) lists.
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { Room } from "../../scripts/netlab.ts";
import { Chance, SEED } from "../random.ts";
import { needs } from "./needs.ts";
import { must, wgRoom } from "./peers.ts";
import { DEVICE_KEYS, PEER_KEYS, rightLines, wrongLines } from "./uapi_requests.ts";

const NEEDED = needs("namespaces", "tun", "ip", "wireguard-go");

const OURS = "wg1", THEIRS = "wg2";
const ANSWER_END = /(?:^|\n)errno=-?\d+\n\n$/;
const encoder = new TextEncoder();

/** A connection to the control socket of one of the two. */
class Client implements Disposable {
  readonly #connection: Deno.UnixConn;

  private constructor(connection: Deno.UnixConn) {
    this.#connection = connection;
  }

  static async open(room: Room, name: string): Promise<Client> {
    const path = `/proc/${room.pid}/root/run/wireguard/${name}.sock`;
    return new Client(await Deno.connect({ transport: "unix", path }));
  }

  /** Sends an operation. Returns its answer, or what comes before the connection is closed. */
  async ask(text: string): Promise<string> {
    await this.#connection.write(encoder.encode(text)).catch(() => 0);
    return await this.#read((got) => ANSWER_END.test(got));
  }

  /** Sends bytes and ends the sending side. Returns all that comes. */
  async last(text: string): Promise<string> {
    await this.#connection.write(encoder.encode(text));
    await this.#connection.closeWrite();
    return await this.#read(() => false);
  }

  async #read(isWhole: (got: string) => boolean): Promise<string> {
    const piece = new Uint8Array(65_536);
    let got = "";
    while (!isWhole(got)) {
      const count = await this.#connection.read(piece).catch(() => null);
      if (count === null) break;
      got += new TextDecoder().decode(piece.subarray(0, count));
    }
    return got;
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}

/** A room with both, each in a namespace of its own, so that they may have the same port. */
async function bothIn(): Promise<Room> {
  const room = await wgRoom();
  await room.namespace("ours");
  await room.namespace("theirs");
  await must(room, `ifconfig ${OURS} create wgport 51820 up`, "ours");
  await must(room, `/usr/bin/wireguard-go ${THEIRS}`, "theirs");
  await must(room, `ip link set ${THEIRS} up`, "theirs");
  return room;
}

async function ask(room: Room, name: string, text: string): Promise<string> {
  using client = await Client.open(room, name);
  return await client.ask(text);
}

/** The error number of an answer; `closed` when there is none. */
const errnoOf = (answer: string) => /(?:^|\n)errno=(-?\d+)\n/.exec(answer)?.[1] ?? "closed";

/** What an answer to `get=1` says of the configuration: the interface, then the peers, sorted. */
function configuration(answer: string): string[] {
  const device: string[] = [];
  const peers: string[][] = [];
  let lines = device;
  for (const line of answer.split("\n")) {
    if (line === "" || /^(errno|tx_bytes|rx_bytes|last_handshake)/.test(line)) continue;
    if (line.startsWith("public_key=")) peers.push(lines = []);
    lines.push(line);
  }
  return [device, ...peers].map((one) => one.sort().join("\n")).sort();
}

const state = async (room: Room, name: string) => configuration(await ask(room, name, "get=1\n\n"));

const setText = (lines: readonly string[]) =>
  ["set=1", ...lines].map((line) => `${line}\n`).join("") + "\n";

/** The state in which each group of requests begins. */
const EMPTY = setText([
  `private_key=${"00".repeat(32)}`,
  "listen_port=51820",
  "fwmark=0",
  "replace_peers=true",
]);

async function empty(room: Room): Promise<void> {
  for (const name of [OURS, THEIRS]) equal(errnoOf(await ask(room, name, EMPTY)), "0", name);
}

/**
 * Whether a set may lead to another state there. wireguard-go carries out each line as it reads it,
 * so what a later line makes void has had its effects on other peers: a range was taken from
 * another peer by a peer that is then removed, or the peer with the key of the interface was
 * removed before the key was changed again.
 */
function leavesTraces(lines: readonly string[]): boolean {
  if (new Set(lines.filter((line) => line.startsWith("private_key="))).size > 1) return true;
  let hasRange = false;
  for (const line of lines) {
    if (line.startsWith("public_key=")) hasRange = false;
    else if (line.startsWith("allowed_ip=")) hasRange = true;
    else if (hasRange && (line === "remove=true" || line === "update_only=true")) return true;
  }
  return false;
}

/** Sends a set to both on open connections, and compares. */
async function compare(room: Room, clients: readonly Client[], lines: string[]): Promise<boolean> {
  const about = `WG_TEST_SEED=${SEED}: ${JSON.stringify(lines)}`;
  const before = await state(room, OURS);
  const [ours, theirs] = await Promise.all(clients.map((client) => client.ask(setText(lines))));
  equal(errnoOf(ours), errnoOf(theirs), about);
  equal(ours, `errno=${errnoOf(ours)}\n\n`, "nothing else is answered to version 1");
  if (errnoOf(ours) !== "0") {
    deepEqual(await state(room, OURS), before, `nothing has changed: ${about}`);
    return false;
  }
  if (leavesTraces(lines)) return false;
  deepEqual(await state(room, OURS), await state(room, THEIRS), about);
  return true;
}

Deno.test(
  "500 sets of right and wrong lines in any order: the same answers and states",
  NEEDED,
  async () => {
    await using room = await bothIn();
    const chance = Chance.of(SEED);
    let [right, wrong, compared] = [0, 0, 0];
    while (right + wrong < 500) {
      await empty(room);
      // Several operations on a connection. Each begins where the last one led, so they end with
      // the first that may lead to different states.
      using ours = await Client.open(room, OURS);
      using theirs = await Client.open(room, THEIRS);
      for (let more = true; more;) {
        const isRight = !chance.once(3);
        if (isRight) right++;
        else wrong++;
        more = await compare(
          room,
          [ours, theirs],
          isRight ? rightLines(chance) : wrongLines(chance),
        ) && right + wrong < 500;
        if (more) compared++;
      }
    }
    ok(wrong > 80 && compared > 80, `${right} right, ${wrong} wrong, ${compared} states`);
  },
);

Deno.test("each value of each key alone: the same answers and states", NEEDED, async () => {
  await using room = await bothIn();
  const publicKey = "9c035873ae83ec32832434844e18ea3e74d60a7e8737b822d26a8d68da2d9b57";
  for (
    const [keys, before] of [[DEVICE_KEYS, []], [PEER_KEYS, [`public_key=${publicKey}`]]] as const
  ) {
    for (const [key, { right, wrong }] of Object.entries(keys)) {
      await empty(room);
      using ours = await Client.open(room, OURS);
      using theirs = await Client.open(room, THEIRS);
      for (const value of [...right, ...wrong]) {
        const lines = [...before, `${key}=${value}`];
        equal(await compare(room, [ours, theirs], lines), right.includes(value), `${key}=${value}`);
      }
    }
  }
});

/** A difference of ours on purpose, in the words of wg(8). */
interface Difference {
  readonly what: string;
  /** What is sent, before the sending side is closed. */
  readonly text: string;
  /** All that is answered. */
  readonly ours: RegExp;
  readonly theirs: RegExp;
  /** A line of the state afterwards that only one has. */
  readonly only?: { readonly name: string; readonly line: string };
}

const PEER = `public_key=${"9c035873ae83ec32832434844e18ea3e74d60a7e8737b822d26a8d68da2d9b57"}`;
const OK = /^errno=0\n\n$/, REFUSED = /^errno=-22\n\n$/, PROTOCOL = /^errno=-71\n\n$/;
const SILENT = /^$/;
const GOT = /^listen_port=51820\nerrno=0\n\n$/;

const DIFFERENCES: readonly Difference[] = [
  {
    what: "an operation is carried out whole or not at all",
    text: `set=1\nfwmark=9\n${PEER}\nendpoint=nowhere\n\n`,
    ours: REFUSED,
    theirs: REFUSED,
    only: { name: THEIRS, line: "fwmark=9" },
  },
  {
    what: "an operation without its empty line is not carried out",
    text: "set=1\nfwmark=9\n",
    ours: PROTOCOL,
    theirs: OK,
    only: { name: THEIRS, line: "fwmark=9" },
  },
  {
    what: "nor one that ends in the middle of a line",
    text: "set=1\nfwmark=95",
    ours: PROTOCOL,
    theirs: OK,
    only: { name: THEIRS, line: "fwmark=95" },
  },
  {
    what: "operations may be sent before the last one was answered",
    text: "set=1\nlisten_port=51820\n\nset=1\nfwmark=9\n\n",
    ours: /^errno=0\n\nerrno=0\n\n$/,
    theirs: OK,
    only: { name: OURS, line: "fwmark=9" },
  },
  {
    what: "an unknown operation is answered, and the connection goes on",
    text: "quit=1\n\nget=1\n\n",
    ours: /^errno=-22\n\nlisten_port=51820\nerrno=0\n\n$/,
    theirs: SILENT,
  },
  {
    what: "as is an unknown version",
    text: "get=7\n\nget=1\n\n",
    ours: /^errno=-22\n\nlisten_port=51820\nerrno=0\n\n$/,
    theirs: SILENT,
  },
  {
    what: "after a get with lines the connection goes on",
    text: "get=1\nfwmark=9\n\nget=1\n\n",
    ours: /^errno=-22\n\nlisten_port=51820\nerrno=0\n\n$/,
    theirs: REFUSED,
  },
  {
    what: "empty lines between operations are ignored",
    text: "\n\nget=1\n\n",
    ours: GOT,
    theirs: SILENT,
  },
  {
    what: "a line ends with a line feed alone",
    text: "set=1\nfwmark=9\r\n\n",
    ours: REFUSED,
    theirs: OK,
    only: { name: THEIRS, line: "fwmark=9" },
  },
  {
    what: "the port of an endpoint is not 0",
    text: `set=1\n${PEER}\nendpoint=192.0.2.1:0\n\n`,
    ours: REFUSED,
    theirs: OK,
    only: { name: THEIRS, line: "endpoint=192.0.2.1:0" },
  },
  {
    what: "the text is UTF-8",
    text: "set=1\n\ud800=1\n\n",
    ours: /^errno=-(22|71)\n\n$/,
    theirs: REFUSED,
  },
  {
    what: "a number has at most 10 digits",
    text: "set=1\nfwmark=00000000009\n\n",
    ours: REFUSED,
    theirs: OK,
    only: { name: THEIRS, line: "fwmark=9" },
  },
  {
    what: "a range may be removed from a peer, which Debian's version does not know",
    text:
      `set=1\n${PEER}\nallowed_ip=10.0.0.0/8\nallowed_ip=10.1.0.0/16\nallowed_ip=-10.0.0.0/8\n\n`,
    ours: OK,
    theirs: REFUSED,
    only: { name: THEIRS, line: "allowed_ip=10.0.0.0/8" },
  },
  {
    what: "keys and versions of ours",
    text: `set=2\ndebug=false\npriority=0\n${PEER}\ndescription=me\nendpoint_name=localhost:5\n\n`,
    ours: OK,
    theirs: SILENT,
    only: { name: OURS, line: PEER },
  },
  {
    what: "an IPv4-mapped endpoint is an IPv4 endpoint",
    text: `set=1\n${PEER}\nendpoint=[::ffff:192.0.2.1]:5\n\n`,
    ours: OK,
    theirs: OK,
    only: { name: OURS, line: "endpoint=192.0.2.1:5" },
  },
];

Deno.test("the differences on purpose, as wg(8) lists them", NEEDED, async (test) => {
  await using room = await bothIn();
  for (const { what, text, ours, theirs, only } of DIFFERENCES) {
    await test.step(what, async () => {
      await empty(room);
      for (const [name, expected] of [[OURS, ours], [THEIRS, theirs]] as const) {
        using client = await Client.open(room, name);
        match(await client.last(text), expected, name);
        if (only === undefined) continue;
        const lines = (await state(room, name)).flatMap((one) => one.split("\n"));
        equal(lines.includes(only.line), name === only.name, `${name}: ${only.line}`);
      }
    });
  }
});

Deno.test("a port that is taken is refused by both, and nothing has changed", NEEDED, async () => {
  await using room = await bothIn();
  for (const netns of ["ours", "theirs"]) {
    const script =
      'Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 7000 }); console.log("held"); setInterval(() => {}, 1e6);';
    const holder = room.spawn([Deno.execPath(), "eval", "--unstable-net", script], { netns });
    await holder.wrote("held");
  }
  const before = await state(room, OURS);
  for (const name of [OURS, THEIRS]) {
    equal(errnoOf(await ask(room, name, "set=1\nfwmark=3\nlisten_port=7000\n\n")), "-98", name);
  }
  deepEqual(await state(room, OURS), before);
});

Deno.test("a line of 70,000 bytes is refused by both", NEEDED, async () => {
  await using room = await bothIn();
  for (const name of [OURS, THEIRS]) {
    const before = await state(room, name);
    const answer = await ask(room, name, `set=1\nfwmark=${"0".repeat(70_000)}\n\n`);
    match(answer, /^(errno=-[1-9]\d*\n\n)?$/, name);
    deepEqual(await state(room, name), before);
  }
});
