/**
 * Seeds of chance are simulated, and every check is shown a program that does what it forbids.
 * @module
 */
import assert from "node:assert/strict";
import { chacha20 } from "npm:@noble/ciphers@2.4.0/chacha.js";
import { AllowedIps } from "../../lib/allowed_ips/allowed_ips.ts";
import type { Arena } from "../../lib/base/arena.ts";
import { Counters } from "../../lib/base/counter_block.ts";
import { COUNTER, type CounterName } from "../../lib/base/counters.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";
import type { PacketCipher } from "../../lib/crypto/suite.ts";
import { SESSION_KEYS_BYTES } from "../../lib/data/memory.ts";
import { ReplayWindows } from "../../lib/data/replay.ts";
import { Sender } from "../../lib/data/sender.ts";
import { Session, SessionTable } from "../../lib/data/sessions.ts";
import { choosePacketCipher } from "../../lib/runtime/crypto.ts";
import { IPV4_DESTINATION } from "../../lib/wire/ip.ts";
import { PeerTimers } from "../../lib/timers/peer_timers.ts";
import { WORKERS } from "../data/worker_forms.ts";
import { SEED } from "../random.ts";
import { runSeeds, seedText } from "./seed_runner.ts";
import { simulate } from "./simulation.ts";
import { ARENA_OF, NODE_CIPHER } from "./world.ts";

const SEEDS = 1_000;
/** On a machine with other things to do some seeds must be enough. */
const SEEDS_MIN = 100;
const BUDGET_MS = 100_000;

/** Seeds that together reach these verdicts. */
const REACHING = 16;
const REACHED: readonly CounterName[] = [
  "rx_expired",
  "rx_replayed",
  "rx_no_session",
  "rx_unauthentic",
  "rx_unallowed_source",
  "tx_no_peer",
  "handshake_rate_limited",
  "handshake_mac2_wrong",
  "handshake_replayed",
  "handshake_unanswered",
  "cookie_accepted",
];

/** Seeds in which a planted fault must be noticed. */
const TRIES = 40;

/** Version 4 and a header without options, as all packets of simulations have. */
const IPV4_FIRST_BYTE = 0x45;

/** A fault, put into a method of the program. */
interface Planted {
  readonly name: string;
  /** The first of the TRIES seeds that are simulated, for what few scenarios show; 0 without it. */
  readonly from?: number;
  /** What the check that notices it says. */
  readonly noticed: RegExp;
  /** Returns what takes it out. */
  readonly plant: () => () => void;
}

/** Puts another method in the place of one. Returns what puts it back. */
// deno-lint-ignore no-explicit-any
function replace<T, K extends keyof T>(owner: T, name: K, make: (real: any) => unknown) {
  const real = owner[name];
  owner[name] = make(real) as T[K];
  return () => void (owner[name] = real);
}

