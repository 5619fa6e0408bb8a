/**
 * The file of the history: an SQLite database, mode 0600, with the bytes of each peer and day, the
 * last reading of each peer, and quotas.
 *
 * A reading and the bytes that follow from it are written in one transaction. So a stop at any time
 * loses and repeats nothing: the next reading continues from the last one that was written.
 * @module
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { ENOENT, osError } from "../../base/errno.ts";
import { OsError } from "../../base/errors.ts";
import { asOsError } from "../../daemon/socket_folder.ts";
import { sqliteError } from "./sqlite_error.ts";
import { daysOf, type PeerQuota, type Period, type Quota } from "./quota.ts";
import { type PeerName, type Reading, transferred, type Used } from "./tally.ts";

/** The most days that are kept. When there are more, the oldest are removed. */
export const DAYS_MAX = 400;
/** The most peers that are kept. When there are more, those not seen for longest are removed. */
export const PEERS_KEPT_MAX = 10_000;
/** How long another process may hold the file. */
const BUSY_MS = 5_000;
const VERSION = 1;

const SCHEMA = `
CREATE TABLE peer (
  id INTEGER PRIMARY KEY,
  interface TEXT NOT NULL,
  public_key TEXT NOT NULL,
  name TEXT NOT NULL,
  seen TEXT NOT NULL,
  instance TEXT NOT NULL,
  number INTEGER NOT NULL,
  received INTEGER NOT NULL,
  sent INTEGER NOT NULL,
  UNIQUE (interface, public_key)
) STRICT;
CREATE TABLE day (
  peer INTEGER NOT NULL REFERENCES peer ON DELETE CASCADE,
  day TEXT NOT NULL,
  received INTEGER NOT NULL,
  sent INTEGER NOT NULL,
  PRIMARY KEY (peer, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX days ON day (day);
CREATE TABLE quota (
  peer INTEGER PRIMARY KEY REFERENCES peer ON DELETE CASCADE,
  bytes INTEGER NOT NULL,
  period TEXT NOT NULL
) STRICT;
PRAGMA user_version = ${VERSION};
`;

type Row = Record<string, string | number>;

/** The history. Every method throws an OsError when the file cannot be read or written. */
export class UsageStore {
  readonly #path: string;
  #database: DatabaseSync;
  /** The file that is open: another one may be at its path later. */
  #file: FileIdentity;
  readonly #statements = new Map<string, StatementSync>();
  /** The day for which old days and peers were last removed. */
  #prunedFor = "";

