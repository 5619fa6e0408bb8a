/** The history of peers: its command line, its arithmetic, its file, and its quotas. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { PublicKey } from "../../lib/base/brands.ts";
import type { DeviceChange, DisabledStatus, PeerStatus } from "../../lib/base/config.ts";
import { ConfigError, OsError } from "../../lib/base/errors.ts";
import { FEATURES, type InterfaceStatus, NO_FACTS } from "../../lib/base/status.ts";
import { Recorder } from "../../lib/cli/usage/recorder.ts";
import { DAYS_MAX, PEERS_KEPT_MAX, UsageStore } from "../../lib/cli/usage/store.ts";
import { sqliteError } from "../../lib/cli/usage/sqlite_error.ts";
import type { Reading } from "../../lib/cli/usage/tally.ts";
import { formatUsage, usageJson } from "../../lib/cli/usage/text.ts";
import { parseUsage, USAGE_FILE } from "../../lib/cli/usage/words.ts";
import { parseGet } from "../../lib/uapi/get.ts";
import { type Chance, property } from "../random.ts";

const KEY = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";

/** A folder in memory, where fsync(2) takes no time; a usual one if there is none. */
const MEMORY = await Deno.stat("/dev/shm").then(() => ({ dir: "/dev/shm" }), () => ({}));