const PLANTED: readonly Planted[] = [
  {
    name: "a replay window that forgets",
    noticed: /came out twice/,
    plant: () => replace(ReplayWindows.prototype, "accept", () => () => true),
  },
  {
    name: "a counter that repeats",
    noticed: /counter \d+ repeats/,
    plant: () =>
      replace(
        Sender.prototype,
        "seal",
        (real: Sender["seal"]) =>
          function (this: Sender, ...args: Parameters<Sender["seal"]>) {
            real.apply(this, args);
            if (args[0].sendLow % 8 === 0) args[0].sendLow--;
          },
      ),
  },
  {
    name: "padding that is not zeroed",
    noticed: /padding is not zero/,
    plant: () =>
      replace(
        Sender.prototype,
        "seal",
        (real: Sender["seal"]) =>
          function (this: Sender, ...[session, at, , padded]: Parameters<Sender["seal"]>) {
            real.call(this, session, at, padded, padded);
          },
      ),
  },
  {
    name: "sessions that the data plane does not retire",
    noticed: /a retired key/,
    plant: () => replace(SessionTable.prototype, "wipe", () => () => {}),
  },
  {
    name: "sessions that the control plane does not retire",
    noticed: /a key outlives its time/,
    plant: () => blind("expireSessions"),
  },
  {
    name: "nobody who notices that nothing comes back",
    from: 80,
    noticed: /cannot talk/,
    plant: () => blind("newHandshake"),
  },
  {
    name: "sources of no peer taken for the first one's",
    noticed: /source that is not allowed/,
    plant: () => lookUp((owner) => owner < 0 ? 0 : owner),
  },
  {
    name: "packets to the wrong peer",
    noticed: /came out at another node|does not own its destination/,
    plant: () => lookUp((owner, isDestination) => isDestination && owner > 0 ? owner - 1 : owner),
  },
  {
    name: "IPv6 sources of anybody",
    noticed: /source (that is not allowed|of another peer)/,
    plant: () => replace(AllowedIps.prototype, "lookup6", anySource),
  },
  {
    name: "an address that stays with its first owner",
    noticed: /does not own its destination|source of another peer/,
    plant: () =>
      replace(
        AllowedIps.prototype,
        "insert",
        (real: AllowedIps["insert"]) =>
          function (this: AllowedIps, ...args: Parameters<AllowedIps["insert"]>) {
            const [address] = args;
            const owner = address.length === 4
              ? this.lookup4(address, 0)
              : this.lookup6(address, 0);
            return owner >= 0 && owner !== args[2] ? undefined : real.apply(this, args);
          },
      ),
  },
  {
    name: "a tag that nobody checks",
    noticed: /a packet that nobody sent|is changed|came out twice|bytes received|verdicts/,
    plant: () => replace(NODE_CIPHER, "make", () => uncheckedCipher),
  },
  {
    name: "keys that stay in the arena",
    noticed: /still in the arena/,
    plant: () =>
      replace(
        SessionTable.prototype,
        "wipe",
        (real: SessionTable["wipe"]) =>
          function (this: SessionTable, session: Session) {
            const { bytes } = ARENA_OF.get(session)!;
            const keys = bytes.slice(session.keyAt, session.keyAt + SESSION_KEYS_BYTES);
            real.call(this, session);
            bytes.set(keys, session.keyAt);
          },
      ),
  },
  {
    name: "data planes that each count for themselves",
    noticed: /counter \d+ repeats/,
    plant: () => {
      const taken = new WeakMap<Session, number>();
      return replace(Session.prototype, "take", () =>
        function (this: Session, count: number) {
          const next = taken.get(this) ?? 0;
          taken.set(this, next + count);
          this.sendLow = next;
          return true;
        });
    },
  },
  {
    name: "a counter that does not carry past 2^32",
    noticed: /counter \d+ repeats/,
    plant: () =>
      replace(
        Sender.prototype,
        "seal",
        (real: Sender["seal"]) =>
          function (this: Sender, ...args: Parameters<Sender["seal"]>) {
            real.apply(this, args);
            if (args[0].sendLow === 0) args[0].sendHigh--;
          },
      ),
  },
  {
    name: "a counter that goes on past its end",
    noticed: /is not allowed any more/,
    plant: () =>
      replace(Session.prototype, "take", () =>
        function (this: Session, count: number) {
          if (this.shared !== null) this.sendLow = Atomics.add(this.shared, 0, count);
          return true;
        }),
  },
  {
    name: "bytes that do not add up",
    noticed: /bytes sent to a peer do not add up/,
    plant: () =>
      replace(
        PeerTable.prototype,
        "sent",
        (real: PeerTable["sent"]) =>
          function (this: PeerTable, ...[peer, bytes, data, now]: Parameters<PeerTable["sent"]>) {
            return real.call(this, peer, bytes + (bytes > 1_000 ? 1 : 0), data, now);
          },
      ),
  },
  {
    name: "a datagram that nobody counts",
    noticed: /verdicts on datagrams/,
    plant: () =>
      replace(
        Counters.prototype,
        "addOf",
        (real: Counters["addOf"]) =>
          function (this: Counters, ...args: Parameters<Counters["addOf"]>) {
            if (args[0] !== COUNTER.rx_replayed) real.apply(this, args);
          },
      ),
  },
];

