/**
 * `wg quick save`: writes the running interface into its file.
 * @module
 */
import { wipeStatus } from "../../base/config.ts";
import { ConfigError } from "../../base/errors.ts";
import { sameBytes } from "../../base/endpoint.ts";
import { getDevice, interfaceExists } from "../../daemon/client.ts";
import { RouteSocket } from "../../linux/route_socket.ts";
import type { QuickConfig } from "../../wgconf/quick.ts";
import { savedText } from "../../wgconf/save.ts";
import { requireOwner } from "../ifconfig/permission.ts";
import { reasonOf } from "../netstart/shell.ts";
import { zoneNames } from "../output.ts";
import { displayPath } from "../../base/quote.ts";
import { isKernelLinkLocal } from "../../netlink/address.ts";
import { type QuickFile, readConfig, readFileBytes } from "./file.ts";
import { readQuickRecord } from "./record.ts";

/**
 * Saves an interface.
 * @returns the exit status
 * @throws ConfigError or OsError; the file is as before then
 */
export async function save(
  file: QuickFile,
  { quiet }: { readonly quiet: boolean },
): Promise<number> {
  requireOwner(file.name);
  if (!interfaceExists(file.name)) {
    throw new ConfigError(file.name, "there is no such WireGuard interface");
  }
  using read = readConfig(file);
  if (read === undefined) return 1;
  if (!quiet) console.error(`[#] wg showconf ${file.name} > ${file.path}`);
  await saveFile(file, read.config);
  return 0;
}

/**
 * Replaces a file as a whole, if anything in it changes.
 * @param config what the file says
 * @throws ConfigError or OsError
 */
export async function saveFile(file: QuickFile, config: QuickConfig): Promise<void> {
  const status = await getDevice(file.name);
  const before = readFileBytes(file);
  const after = savedText(config, {
    status,
    ...linkValues(file.name),
    fwmark: choseMark(file.name, config) ? 0 : status.fwmark,
    zoneName: await zoneNames(status.peers.map(({ endpoint }) => endpoint)),
  }, before.indexOf(13) >= 0 && before[before.indexOf(13) + 1] === 10 ? "\r\n" : "\n");
  try {
    if (!sameBytes(before, after)) replaceFile(file.path, after);
  } finally {
    wipeStatus(status);
    before.fill(0);
    after.fill(0);
  }
}

/** Whether `up` has chosen the mark of a default route itself. */
function choseMark(name: string, config: QuickConfig): boolean {
  return (config.interface.fwmark ?? 0) === 0 &&
    readQuickRecord(name)?.steps.some(({ step }) => step.type === "fwmark") === true;
}

function linkValues(name: string) {
  using routes = RouteSocket.open();
  const { index, mtu } = routes.requireLink(name);
  const addresses = routes.addresses({ interfaceIndex: index }).filter((address) =>
    !isKernelLinkLocal(address)
  );
  return { mtu, addresses };
}

/** Writes a file beside the old one, waits until it is on the disk, and exchanges them. */
function replaceFile(path: string, bytes: Uint8Array): void {
  const fresh = `${path}.${Deno.pid}.tmp`;
  try {
    const file = Deno.openSync(fresh, { write: true, createNew: true, mode: 0o600 });
    try {
      for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
      file.syncSync();
    } finally {
      file.close();
    }
    Deno.renameSync(fresh, path);
  } catch (error) {
    try {
      Deno.removeSync(fresh);
    } catch {
      // The file was not created.
    }
    throw new ConfigError(displayPath(path), `cannot be written: ${reasonOf(error)}`);
  }
}