  private constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#database = database;
    this.#file = identityOf(path);
  }

  /** Opens the file for a process that records. It is made, with its folder, if it is missing. */
  static make(path: string): UsageStore {
    const before = Deno.umask(0o077);
    try {
      Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")) || "/", { recursive: true });
      return UsageStore.#open(path);
    } catch (error) {
      throw error instanceof OsError ? error : asOsError("mkdir", path, error);
    } finally {
      Deno.umask(before);
    }
  }

  /** Opens the file. @throws OsError `ENOENT` when nothing was recorded yet, and as `make` */
  static find(path: string): UsageStore {
    try {
      Deno.statSync(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw asOsError("open", path, error);
      throw osError("open", path, ENOENT, "nothing was recorded yet; see `wg help usage`");
    }
    return UsageStore.#open(path);
  }

  static #open(path: string): UsageStore {
    return onFile(path, () => {
      const database = new DatabaseSync(path, { timeout: BUSY_MS });
      const store = new UsageStore(path, database);
      try {
        // A transaction that was committed stays when the machine loses its power.
        database.exec("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
        store.#transaction(() => {
          const { user_version: version } = database.prepare("PRAGMA user_version").get() as Row;
          if (version === 0) database.exec(SCHEMA);
          else if (version !== VERSION) throw new Error(`its version ${version} is not known`);
        });
        return store;
      } catch (error) {
        database.close();
        throw error;
      }
    });
  }

  /**
   * Adds what passed since the last readings of these peers to a day.
   * @returns how many peers were left out because PEERS_KEPT_MAX are recorded
   */
  record(day: string, readings: readonly Reading[]): number {
    return this.#write(() => {
      let left = 0;
      for (const reading of readings) if (!this.#add(day, reading)) left++;
      if (this.#prunedFor !== day) this.#removeOld();
      this.#prunedFor = day;
      return left;
    });
  }

  /** The bytes of each peer and day, or month, the newest first. */
  used(by: Period, name: string | undefined, timesMax: number): Used[] {
    const time = by === "day" ? "day" : "substr(day, 1, 7)";
    return onFile(this.#path, () =>
      this.#all(
        `SELECT interface, public_key, name, ${time} AS time, sum(day.received) AS received,
           sum(day.sent) AS sent FROM day JOIN peer ON peer.id = day.peer
         WHERE (:name IS NULL OR interface = :name) AND ${time} IN
           (SELECT DISTINCT ${time} FROM day ORDER BY 1 DESC LIMIT :max)
         GROUP BY peer.id, time ORDER BY time DESC, interface, name, public_key`,
        { name: name ?? null, max: timesMax },
      ).map((row) => ({
        ...nameIn(row),
        time: String(row.time),
        received: Number(row.received),
        sent: Number(row.sent),
      })));
  }

  /** All quotas, with what is used of them in the day or month of this day. */
  quotas(day: string, name?: string): PeerQuota[] {
    return onFile(this.#path, () =>
      this.#all(
        `SELECT interface, public_key, name, bytes, period, peer.id AS id FROM quota
         JOIN peer ON peer.id = quota.peer WHERE :name IS NULL OR interface = :name
         ORDER BY interface, name, public_key`,
        { name: name ?? null },
      ).map((row) => {
        const period = row.period === "day" ? "day" : "month";
        const [first, last] = daysOf(period, day);
        const [{ used }] = this.#all(
          `SELECT coalesce(sum(received + sent), 0) AS used FROM day
           WHERE peer = :peer AND day BETWEEN :first AND :last`,
          { peer: row.id, first, last },
        );
        return { ...nameIn(row), bytes: Number(row.bytes), period, used: Number(used) };
      }));
  }

  /** Sets the quota of a peer, or removes it. */
  setQuota(day: string, peer: PeerName, quota: Quota | undefined): void {
    this.#write(() => {
      // A peer that was not read yet: its first reading counts from 0.
      const { interface: name, publicKey, name: description } = peer;
      this.#run(
        `INSERT INTO peer (interface, public_key, name, seen, instance, number, received, sent)
         VALUES (:name, :publicKey, :description, :day, '', -1, 0, 0) ON CONFLICT DO NOTHING`,
        { name, publicKey, description, day },
      );
      const [{ id }] = this.#all(
        "SELECT id FROM peer WHERE interface = :name AND public_key = :publicKey",
        { name, publicKey },
      );
      if (quota === undefined) return this.#run("DELETE FROM quota WHERE peer = :id", { id });
      const { bytes, period } = quota;
      this.#run("REPLACE INTO quota VALUES (:id, :bytes, :period)", { id, bytes, period });
    });
  }

  /** What has become of the file that is open. */
  fate(): "in-place" | "removed" | "replaced" {
    const { dev, ino } = this.#file;
    try {
      const there = identityOf(this.#path);
      return there.dev === dev && there.ino === ino ? "in-place" : "replaced";
    } catch (error) {
      return error instanceof Deno.errors.NotFound ? "removed" : "in-place";
    }
  }

  /** Opens the file at the path, as `make`, in place of the one that is open. */
  renew(): void {
    const { path } = this;
    const other = UsageStore.make(path);
    this.close();
    this.#database = other.#database;
    this.#file = other.#file;
    this.#statements.clear();
    this.#prunedFor = "";
  }

  /** The path of the file. */
  get path(): string {
    return this.#path;
  }

  /** Closes the file. */
  close(): void {
    this.#database.close();
  }

  /** @returns false when the peer is new and there is no room */
  #add(day: string, reading: Reading): boolean {
    const { interface: name, publicKey, name: description } = reading;
    const { instance, number, received, sent } = reading;
    const [row] = this.#all(
      "SELECT * FROM peer WHERE interface = :name AND public_key = :publicKey",
      { name, publicKey },
    );
    const before = row === undefined ? undefined : {
      instance: String(row.instance),
      number: Number(row.number),
      received: Number(row.received),
      sent: Number(row.sent),
    };
    const bytes = transferred(before, reading);
    const isSame = bytes.received === 0 && bytes.sent === 0 && before?.instance === instance &&
      before.number === number;
    if (isSame && row.seen === day && row.name === description) return true;
    if (row === undefined && !this.#makeRoom(day)) return false;
    const [{ id }] = this.#all(
      `INSERT INTO peer (interface, public_key, name, seen, instance, number, received, sent)
       VALUES (:name, :publicKey, :description, :day, :instance, :number, :received, :sent)
       ON CONFLICT DO UPDATE SET name = :description, seen = :day, instance = :instance,
         number = :number, received = :received, sent = :sent RETURNING id`,
      { name, publicKey, description, day, instance, number, received, sent },
    );
    if (bytes.received === 0 && bytes.sent === 0) return true;
    this.#run(
      `INSERT INTO day VALUES (:id, :day, :received, :sent)
       ON CONFLICT DO UPDATE SET received = received + :received, sent = sent + :sent`,
      { id, day, received: bytes.received, sent: bytes.sent },
    );
    return true;
  }

  /** Removes the peer that was not seen for longest, if there are PEERS_KEPT_MAX. */
  #makeRoom(day: string): boolean {
    const [{ count }] = this.#all("SELECT count(*) AS count FROM peer", {});
    if (Number(count) < PEERS_KEPT_MAX) return true;
    const gone = this.#all(
      `DELETE FROM peer WHERE id = (SELECT id FROM peer WHERE seen <> :day AND id NOT IN
         (SELECT peer FROM quota) ORDER BY seen LIMIT 1) RETURNING id`,
      { day },
    );
    return gone.length > 0;
  }

  /**
   * Removes days beyond DAYS_MAX, and peers that were last seen before the days that are kept. Days
   * are counted, because a clock that jumps ahead must not empty the history.
   */
  #removeOld(): void {
    const [oldest] = this.#all(
      "SELECT DISTINCT day FROM day ORDER BY day DESC LIMIT 1 OFFSET :at",
      { at: DAYS_MAX - 1 },
    );
    if (oldest === undefined) return;
    const { day } = oldest;
    this.#run("DELETE FROM day WHERE day < :day", { day });
    this.#run(
      "DELETE FROM peer WHERE seen < :day AND id NOT IN (SELECT peer FROM quota)",
      { day },
    );
  }

  #write<T>(work: () => T): T {
    return onFile(this.#path, () => this.#transaction(work));
  }

  #transaction<T>(work: () => T): T {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      // A full disk has ended the transaction already.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  #all(sql: string, values: Readonly<Record<string, string | number | null>>): Row[] {
    return this.#statement(sql).all(values) as Row[];
  }

  #run(sql: string, values: Readonly<Record<string, string | number | null>>): void {
    this.#statement(sql).run(values);
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

type FileIdentity = Pick<Deno.FileInfo, "dev" | "ino">;
const identityOf = (path: string): FileIdentity => Deno.statSync(path);

const nameIn = (row: Row): PeerName => ({
  interface: String(row.interface),
  publicKey: String(row.public_key),
  name: String(row.name),
});

/** Runs `work`. Errors of SQLite become errors about the file. */
function onFile<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw sqliteError(path, error);
  }
}
