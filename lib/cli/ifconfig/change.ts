/**
 * Changes an interface. All words are read and checked and the values they name are looked up. Then
 * the steps are done in an order that can be undone: the link and its addresses first, the daemon's
 * change last. If a step fails, the interface is as before, or, if it was to be created, does not
 * exist.
 * @module
 */
import type { DeviceChange } from "../../base/config.ts";
import { EEXIST, osError } from "../../base/errno.ts";
import { ConfigError, OsError } from "../../base/errors.ts";
import { GROUPS_MAX } from "../../base/labels.ts";
import {
  destroyDaemon,
  getDevice,
  interfaceExists,
  interfaceNames,
  publicFacts,
  setDevice,
  spawnAsLastDeed,
  spawnDaemon,
} from "../../daemon/client.ts";
import { removeLeftRdomains } from "../../daemon/left_rdomains.ts";
import { NetNamespace, removeRdomainIfEmpty } from "../../linux/namespace.ts";
import { rdomainOf, sameNamespace } from "../../linux/rdomain.ts";
import { RouteSocket } from "../../linux/route_socket.ts";
import { changeForDaemon, unresolvedWarnings } from "../named_endpoints.ts";
import { complain } from "../output.ts";
import type { Command } from "./words/draft.ts";
import { CLASS_NAME, isNumberedInClass, parseWords, settle } from "./words/parse.ts";
import { requireNetAdmin, requireOwner } from "./permission.ts";
import { namespaceOf } from "./kernel.ts";
import { identityToldBy } from "./place.ts";
import { LinkEditor } from "./link_editor.ts";
import { commandSources } from "./sources.ts";

/** The numbers of a class that `create` tries. */
const CLASS_NUMBERS = 1 << 15;

/** What this process and the interface do later. */
export interface Later {
  /**
   * Whether this process does nothing more that needs other rights than CAP_NET_ADMIN. A new
   * interface is ready sooner then.
   */
  readonly isLastDeed?: boolean;
}

/**
 * Runs `ifconfig INTERFACE WORD...`.
 * @returns the exit status
 * @throws ConfigError or OsError; nothing has changed then
 */
export async function changeInterface(
  words: readonly string[],
  { isLastDeed = false }: Later = {},
): Promise<number> {
  const draft = parseWords(words);
  if (draft.create && draft.name !== CLASS_NAME) requireFree(draft.name);
  const makes = draft.create || !isThere(draft);
  if (makes) requireNetAdmin(draft.name);
  const command = await settle(draft, commandSources());
  // To move the link to an rdomain needs more rights.
  const isQuick = makes && isLastDeed && command.rdomain === undefined;
  if (isQuick) removeLeftRdomains();
  const name = await applyCommand(command, makes, isQuick ? spawnAsLastDeed : spawnDaemon);
  for (const warning of await unresolvedWarnings(name, [command.change])) complain(warning);
  return 0;
}

/**
 * Reads the words of a line, keys in files and the addresses of hosts. Nothing is changed.
 * @throws ConfigError or OsError
 */
export const readCommand = async (words: readonly string[]): Promise<Command> =>
  await settle(parseWords(words), commandSources());

/**
 * Applies a command as a whole, or changes nothing.
 * @param makes whether the interface is created
 * @param start starts its process
 * @returns the name of the interface
 * @throws ConfigError or OsError
 */
export async function applyCommand(
  command: Command,
  makes = false,
  start: typeof spawnDaemon = spawnDaemon,
): Promise<string> {
  try {
    if (makes) return await make(command, start);
    if (command.destroy) await destroy(command.name);
    else await modify(command);
    return command.name;
  } catch (error) {
    throw inWords(error, command);
  } finally {
    removeLeftRdomains();
  }
}

/**
 * Creates the interface. As on OpenBSD, every word but `destroy` creates an interface that does not
 * exist.
 */
async function make(command: Command, start: typeof spawnDaemon): Promise<string> {
  try {
    return await create(command, start);
  } catch (error) {
    // Without `create` it is no error if another process has created the interface meanwhile.
    if (command.create || !interfaceExists(command.name)) throw error;
    await modify(command);
    return command.name;
  }
}

/** Turns the kernel's refusal of a port into an error that names `wgport`. */
function inWords(error: unknown, command: Command): unknown {
  const port = command.change.listenPort ?? 0;
  const taken = error instanceof OsError && error.code === "EADDRINUSE" && port !== 0;
  return taken ? new ConfigError("wgport", `${port}: ${error.text} (${error.code})`) : error;
}

/**
 * Whether the interface exists. False only if the line may create it.
 * @throws ConfigError
 */
function isThere({ name, destroy }: { readonly name: string; readonly destroy: boolean }): boolean {
  requireOwner(name);
  if (interfaceExists(name)) return true;
  using routes = RouteSocket.open();
  if (routes.link(name) !== undefined) throw new ConfigError(name, "not a wg interface; use ip(8)");
  if (destroy || !isNumberedInClass(name)) throw new ConfigError(name, "no such interface");
  return false;
}

function requireFree(name: string): void {
  if (isTaken(name)) throw osError("SIOCIFCREATE", name, EEXIST);
}

function isTaken(name: string): boolean {
  if (interfaceExists(name)) return true;
  using routes = RouteSocket.open();
  return routes.link(name) !== undefined;
}

/**
 * Destroys the interface, and its rdomains if it was the last in them. The place of the interface
 * comes from its public file, because a daemon may hang.
 */
async function destroy(name: string): Promise<void> {
  const facts = publicFacts(name);
  const rdomains = facts === undefined ? [] : [rdomainOf(identityToldBy(facts)), facts.rtable];
  await destroyDaemon(name);
  for (const rdomain of new Set(rdomains)) if (rdomain !== undefined) removeRdomainIfEmpty(rdomain);
}

