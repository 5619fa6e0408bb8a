/**
 * Whether a link exists.
 * @module
 */
import { RouteSocket } from "../route_socket.ts";

/** Whether the calling thread's network namespace has a link of this name. @throws OsError */
export function interfaceExists(name: string): boolean {
  using routes = RouteSocket.open();
  return routes.link(name) !== undefined;
}
