/**
 * Kernel settings that several interfaces require. The last one of them restores the value before.
 * @module
 */
import { SOCKET_FOLDER } from "../../daemon/paths.ts";
import { underLock } from "../../daemon/socket_folder.ts";
import { RouteSocket } from "../../linux/route_socket.ts";
import { setSysctl } from "../../linux/sysctl.ts";
import type { DoneStep, Saved, Step } from "./plan.ts";
import { type QuickRecord, readQuickRecord, recordedNames, writeQuickRecord } from "./record.ts";

type Setting = Step & { readonly type: "sysctl" };

/**
 * Restores the value of a setting before an interface changed it. If another interface requires the
 * setting, its record gets the value, and it restores it later. Interfaces may go down at once, so
 * records are read and written under the lock of their folder.
 * @param saved the value before; undefined if the interface had nothing to change
 * @throws OsError
 */
export function restoreSetting(name: string, setting: Setting, saved: Saved): void {
  underLock(SOCKET_FOLDER, () => {
    const own = readQuickRecord(name);
    const at = own === undefined ? -1 : indexOf(own, setting);
    // Another interface may have handed its value over since.
    const value = own !== undefined && at >= 0 ? own.steps[at].saved : saved;
    if (own !== undefined && at >= 0) {
      writeQuickRecord(name, { ...own, steps: own.steps.toSpliced(at, 1) });
    }
    if (typeof value === "string" && !handOver(name, setting, value)) {
      setSysctl(setting.name, value);
    }
  });
}

/** Writes a record. Values that other interfaces have handed over since it was read stay in it. */
export function updateRecord(name: string, record: QuickRecord): void {
  underLock(SOCKET_FOLDER, () => {
    const before = readQuickRecord(name);
    const steps = record.steps.map((one) => {
      if (one.step.type !== "sysctl" || one.saved !== undefined || before === undefined) return one;
      const at = indexOf(before, one.step);
      return at < 0 ? one : before.steps[at];
    });
    writeQuickRecord(name, { ...record, steps });
  });
}

/** Writes the value into the record of another interface that requires the setting, if any does. */
function handOver(name: string, setting: Setting, saved: string): boolean {
  const other = otherWith(name, setting);
  if (other === undefined) return false;
  const { record, at } = other;
  const step: DoneStep = { ...record.steps[at], saved };
  writeQuickRecord(other.name, { ...record, steps: record.steps.with(at, step) });
  return true;
}

/** Whether another interface requires the setting, so that it stays. */
export const isShared = (name: string, setting: Setting): boolean =>
  otherWith(name, setting) !== undefined;

function otherWith(name: string, setting: Setting) {
  using routes = RouteSocket.open();
  for (const other of recordedNames()) {
    const isThere = other !== name && routes.link(other) !== undefined;
    const record = isThere ? readQuickRecord(other) : undefined;
    const at = record === undefined ? -1 : indexOf(record, setting);
    if (record !== undefined && at >= 0) return { name: other, record, at };
  }
  return undefined;
}

const indexOf = ({ steps }: QuickRecord, { name }: Setting): number =>
  steps.findIndex(({ step }) => step.type === "sysctl" && step.name === name);