/** Runs a test with a new file. */
async function withFile(test: (path: string) => void | Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir(MEMORY);
  try {
    await test(`${folder}/deep/usage.sqlite`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const reading = (more: Partial<Reading> = {}): Reading => ({
  interface: "wg1",
  publicKey: KEY,
  name: "office",
  instance: "a",
  number: 0,
  received: 0,
  sent: 0,
  ...more,
});

/** The bytes of all days together. */
function total(store: UsageStore): [received: number, sent: number] {
  const used = store.used("day", undefined, DAYS_MAX);
  return [
    used.reduce((sum, row) => sum + row.received, 0),
    used.reduce((sum, row) => sum + row.sent, 0),
  ];
}

Deno.test("the forms of the command line", () => {
  const file = USAGE_FILE;
  assert.deepEqual(parseUsage([]), {
    action: "show",
    file,
    name: undefined,
    by: "day",
    json: false,
  });
  assert.deepEqual(parseUsage(["wg1", "--month", "--json", "--file", "u"]), {
    action: "show",
    file: "u",
    name: "wg1",
    by: "month",
    json: true,
  });
  assert.deepEqual(parseUsage(["--record"]), { action: "record", file, everyMs: 10_000 });
  assert.deepEqual(parseUsage(["--record", "--every", "1"]), {
    action: "record",
    file,
    everyMs: 1_000,
  });
  const quota = (...words: string[]) => parseUsage(["wg1", "office", ...words]);
  const whole = { action: "quota", file, name: "wg1", peer: "office" };
  assert.deepEqual(quota("--quota", "50G"), { ...whole, quota: { bytes: 5e10, period: "month" } });
  assert.deepEqual(quota("--quota", "1.5KiB", "--per", "day"), {
    ...whole,
    quota: { bytes: 1536, period: "day" },
  });
  assert.deepEqual(quota("--quota", "none"), { ...whole, quota: undefined });
  for (
    const words of [
      "--what",
      "wg1 wg2",
      "--record wg1",
      "--record --month",
      "--every 5",
      "--record --every 0",
      "--record --every 3601",
      "--record --every 1.5",
      "--file",
      "wg1 --quota 5G",
      "wg1 office more --quota 5G",
      "wg1 office --quota",
      "wg1 office --quota 0",
      "wg1 office --quota -5G",
      "wg1 office --quota 5g",
      "wg1 office --quota 99999T",
      "wg1 office --quota 5G --per year",
      "wg1 office --per day",
      "wg1/2",
    ]
  ) {
    assert.throws(() => parseUsage(words.split(" ")), ConfigError, words);
  }
});

Deno.test("bytes of days and months, and as text and values", () =>
  withFile((path) => {
    const store = UsageStore.make(path);
    store.record("2026-10-31", [reading({ received: 2048, sent: 100 })]);
    store.record("2026-11-01", [reading({ received: 2058, sent: 100 })]);
    store.record("2026-11-02", [
      reading({ received: 2058, sent: 1124 }),
      reading({ interface: "wg2", name: "", received: 7 }),
    ]);
    store.setQuota("2026-11-02", reading(), { bytes: 4096, period: "month" });
    const quotas = store.quotas("2026-11-02");
    assert.equal(
      formatUsage(store.used("day", undefined, 31), quotas, "day"),
      `day         interface  peer                                          received      sent
2026-11-02  wg1        office                                             0 B  1.00 KiB
2026-11-02  wg2        ${KEY}       7 B       0 B
2026-11-01  wg1        office                                            10 B       0 B
2026-10-31  wg1        office                                        2.00 KiB     100 B
wg1 office: 1.01 KiB of 4.00 KiB in this month
`,
    );
    assert.equal(
      formatUsage(store.used("month", "wg1", 31), [], "month"),
      `month    interface  peer    received      sent
2026-11  wg1        office      10 B  1.00 KiB
2026-10  wg1        office  2.00 KiB     100 B
`,
    );
    assert.deepEqual(usageJson(store.used("month", "wg2", 31), quotas, "month", true), {
      recording: true,
      usage: [{ interface: "wg2", publicKey: KEY, month: "2026-11", received: 7, sent: 0 }],
      quotas: [{
        interface: "wg1",
        publicKey: KEY,
        description: "office",
        bytes: 4096,
        per: "month",
        used: 1034,
      }],
    });
    assert.deepEqual(store.used("day", undefined, 1).map(({ time }) => time), [
      "2026-11-02",
      "2026-11-02",
    ]);
    store.close();
    assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
  }));

Deno.test("counters that began anew, those of an earlier time, and those without identity", () =>
  withFile((path) => {
    const store = UsageStore.make(path);
    const add = (more: Partial<Reading>) => {
      const before = total(store);
      store.record("2026-11-27", [reading(more)]);
      const after = total(store);
      return [after[0] - before[0], after[1] - before[1]];
    };
    assert.deepEqual(add({ received: 100, sent: 10 }), [100, 10]);
    assert.deepEqual(add({ received: 100, sent: 10 }), [0, 0], "the same again");
    assert.deepEqual(add({ instance: "b", received: 150, sent: 5 }), [150, 5], "a new process");
    assert.deepEqual(add({ instance: "b", number: 1, received: 200, sent: 6 }), [200, 6], "again");
    assert.deepEqual(add({ instance: "b", number: 1, received: 190, sent: 6 }), [0, 0], "late");
    // The kernel tells no identity.
    const kernel = { instance: "", number: -1 };
    assert.deepEqual(add({ ...kernel, received: 50, sent: 50 }), [50, 50]);
    assert.deepEqual(add({ ...kernel, received: 60, sent: 50 }), [10, 0]);
    assert.deepEqual(add({ ...kernel, received: 70, sent: 40 }), [70, 40], "it began anew");
    store.close();
  }));

Deno.test("random processes, peers, crashes and clocks: every sampled byte counts once", async () => {
  await withFile((path) => property(20, (chance) => checkRandomHistory(path, chance)));
});

/** The twin adds up by itself what each counter of each process and peer had when it was read. */
function checkRandomHistory(path: string, chance: Chance): void {
  for (const file of [path, `${path}-journal`]) {
    try {
      Deno.removeSync(file);
    } catch {
      // It is not there.
    }
  }
  let store = UsageStore.make(path);
  let instance = 0, number = 0;
  const keys = ["1", "2", "3"].map((digit) => `${digit}${KEY.slice(1)}`);
  const counters = keys.map(() => ({ number: number++, received: 0, sent: 0 }));
  /** What was read last of each counter that ever was. */
  const read = new Map<string, { received: number; sent: number }>();
  for (let step = 0; step < 60; step++) {
    for (const one of counters) {
      one.received += chance.int(1000);
      one.sent += chance.int(1000);
    }
    const peer = chance.int(keys.length);
    const deed = chance.int(6);
    if (deed === 0) {
      instance++;
      for (const one of counters) Object.assign(one, { received: 0, sent: 0 });
    } else if (deed === 1) {
      counters[peer] = { number: number++, received: 0, sent: 0 };
    } else if (deed === 2) {
      store.close();
      store = UsageStore.make(path);
    }
    const seen = counters.filter(() => !chance.once(5));
    const day = `2026-${10 + chance.int(3)}-${10 + chance.int(20)}`;
    store.record(
      day,
      seen.map((one) =>
        reading({ publicKey: keys[counters.indexOf(one)], instance: `${instance}`, ...one })
      ),
    );
    for (const { number, received, sent } of seen) {
      read.set(`${instance} ${number}`, { received, sent });
    }
  }
  const wanted = [...read.values()].reduce(
    ([received, sent], one) => [received + one.received, sent + one.sent],
    [0, 0],
  );
  assert.deepEqual(total(store), wanted);
  store.close();
}

Deno.test("days and peers are bounded, and a clock that jumps ahead empties nothing", () =>
  withFile((path) => {
    const store = UsageStore.make(path);
    const dayOf = (n: number) => Temporal.PlainDate.from("2026-01-01").add({ days: n }).toString();
    for (let n = 0; n < DAYS_MAX + 5; n++) store.record(dayOf(n), [reading({ received: n + 1 })]);
    const days = () => store.used("day", undefined, 1000).map(({ time }) => time);
    assert.equal(days().length, DAYS_MAX);
    assert.equal(days().at(-1), dayOf(5));
    store.record("2099-01-01", [reading({ received: 1_000 })]);
    store.record(dayOf(DAYS_MAX + 4), [reading({ received: 1_001 })]);
    assert.equal(days().length, DAYS_MAX, "one day more went, not all");
    assert.ok(days().includes("2099-01-01") && days().includes(dayOf(6)));

    // The oldest peer goes for a new one, but none that is there today or has a quota.
    const at = (n: number) => reading({ interface: "wg2", publicKey: `${n}`, received: 1 });
    store.setQuota(dayOf(0), at(0), { bytes: 5, period: "day" });
    store.record(dayOf(1), [at(1)]);
    const many = Array.from({ length: PEERS_KEPT_MAX }, (_, n) => at(n + 2));
    assert.equal(store.record(dayOf(DAYS_MAX + 5), many), 1, "one has no room: the quota stays");
    const peers = new Set(store.used("day", "wg2", 1000).map(({ publicKey }) => publicKey));
    assert.ok(!peers.has("1"), "the oldest has gone");
    assert.equal(store.quotas(dayOf(0)).length, 1);
    store.close();
  }));

Deno.test("a file that is none, or of a newer version, or is not there", () =>
  withFile((path) => {
    const refused = (open: () => UsageStore, message: RegExp) =>
      assert.throws(open, (error) => error instanceof OsError && message.test(error.message));
    refused(() => UsageStore.find(path), /usage\.sqlite: open: .*nothing was recorded yet.*ENOENT/);
    const store = UsageStore.make(path);
    store.record("2026-11-27", [reading({ received: 1 })]);
    store.close();
    refused(() => UsageStore.make(`${path}/x/y`), /ENOTDIR|EEXIST/);
    Deno.writeTextFileSync(
      `${path}.text`,
      "not a database, and longer than a header of SQLite has\n".repeat(40),
    );
    refused(
      () => UsageStore.find(`${path}.text`),
      /sqlite: [^:]*: file is not a database; move it away, .*EIO/,
    );
    // The version is in the header: https://www.sqlite.org/fileformat2.html, offset 60.
    const file = Deno.openSync(path, { read: true, write: true });
    file.seekSync(60, Deno.SeekMode.Start);
    file.writeSync(Uint8Array.of(0, 0, 0, 9));
    file.close();
    refused(() => UsageStore.make(path), /sqlite: .*: its version 9 is not known/);
  }));

Deno.test("errors of SQLite have the errno of the system", () =>
  withFile((path) => {
    const codeOf = (error: unknown) => sqliteError(path, error).code;
    const message = (work: () => void) => {
      try {
        work();
      } catch (error) {
        return error;
      }
      assert.fail("it did not throw");
    };
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    using one = new DatabaseSync(path);
    one.exec("CREATE TABLE t (a); BEGIN IMMEDIATE");
    using other = new DatabaseSync(path);
    assert.equal(codeOf(message(() => other.exec("BEGIN IMMEDIATE"))), "EBUSY");
    one.exec("COMMIT; PRAGMA max_page_count = 2");
    const fill = () => one.prepare("INSERT INTO t VALUES (zeroblob(100000))").run();
    assert.equal(codeOf(message(fill)), "ENOSPC");
    using read = new DatabaseSync(path, { readOnly: true });
    assert.equal(codeOf(message(() => read.exec("DELETE FROM t"))), "EROFS");
    const missing = `${path}.d/none/x`;
    const opening = message(() => new DatabaseSync(missing));
    assert.equal(sqliteError(missing, opening).code, "ENOENT");
    const bytes = Deno.readFileSync(path);
    Deno.writeFileSync(`${path}.damaged`, bytes.fill(0xff, 4096));
    const damaged = message(() => new DatabaseSync(`${path}.damaged`).exec("SELECT * FROM t"));
    assert.match(sqliteError(path, damaged).message, /; move it away, .*EIO/);
  }));

Deno.test("a file that is removed while a recorder runs is made anew, and told once", () =>
  withFile(async (path) => {
    const store = UsageStore.make(path);
    const office = new Office();
    const recorder = office.recorder(store);
    office.received = 100;
    await recorder.sample();
    Deno.removeSync(path);
    for (const received of [200, 300]) {
      office.received = received;
      await recorder.sample();
    }
    assert.deepEqual(office.said, [
      `${path} was removed with its history and quotas; a new one is made`,
    ]);
    store.close();
    const again = UsageStore.find(path);
    assert.ok(again.used("day", undefined, 9).some(({ received }) => received > 0));
    again.close();
  }));

/** An interface with one peer, and what a recorder does to it. */
class Office {
  received = 0;
  disabled: DisabledStatus | undefined;
  day = "2026-11-27";
  readonly said: string[] = [];
  fails = false;
  features: readonly string[] = FEATURES;

  status(): InterfaceStatus {
    const peer: PeerStatus = {
      ...parseGet(`public_key=${Uint8Array.fromBase64(KEY).toHex()}\n`).peers[0],
      description: "office",
      number: 0,
      rxBytes: this.received,
      ...(this.disabled === undefined ? {} : { disabled: this.disabled }),
    };
    const { features } = this;
    return { ...parseGet(""), ...NO_FACTS, instance: "a", features, peers: [peer] };
  }

  recorder(store: UsageStore): Recorder {
    return new Recorder({
      store,
      ask: () => Promise.resolve([{ name: "wg1", status: this.status() }]),
      change: (_, change) => this.#change(change),
      today: () => this.day,
      say: (line) => this.said.push(line),
    });
  }

  #change({ peers: [change] = [] }: DeviceChange): Promise<void> {
    if (this.fails) return Promise.reject(new OsError("uapi", "wg1", "EIO", 5, "it failed"));
    assert.deepEqual(change.publicKey, Uint8Array.fromBase64(KEY) as PublicKey);
    assert.ok(change.updateOnly, "a peer that has gone stays gone");
    this.disabled = change.disabled === undefined || change.disabled === false
      ? undefined
      : { reason: change.disabled.reason, sinceUnixMs: 1 };
    return Promise.resolve();
  }
}

Deno.test("a quota: used up, a new month, removed, by hand, and processes that refuse", () =>
  withFile(async (path) => {
    const store = UsageStore.make(path);
    const office = new Office();
    const recorder = office.recorder(store);
    const after = async (change: Partial<Office>) => {
      Object.assign(office, change);
      await recorder.sample();
      return office.disabled?.reason;
    };
    store.setQuota(office.day, reading(), { bytes: 1000, period: "month" });
    assert.equal(await after({ received: 999 }), undefined);
    assert.equal(await after({ received: 1000 }), "quota");
    assert.match(
      office.said.splice(0).join(),
      /^wg1: office: its quota of 1000 B a month is used up; it is disabled$/,
    );
    assert.equal(await after({}), "quota");
    assert.deepEqual(office.said, [], "it is told once");
    assert.equal(await after({ disabled: undefined }), "quota", "a new process of the interface");
    assert.equal(await after({ day: "2026-12-01" }), undefined);
    assert.match(
      office.said.splice(0).at(-1) ?? "",
      /^wg1: office: it is enabled, within its quota$/,
    );
    assert.equal(await after({ received: 2500 }), "quota");
    store.setQuota(office.day, reading(), undefined);
    assert.equal(await after({}), undefined, "without a quota");
    // By hand it stays as it is.
    store.setQuota(office.day, reading(), { bytes: 10, period: "day" });
    assert.equal(await after({ disabled: { reason: "hand", sinceUnixMs: 1 } }), "hand");
    store.setQuota(office.day, reading(), undefined);
    assert.equal(await after({}), "hand");
    // A failure is told once; the next sample tries again.
    store.setQuota(office.day, reading(), { bytes: 10, period: "day" });
    office.said.length = 0;
    assert.equal(await after({ disabled: undefined, fails: true }), undefined);
    assert.equal(await after({}), undefined);
    assert.deepEqual(office.said.splice(0), ["wg1: uapi: it failed (EIO)"]);
    assert.equal(await after({ fails: false, features: [] }), undefined);
    assert.deepEqual(office.said.splice(0), ["wg1: its process cannot disable peers"]);
    assert.equal(await after({ features: FEATURES }), "quota");
    store.close();
  }));