async function create(command: Command, start: typeof spawnDaemon): Promise<string> {
  const name = await spawnNamed(command.name, changeFor(command, []), start);
  try {
    using here = NetNamespace.current();
    await using editor = new LinkEditor(name, here);
    // A new interface has no addresses or routes that its daemon would have to keep.
    await changeLink(editor, command, command.change.priority ?? 0, () => Promise.resolve(false));
    editor.keep();
  } catch (error) {
    await destroyDaemon(name);
    throw error;
  }
  if (command.name === CLASS_NAME) console.log(name);
  return name;
}

/**
 * Starts the daemon under the name, or under the lowest free number of the class. Then it may take
 * several attempts, so this process keeps its rights.
 */
async function spawnNamed(
  name: string,
  change: DeviceChange,
  start: typeof spawnDaemon,
): Promise<string> {
  if (name !== CLASS_NAME) {
    await start(name, change);
    return name;
  }
  const taken = new Set(interfaceNames());
  for (let number = 0; number < CLASS_NUMBERS; number++) {
    const candidate = `${CLASS_NAME}${number}`;
    if (taken.has(candidate) || isTaken(candidate)) continue;
    try {
      await spawnDaemon(candidate, change);
      return candidate;
    } catch (error) {
      // Another process has taken the number meanwhile.
      if (!isTaken(candidate)) throw error;
    }
  }
  throw new ConfigError(name, `the numbers 0 to ${CLASS_NUMBERS - 1} are all in use`);
}

async function modify(command: Command): Promise<void> {
  if (isForDaemonAlone(command)) {
    return await setDevice(command.name, await changeForDaemon(command.name, command.change));
  }
  const status = await getDevice(command.name);
  const change = await changeForDaemon(command.name, {
    // An MTU that is set by hand no longer follows the paths.
    ...(command.mtu !== undefined && status.mtuAuto && { mtuAuto: false }),
    ...changeFor(command, status.groups),
  });
  // Without the capability the owner may not enter the namespace of the interface, and changes that
  // only the daemon makes do not require it.
  using namespace = touchesLink(command) ? await namespaceOf(command.name, status) : undefined;
  await using editor = namespace === undefined
    ? undefined
    : new LinkEditor(status.name || command.name, namespace);
  if (editor !== undefined) {
    const through = (up: boolean) => editor.setUpThrough(command.name, up);
    await changeLink(editor, command, change.priority ?? status.priority, through);
    editor.settle();
  }
  if (Object.keys(change).length > 0) await setDevice(command.name, change);
  editor?.keep();
  const left = command.rdomain === undefined || namespace === undefined
    ? undefined
    : rdomainOf(namespace.identity);
  if (left !== undefined && left !== command.rdomain) removeRdomainIfEmpty(left);
}

/** The change for the daemon, with all groups of the interface after the change. */
function changeFor(command: Command, groups: readonly string[]): DeviceChange {
  const leave = new Set(command.leaveGroups);
  for (const name of leave) {
    if (!groups.includes(name)) {
      throw new ConfigError("-group", `the interface is not in the group "${name}"`);
    }
  }
  const joined = [...new Set([...groups, ...command.joinGroups])].filter((name) =>
    !leave.has(name)
  );
  if (joined.length > GROUPS_MAX) {
    throw new ConfigError(
      "group",
      `${joined.length} groups are too many; at most ${GROUPS_MAX} are allowed`,
    );
  }
  return command.joinGroups.length + leave.size > 0
    ? { ...command.change, groups: joined }
    : command.change;
}

/**
 * Whether the change needs no status of the interface before. The status grows with the peers, and
 * a file has a line for each of them.
 */
function isForDaemonAlone(command: Command): boolean {
  return !touchesLink(command) && command.joinGroups.length + command.leaveGroups.length === 0 &&
    Object.keys(command.change).length > 0;
}

function touchesLink(command: Command): boolean {
  return command.up !== undefined || command.mtu !== undefined ||
    command.description !== undefined ||
    command.rdomain !== undefined || command.change.priority !== undefined ||
    command.addresses.length > 0;
}

/**
 * Moves the link to its rdomain and sets what the kernel keeps. The step that a kernel refuses most
 * often comes first. The daemon takes the interface up and down (`through`), because it keeps the
 * addresses and routes. A smaller MTU is set after the addresses: the change may remove the
 * addresses for which it is too small.
 */
async function changeLink(
  editor: LinkEditor,
  command: Command,
  metric: number,
  through: (up: boolean) => Promise<boolean>,
): Promise<void> {
  if (command.rdomain !== undefined) moveTo(editor, command.rdomain);
  const shrinks = command.mtu !== undefined && command.mtu < editor.mtu;
  if (command.mtu !== undefined && !shrinks) editor.setMtu(command.mtu);
  if (command.description !== undefined) editor.setDescription(command.description);
  if (command.change.priority !== undefined) editor.setMetric(command.change.priority);
  if (command.up === true) await editor.setUp(true, through);
  if (command.addresses.length > 0) editor.changeAddresses(command.addresses, metric);
  if (command.mtu !== undefined && shrinks) editor.setMtu(command.mtu);
  if (command.up === false) await editor.setUp(false, through);
}

function moveTo(editor: LinkEditor, rdomain: number): void {
  editor.onUndo(() => removeRdomainIfEmpty(rdomain));
  NetNamespace.occupy(rdomain, (to) => {
    if (!sameNamespace(to.identity, editor.namespace.identity)) editor.move(to);
  });
}
