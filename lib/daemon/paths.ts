/**
 * The name of a daemon's process, and the paths of its files: control sockets, where
 * wireguard-tools expects them, and public status files.
 * @module
 */
import { checkInterfaceName, isInterfaceName } from "../base/interface_name.ts";

/** The name of an interface's process, which ps(1) shows. */
export const PROCESS_NAME = "wg";

/** The folder of the control sockets (wireguard-tools' ipc-uapi-unix.h). */
export const SOCKET_FOLDER = "/var/run/wireguard";

const LENDING_SUFFIX = ".lending";
const SOCKET_SUFFIX = ".sock";
const PUBLIC_SUFFIX = ".public";

/** The path of an interface's control socket, mode 0600. @throws ConfigError for a wrong name */
export const socketPath = (name: string, folder = SOCKET_FOLDER): string =>
  `${folder}/${checkInterfaceName(name)}${SOCKET_SUFFIX}`;

/**
 * The path of the socket to which commands lend descriptors, mode 0600. It is hidden, because other
 * programs list the folder. @throws ConfigError for a wrong name
 */
export const lendingPath = (name: string): string =>
  `${SOCKET_FOLDER}/.${checkInterfaceName(name)}${LENDING_SUFFIX}`;

/**
 * The path of an interface's public status (`listen_port=N`, `rtable=N`), mode 0644.
 * @throws ConfigError for a wrong name
 */
export const publicPath = (name: string): string =>
  `${SOCKET_FOLDER}/${checkInterfaceName(name)}${PUBLIC_SUFFIX}`;

/** The names of all control sockets, also of dead ones. wg2 comes before wg10. */
export function socketNames(): string[] {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(SOCKET_FOLDER)];
  } catch {
    return [];
  }
  return entries.filter((entry) =>
    entry.name.endsWith(SOCKET_SUFFIX) && !entry.isFile && !entry.isDirectory
  )
    .map((entry) => entry.name.slice(0, -SOCKET_SUFFIX.length))
    .filter(isInterfaceName)
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}
