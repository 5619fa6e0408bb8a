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
import { lineEndOf } from "../../wgconf/edit.ts";
import { savedText } from "../../wgconf/save.ts";
import { requireOwner } from "../ifconfig/permission.ts";
import { zoneNames } from "../output.ts";
import { stageFile } from "../staged_file.ts";
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
  }, lineEndOf(before));
  try {
    if (!sameBytes(before, after)) stageFile(file.path, after, 0o600).commit();
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
