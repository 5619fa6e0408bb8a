/**
 * Where the daemons' files are: the control sockets, as wireguard-tools expects them, and the facts that everybody may read.
 * @module
 */
import { checkInterfaceName, isInterfaceName } from "../base/interface_name.ts";

/** The folder of the control sockets (wireguard-tools' ipc-uapi-unix.h). */
export const SOCKET_FOLDER = "/var/run/wireguard";

const SOCKET_SUFFIX = ".sock";
const PUBLIC_SUFFIX = ".public";
const RECORD_SUFFIX = ".netstart";

/** The control socket of an interface, mode 0600. @throws ConfigError for a name that no interface can have */
export const socketPath = (name: string, folder = SOCKET_FOLDER): string =>
  `${folder}/${checkInterfaceName(name)}${SOCKET_SUFFIX}`;

/** The file with what anybody may know of an interface (`listen_port=N`, `rtable=N`), mode 0644. @throws ConfigError */
export const publicPath = (name: string): string =>
  `${SOCKET_FOLDER}/${checkInterfaceName(name)}${PUBLIC_SUFFIX}`;

/** What netstart remembers of an interface as long as its daemon runs, mode 0600. @throws ConfigError */
export const recordPath = (name: string): string =>
  `${SOCKET_FOLDER}/${checkInterfaceName(name)}${RECORD_SUFFIX}`;

/** The names of all control sockets, whether somebody answers there or not, sorted as people count: wg2 before wg10. */
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