/** An IPv6 source of nobody, or of another peer, passes for that of the first peer. */
function anySource(real: AllowedIps["lookup6"]): AllowedIps["lookup6"] {
  return function (this: AllowedIps, ...args) {
    const owner = real.apply(this, args);
    return owner < 0 ? 0 : owner;
  };
}

/** A cipher that decrypts without a look at the tag. */
function uncheckedCipher(arena: Arena): PacketCipher {
  const { bytes } = arena;
  const real = choosePacketCipher(arena);
  return {
    name: real.name,
    seal: real.seal.bind(real),
    forget: real.forget.bind(real),
    open(keyAt, low, high, at, length, to) {
      const sealed = bytes.slice(at, at + length);
      if (real.open(keyAt, low, high, at, length, to)) return true;
      const nonce = new Uint8Array(12);
      new DataView(nonce.buffer).setUint32(4, low, true);
      new DataView(nonce.buffer).setUint32(8, high, true);
      const key = bytes.slice(keyAt, keyAt + 32);
      bytes.set(chacha20(key, nonce, sealed, undefined, 1), to);
      return true;
    },
  };
}

/** A timer that never fires. */
function blind(timer: Parameters<PeerTimers["expired"]>[0]): () => void {
  return replace(
    PeerTimers.prototype,
    "expired",
    (real: PeerTimers["expired"]) =>
      function (this: PeerTimers, ...args: Parameters<PeerTimers["expired"]>) {
        return real.apply(this, args) && args[0] !== timer;
      },
  );
}

/** Another answer to the question whose an IPv4 address is. */
function lookUp(change: (owner: number, isDestination: boolean) => number): () => void {
  return replace(
    AllowedIps.prototype,
    "lookup4",
    (real: AllowedIps["lookup4"]) =>
      function (this: AllowedIps, ...args: Parameters<AllowedIps["lookup4"]>) {
        const [bytes, at] = args;
        return change(real.apply(this, args), bytes[at - IPV4_DESTINATION] === IPV4_FIRST_BYTE);
      },
  );
}

function failureOf(seed: number): string | undefined {
  try {
    simulate(seed);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

// Each seed says how many data planes its nodes have: once is enough.
if (WORKERS === 1) {
  Deno.test("a thousand seeds, or as many as fit into 100 s: all holds", async () => {
    const failures: string[] = [];
    const count = await runSeeds(SEED, SEEDS, BUDGET_MS, ({ seed, failure }) => {
      if (failure !== undefined) {
        failures.push(`deno task sim ${seedText(seed)}: ${failure.split("\n")[0]}`);
      }
    });
    console.log(`${count} seeds from ${seedText(SEED)} on`);
    assert.deepEqual(failures, []);
    assert.ok(count >= SEEDS_MIN, `${count} seeds in ${BUDGET_MS} ms`);
  });

  Deno.test("a seed gives the same datagrams again", () => {
    for (let i = 0; i < 5; i++) assert.deepEqual(simulate(SEED + i), simulate(SEED + i));
  });

  Deno.test("simulations reach the limits and the verdicts that attackers reach", () => {
    const reached = new Set<string>();
    for (let seed = 0; seed < REACHING; seed++) {
      for (const name of simulate(seed).counted) reached.add(name);
    }
    assert.deepEqual(REACHED.filter((name) => !reached.has(name)), []);
  });

  for (const { name, noticed, plant, from = 0 } of PLANTED) {
    Deno.test(`planted and noticed: ${name}`, () => {
      const remove = plant();
      const others = new Set<string>();
      try {
        for (let seed = from; seed < from + TRIES; seed++) {
          const failure = failureOf(seed);
          if (failure === undefined) continue;
          if (noticed.test(failure)) return;
          others.add(failure.split("\n")[0]);
        }
      } finally {
        remove();
      }
      assert.fail(`not noticed in ${TRIES} seeds; but ${[...others].join("; ")}`);
    });
  }
}
