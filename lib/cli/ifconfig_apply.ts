/**
 * Changing an interface: all words are read and checked, what they name is looked up, and then the steps are done in an order that can be
 * undone: the link and its addresses first, SIOCSWG last. Whatever fails, the interface is as it was, or, when it was to be created, not there.
 * @module
 */
import type { DeviceChange } from "../base/config.ts";
import { osError } from "../base/errno.ts";
import { ConfigError, OsError } from "../base/errors.ts";
import { destroyDaemon, interfaceExists, interfaceNames, spawnDaemon } from "../daemon/client.ts";
import { NetNamespace, removeRdomainIfEmpty } from "../host/namespace.ts";
import { rdomainOf, sameNamespace } from "../host/rdomain.ts";
import { RouteSocket } from "../host/route_socket.ts";
import type { Command } from "../ifconfig/command.ts";
import type { AlongWith } from "../ifconfig/ioctl.ts";
import { changeOf, SIOCSWG } from "../ifconfig/ioctl.ts";
import { CLASS_NAME, parseWords, settle } from "../ifconfig/parse.ts";
import { emptyInterface } from "../ifconfig/wg_data_io.ts";
import { interfaceSize } from "../ifconfig/wg_data_codec.ts";
import { GROUPS_MAX } from "../uapi/keys.ts";
import type { InterfaceStatus } from "../uapi/status.ts";
import { AskedOnce, requireRoot } from "./ifconfig_control.ts";
import { namespaceOf } from "./ifconfig_kernel.ts";
import { LinkEditor } from "./ifconfig_link.ts";
import { commandSources } from "./ifconfig_sources.ts";

const EEXIST = 17;
/** Interfaces of a class that `create` tries before it gives up. */
const CLASS_NUMBERS = 1 << 15;

/**
 * `ifconfig INTERFACE WORD...`
 * @returns the exit status
 * @throws ConfigError or OsError; then nothing has changed
 */
export async function changeInterface(words: readonly string[]): Promise<number> {
  const draft = parseWords(words);
  requireRoot(draft.name);
  if (!draft.create) requireExisting(draft.name);
  else if (draft.name !== CLASS_NAME) requireFree(draft.name);
  const command = await settle(draft, commandSources());
  try {
    if (command.destroy) await destroy(command.name);
    else if (command.create) await create(command);
    else await modify(command);
  } catch (error) {
    throw inWords(error, command);
  }
  return 0;
}

/** The kernel's refusal of a port as the mistake in the word that asked for it. */
function inWords(error: unknown, command: Command): unknown {
  const port = command.device?.i_port ?? 0;
  const taken = error instanceof OsError && error.code === "EADDRINUSE" && port !== 0;
  return taken ? new ConfigError("wgport", `${port}: ${error.text} (${error.code})`) : error;
}

function requireExisting(name: string): void {
  if (interfaceExists(name)) return;
  using routes = RouteSocket.open();
  if (routes.link(name) !== undefined) throw new ConfigError(name, "not a wg interface; use ip(8)");
  throw new ConfigError(name, "no such interface");
}

function requireFree(name: string): void {
  if (isTaken(name)) throw osError("SIOCIFCREATE", name, EEXIST);
}

function isTaken(name: string): boolean {
  if (interfaceExists(name)) return true;
  using routes = RouteSocket.open();
  return routes.link(name) !== undefined;
}

/** Ends the interface and takes away its rdomain when it was the last in it. */
async function destroy(name: string): Promise<void> {
  const status = await new AskedOnce().status(name);
  const rdomain = rdomainNumber(status);
  await destroyDaemon(name);
  if (rdomain !== undefined) removeRdomainIfEmpty(rdomain);
}

function rdomainNumber(status: InterfaceStatus): number | undefined {
  using namespace = namespaceOf(status);
  return rdomainOf(namespace.identity);
}

async function create(command: Command): Promise<void> {
  const change: DeviceChange = { ...changeOf(command.device ?? emptyInterface()), ...along(command, []) };
  const name = await spawnNamed(command.name, change);
  try {
    using here = NetNamespace.current();
    using editor = new LinkEditor(name, here);
    // The kernel's own WireGuard has no link-local address either.
    editor.withoutLinkLocal();
    changeLink(editor, command, command.priority ?? 0);
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
  throw new ConfigError(name, "no free number");
}

async function modify(command: Command): Promise<void> {
  const control = new AskedOnce();
  const status = await control.status(command.name);
  const extra = along(command, status.groups);
  using namespace = namespaceOf(status);
  using editor = touchesLink(command) ? new LinkEditor(status.name || command.name, namespace) : undefined;
  if (editor !== undefined) changeLink(editor, command, command.priority ?? status.priority);
  if (command.device !== undefined || Object.keys(extra).length > 0) {
    const io = command.device ?? emptyInterface();
    await SIOCSWG(control, { wgd_name: command.name, wgd_size: interfaceSize(io), wgd_interface: io }, extra);
  }
  editor?.keep();
  const left = command.rdomain === undefined ? undefined : rdomainOf(namespace.identity);
  if (left !== undefined && left !== command.rdomain) removeRdomainIfEmpty(left);
}

/** What goes along with SIOCSWG. */
function along(command: Command, groups: readonly string[]): AlongWith {
  const leave = new Set(command.leaveGroups);
  for (const name of leave) {
    if (!groups.includes(name)) throw new ConfigError("-group", `"${name}": the interface is not in this group`);
  }
  const joined = [...new Set([...groups, ...command.joinGroups])].filter((name) => !leave.has(name));
  if (joined.length > GROUPS_MAX) throw new ConfigError("group", `an interface is in at most ${GROUPS_MAX} groups`);
  return {
    ...(command.debug !== undefined && { debug: command.debug }),
    ...(command.priority !== undefined && { priority: command.priority }),
    ...(Object.keys(command.offloads).length > 0 && { offloads: command.offloads }),
    ...(command.joinGroups.length + leave.size > 0 && { groups: joined }),
  };
}

function touchesLink(command: Command): boolean {
  return command.up !== undefined || command.mtu !== undefined || command.description !== undefined ||
    command.rdomain !== undefined || command.priority !== undefined || command.addresses.length > 0;
}

/**
 * Moves the link to its rdomain and sets what the kernel keeps. The step that a kernel refuses most often comes before those that cost.
 * A smaller MTU comes after the addresses: they may be what it is too small for, and go.
 */
function changeLink(editor: LinkEditor, command: Command, metric: number): void {
  if (command.rdomain !== undefined) moveTo(editor, command.rdomain);
  const shrinks = command.mtu !== undefined && command.mtu < editor.mtu;
  if (command.mtu !== undefined && !shrinks) editor.setMtu(command.mtu);
  if (command.description !== undefined) editor.setDescription(command.description);
  if (command.priority !== undefined) editor.setMetric(command.priority);
  if (command.up === true) editor.setUp(true);
  if (command.addresses.length > 0) editor.changeAddresses(command.addresses, metric);
  if (command.mtu !== undefined && shrinks) editor.setMtu(command.mtu);
  if (command.up === false) editor.setUp(false);
}

function moveTo(editor: LinkEditor, rdomain: number): void {
  editor.onUndo(() => removeRdomainIfEmpty(rdomain));
  NetNamespace.occupy(rdomain, (to) => {
    if (!sameNamespace(to.identity, editor.namespace.identity)) editor.move(to);
  });
}
