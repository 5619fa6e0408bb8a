/**
 * Tells a service manager that an interface is ready, and that the interface's process is the one
 * to watch: the command ends, and the process stays.
 * @module
 */
import { unixSocketOwner } from "../../ffi/unix_socket.ts";
import { socketPath } from "../daemon/paths.ts";
import { ServiceManager } from "../linux/service_manager.ts";

/**
 * Call it when the interface has its whole configuration. Without a service manager it does
 * nothing.
 */
export function tellReady(name: string): void {
  const service = ServiceManager.find((variable) => Deno.env.get(variable));
  if (service === undefined) return;
  const pid = unixSocketOwner(socketPath(name));
  if (pid !== undefined) service.tell({ MAINPID: pid, READY: 1, STATUS: `${name} is up` });
  service.close();
}
