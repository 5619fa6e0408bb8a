/**
 * What an interface needs more rights for than its process has.
 * @module
 */
import type { DeviceChange } from "../base/config.ts";

/** The ports from here on need no capability, unless the administrator has set another limit. */
const UNPRIVILEGED_PORT = 1024;

/** A variable for a new process: the sockets that its first run opens, as `PORT RTABLE`. */
export const SOCKETS_VARIABLE = "WG_SOCKETS";
/**
 * The value for a process whose port comes later, from a program that cannot lend sockets, such as
 * wg(8). The process keeps CAP_NET_BIND_SERVICE.
 */
export const PORT_LATER = "later";

/** Whether sockets on this port in this rdomain need more rights than CAP_NET_ADMIN. */
export const needsRights = (port: number, rtable: number): boolean =>
  rtable !== 0 || (port !== 0 && port < UNPRIVILEGED_PORT);

/** The value of SOCKETS_VARIABLE for the first change of an interface; undefined for none. */
function socketsSetting({ listenPort = 0, rtable = 0 }: DeviceChange): string | undefined {
  return needsRights(listenPort, rtable) ? `${listenPort} ${rtable}` : undefined;
}

/** Whether a change has names of endpoints, which another process looks up. */
export const hasNames = ({ peers = [] }: DeviceChange): boolean =>
  peers.some(({ endpointName }) => endpointName !== undefined);

/** The variables that tell the process of a new interface which rights it needs. */
export function rightsVariables(change: DeviceChange): Record<string, string> {
  const sockets = socketsSetting(change);
  return sockets === undefined ? {} : { [SOCKETS_VARIABLE]: sockets };
}
