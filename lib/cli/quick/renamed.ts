/**
 * Interfaces that were renamed after `up`, as by `ip link set wg0 name wg1`. The record keeps the
 * name of the file, and the process of the interface follows the new one.
 * @module
 */
import { interfaceExists, interfaceNames, publicFacts } from "../../daemon/client.ts";
import { type QuickRecord, readQuickRecord } from "./record.ts";

/**
 * The present name of an interface that was renamed after `up`.
 * @param name the name of its file
 * @returns undefined if the interface has its name, or has ended
 */
export function presentName(name: string, record: QuickRecord | undefined): string | undefined {
  if (record === undefined || record.pid === 0 || interfaceExists(name)) return undefined;
  return interfaceNames().find((other) =>
    other !== name && publicFacts(other)?.pid === record.pid && interfaceExists(other) &&
    readQuickRecord(other) === undefined
  );
}
