/**
 * Changing an interface: all words are read and checked, what they name is looked up, and then the
 * steps are done in an order that can be undone: the link and its addresses first, the daemon's
 * change last. Whatever fails, the interface is as it was, or, when it was to be created, not
 * there.
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
  setLinkUp,
  spawnDaemon,
} from "../../daemon/client.ts";
import { NetNamespace, removeRdomainIfEmpty } from "../../linux/namespace.ts";
import { rdomainOf, sameNamespace } from "../../linux/rdomain.ts";
import { RouteSocket } from "../../linux/route_socket.ts";
import type { Command } from "./words/draft.ts";
import { CLASS_NAME, isNumberedInClass, parseWords, settle } from "./words/parse.ts";
import { requireNetAdmin, requireOwner } from "./permission.ts";
import { namespaceOf } from "./kernel.ts";
import { identityToldBy } from "./place.ts";
import { LinkEditor } from "./link_editor.ts";
import { commandSources } from "./sources.ts";

/** Interfaces of a class that `create` tries before it gives up. */
const CLASS_NUMBERS = 1 << 15;

/**
 * `ifconfig INTERFACE WORD...`
 * @returns the exit status
 * @throws ConfigError or OsError; then nothing has changed
 */
export async function changeInterface(words: readonly string[]): Promise<number> {
  const draft = parseWords(words);
  if (draft.create && draft.name !== CLASS_NAME) requireFree(draft.name);
  const makes = draft.create || !isThere(draft);
  if (makes) requireNetAdmin(draft.name);
  await applyCommand(await settle(draft, commandSources()), makes);
  return 0;
}

/**
 * Reads a line's words, the keys in files and the addresses of hosts; nothing is changed. @throws
 * ConfigError or OsError
 */
export const readCommand = async (words: readonly string[]): Promise<Command> =>
  await settle(parseWords(words), commandSources());

/**
 * Does what a line asks for, or nothing.
 * @param makes whether the interface is to be made
 * @throws ConfigError or OsError
 */
export async function applyCommand(command: Command, makes = false): Promise<void> {
  try {
    if (command.destroy) await destroy(command.name);
    else if (makes) await make(command);
    else await modify(command);
  } catch (error) {
    throw inWords(error, command);
  }
}

/** As on OpenBSD, every word but `destroy` makes the interface that is not there yet. */
async function make(command: Command): Promise<void> {
  try {
    await create(command);
  } catch (error) {
    // Without `create` it is no mistake that somebody else made it meanwhile.
    if (command.create || !interfaceExists(command.name)) throw error;
    await modify(command);
  }
}

/** The kernel's refusal of a port as the mistake in the word that asked for it. */
function inWords(error: unknown, command: Command): unknown {
  const port = command.change.listenPort ?? 0;
  const taken = error instanceof OsError && error.code === "EADDRINUSE" && port !== 0;
  return taken ? new ConfigError("wgport", `${port}: ${error.text} (${error.code})`) : error;
}

/**
 * @returns whether the interface is there; false only when the line may make it
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
 * Ends the interface and takes away its rdomains when it was the last in them. A daemon that hangs
 * is not asked where they are.
 */
async function destroy(name: string): Promise<void> {
  const facts = publicFacts(name);
  const rdomains = facts === undefined ? [] : [rdomainOf(identityToldBy(facts)), facts.rtable];
  await destroyDaemon(name);
  for (const rdomain of new Set(rdomains)) if (rdomain !== undefined) removeRdomainIfEmpty(rdomain);
}

async function create(command: Command): Promise<void> {
  const name = await spawnNamed(command.name, changeFor(command, []));
  try {
    using here = NetNamespace.current();
    await using editor = new LinkEditor(name, here);
    // A new one has nothing to keep.
    await changeLink(editor, command, command.change.priority ?? 0, () => Promise.resolve(false));
    editor.keep();
  } catch (error) {
    await destroyDaemon(name);
    throw error;
  }
  if (command.name === CLASS_NAME) console.log(name);
}

/** Starts the daemon under the name, or under the lowest free number of the class. */
async function spawnNamed(name: string, change: DeviceChange): Promise<string> {
  if (name !== CLASS_NAME) {
    await spawnDaemon(name, change);
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
      // Somebody else took the number meanwhile.
      if (!isTaken(candidate)) throw error;
    }
  }
  throw new ConfigError(name, `the numbers 0 to ${CLASS_NUMBERS - 1} are all in use`);
}

async function modify(command: Command): Promise<void> {
  const status = await getDevice(command.name);
  const change = changeFor(command, status.groups);
  // Its owner may not go where the interface is without the capability, and need not for what the
  // daemon does alone.
  using namespace = touchesLink(command) ? await namespaceOf(command.name, status) : undefined;
  await using editor = namespace === undefined
    ? undefined
    : new LinkEditor(status.name || command.name, namespace);
  if (editor !== undefined) {
    const through = (up: boolean) => setLinkUp(command.name, up);
    await changeLink(editor, command, change.priority ?? status.priority, through);
  }
  if (Object.keys(change).length > 0) await setDevice(command.name, change);
  editor?.keep();
  const left = command.rdomain === undefined || namespace === undefined
    ? undefined
    : rdomainOf(namespace.identity);
  if (left !== undefined && left !== command.rdomain) removeRdomainIfEmpty(left);
}

/** What the daemon is told, with the groups that the interface is in afterwards. */
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

function touchesLink(command: Command): boolean {
  return command.up !== undefined || command.mtu !== undefined ||
    command.description !== undefined ||
    command.rdomain !== undefined || command.change.priority !== undefined ||
    command.addresses.length > 0;
}

/**
 * Moves the link to its rdomain and sets what the kernel keeps. The step that a kernel refuses most
 * often comes before those that cost. The interface goes up and down `through` its daemon, which
 * keeps what it has. A smaller MTU comes after the addresses: they may be what it is too small for,
 * and go.
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
