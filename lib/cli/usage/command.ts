/**
 * `wg usage`: the bytes of each peer and day, also of interfaces that are gone, and quotas. With
 * --record it stays and records them.
 * @module
 */
import { EBUSY, osError } from "../../base/errno.ts";
import type { OsError } from "../../base/errors.ts";
import { findPeer } from "../../base/peer_name.ts";
import { setDevice } from "../../daemon/client.ts";
import { asOsError } from "../../daemon/socket_folder.ts";
import { ServiceManager } from "../../linux/service_manager.ts";
import type { Command } from "../command.ts";
import { wireguardNames, wireguardStats } from "../interfaces.ts";
import { askEach, complain, printAll } from "../output.ts";
import type { Answered } from "./recorder.ts";
import type { PeerName } from "./tally.ts";
import { formatUsage, usageJson } from "./text.ts";
import { parseUsage, type UsageLine } from "./words.ts";

/** The most days, or months, that are shown. */
const TIMES_SHOWN_MAX = 31;

/** The command `usage`. */
export const command: Command = { run: (args) => usage(parseUsage(args)) };

async function usage(line: UsageLine): Promise<number> {
  const { UsageStore } = await import("./store.ts");
  switch (line.action) {
    case "record":
      return await record(line);
    case "show": {
      const store = UsageStore.find(line.file);
      const used = store.used(line.by, line.name, TIMES_SHOWN_MAX);
      const quotas = store.quotas(today(), line.name);
      store.close();
      const recording = isRecording(line.file);
      if (line.json) {
        const values = usageJson(used, quotas, line.by, recording);
        printAll(`${JSON.stringify(values, undefined, 2)}\n`);
        return 0;
      }
      printAll(formatUsage(used, quotas, line.by));
      if (!recording) complain(`nobody records in ${line.file} now; see \`wg help usage\``);
      return 0;
    }
    case "quota": {
      const { peer, publicKey, isDisabled } = await peerOf(line.name, line.peer);
      const store = UsageStore.make(line.file);
      store.setQuota(today(), peer, line.quota);
      store.close();
      if (line.quota === undefined && isDisabled) {
        // Perhaps nobody records who would do it.
        await setDevice(line.name, {
          peers: [{ publicKey, updateOnly: true, disabled: false }],
        });
      }
      if (line.quota !== undefined && !isRecording(line.file)) {
        complain(`nobody records in ${line.file} now, so the quota has no effect yet`);
      }
      return 0;
    }
  }
}

/** Records until SIGTERM or SIGINT, and once more then. */
async function record(
  { file, everyMs }: Extract<UsageLine, { action: "record" }>,
): Promise<number> {
  const { UsageStore } = await import("./store.ts");
  const { Recorder } = await import("./recorder.ts");
  const store = UsageStore.make(file);
  using _lock = lockToRecord(file);
  const recorder = new Recorder({ store, ask: askAll, change: setDevice, today, say: complain });
  let ended = false;
  const end = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      Deno.addSignalListener(signal, () => {
        ended = true;
        resolve();
      });
    }
  });
  await recorder.sample();
  const service = ServiceManager.find((variable) => Deno.env.get(variable));
  service?.tell({ READY: 1 });
  complain(`records in ${file} every ${everyMs / 1000} s`);
  while (!ended) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([end, new Promise((resolve) => timer = setTimeout(resolve, everyMs))]);
    clearTimeout(timer);
    await recorder.sample();
  }
  service?.close();
  store.close();
  return 0;
}

/** All interfaces that answer. The others are told by `wg metrics` and the like. */
async function askAll(): Promise<readonly Answered[]> {
  const failures: OsError[] = [];
  return await askEach(
    await wireguardNames(),
    async (name) => ({ name, status: await wireguardStats(name) }),
    failures,
  );
}

/**
 * The lock of the process that records. It is of a file beside that of the history, because SQLite
 * locks its own.
 */
const lockPath = (file: string) => `${file}.lock`;

/** Locks the file of the history until the lock is closed. @throws OsError `EBUSY` and others */
function lockToRecord(file: string): Deno.FsFile {
  let lock: Deno.FsFile;
  try {
    lock = Deno.openSync(lockPath(file), { write: true, create: true, mode: 0o600 });
  } catch (error) {
    throw asOsError("open", lockPath(file), error);
  }
  if (lock.tryLockSync(true)) return lock;
  lock.close();
  throw osError("flock", file, EBUSY, "another process records in this file");
}

/** Whether a process records in the file. */
function isRecording(file: string): boolean {
  try {
    using lock = Deno.openSync(lockPath(file), { read: true });
    return !lock.tryLockSync(false);
  } catch {
    return false;
  }
}

/** The local date, `YYYY-MM-DD`. */
const today = () => Temporal.Now.plainDateISO().toString();

/** The peer that a word means, and whether a quota disables it. @throws ConfigError, OsError */
async function peerOf(name: string, word: string) {
  const { peers } = await wireguardStats(name);
  const { publicKey, description, disabled } = findPeer("--quota", word, peers);
  const peer: PeerName = { interface: name, publicKey: publicKey.toBase64(), name: description };
  return { peer, publicKey, isDisabled: disabled?.reason === "quota" };
}
