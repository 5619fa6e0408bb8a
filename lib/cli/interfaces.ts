/**
 * The WireGuard interfaces that the commands of wg(8) show and change: those of userspace
 * implementations, through their control sockets, and those of the kernel.
 * @module
 */
import type { PublicKey } from "../base/brands.ts";
import { type DeviceChange, wipeChange, wipeStatus } from "../base/config.ts";
import { ENXIO } from "../base/errno.ts";
import { ConfigError, OsError } from "../base/errors.ts";
import { checkInterfaceName } from "../base/interface_name.ts";
import type { InterfaceStatus } from "../base/status.ts";
import { complain } from "./output.ts";
import {
  getDevice,
  getStats,
  interfaceExists,
  interfaceNames,
  setDevice,
} from "../daemon/client.ts";

/** The names of all interfaces: those of the kernel first, as wg(8) has them. */
export async function wireguardNames(): Promise<string[]> {
  const sockets = interfaceNames();
  const { kernelInterfaceNames } = await kernel();
  return [...kernelInterfaceNames().filter((name) => !sockets.includes(name)), ...sockets];
}

/**
 * The status of an interface with its public key.
 * @throws ConfigError for a wrong name
 * @throws OsError when there is no such interface, or the user may not ask for it
 */
export async function wireguardStatus(name: string): Promise<InterfaceStatus> {
  const status = await bySocket(
    name,
    getDevice,
    async () => (await kernel()).getKernelDevice(name),
  );
  if (status.publicKey !== undefined || status.privateKey === undefined) return status;
  // Other implementations do not report the public key.
  const { loadSuite } = await import("../runtime/loaded_crypto.ts");
  return { ...status, publicKey: (await loadSuite()).publicKey(status.privateKey) as PublicKey };
}

/**
 * The status of an interface without its secret keys, for commands that only look.
 * @param explained with the link and the evidence (lib/base/evidence.ts)
 * @throws as `wireguardStatus`
 */
export async function wireguardStats(name: string, explained = false): Promise<InterfaceStatus> {
  return await bySocket(name, (name) => getStats(name, explained), async () => {
    const status = (await kernel()).getKernelDevice(name);
    wipeStatus(status);
    return status;
  });
}

/**
 * Changes an interface.
 * @throws as `wireguardStatus`
 */
async function changeWireguard(name: string, change: DeviceChange): Promise<void> {
  await bySocket(
    name,
    (name) => setDevice(name, change),
    async () => (await kernel()).setKernelDevice(name, change),
  );
}

/**
 * Changes an interface, and warns of names of endpoints that the daemon keeps and cannot resolve.
 * @param word the word with which endpoints are given, for messages
 * @throws as `wireguardStatus`
 */
export async function changeAndTell(
  name: string,
  change: DeviceChange,
  word: string,
): Promise<void> {
  try {
    await changeWireguard(name, change);
  } catch (error) {
    // The check of a change knows the words of ifconfig(8) only.
    const isEndpoint = error instanceof ConfigError && error.word === "wgendpoint";
    throw isEndpoint ? new ConfigError(word, error.problem) : error;
  }
  wipeChange(change);
  if (change.peers?.some(({ endpointName }) => endpointName !== undefined) !== true) return;
  const { unresolvedWarnings } = await import("./named_endpoints.ts");
  for (const warning of await unresolvedWarnings(name, [change], word)) complain(warning);
}

/** Asks through the socket of this name, or the kernel if there is no socket. */
async function bySocket<T>(
  name: string,
  ask: (name: string) => Promise<T>,
  askKernel: () => Promise<T>,
): Promise<T> {
  checkInterfaceName(name);
  if (interfaceExists(name)) return await ask(name);
  try {
    return await askKernel();
  } catch (error) {
    if (!(error instanceof OsError) || error.errno !== ENXIO) throw error;
    // The socket's error says more, for instance that the user may not enter its folder.
    return await ask(name);
  }
}

const kernel = () => import("../linux/kernel_wireguard.ts");
