/**
 * The content of a command line of route(8) as typed values.
 * @module
 */
import type { IpBytes } from "../../../base/endpoint.ts";
import type { RuleRequest } from "../../../netlink/rule.ts";
import type {
  Destination,
  DestinationModifiers,
  Family,
  Gateway,
  HostName,
  ScopedAddress,
} from "./destination.ts";

/** The parts of `add`, `change` and `delete` without addresses. */
interface ChangeWords {
  readonly type: "add" | "change" | "delete";
  readonly kind: "unicast" | "blackhole" | "unreachable";
  /** `-ifp NAME`: the interface through which packets leave, besides a gateway. */
  readonly interfaceName: string | undefined;
  /** `-ifa ADDRESS`: the preferred source address. */
  readonly source: IpBytes | undefined;
  /** `-priority N`: the metric of the route. */
  readonly priority: number | undefined;
  readonly mtu: number | undefined;
  /** `-table TABLE`: the number or name of the table; undefined for the main one. */
  readonly table: string | undefined;
}

/** The commands `add`, `change` and `delete`. */
export interface RouteChangeCommand extends ChangeWords {
  readonly destination: Destination;
  /**
   * The gateway; undefined if `change` keeps the current one, if `delete` takes any, and for routes
   * that drop packets.
   */
  readonly gateway: Gateway | undefined;
}

/** The commands `add`, `change` and `delete` with names of hosts. */
export interface RouteChangeDraft extends ChangeWords {
  readonly destination: Destination | HostName;
  readonly gateway: Gateway | HostName | undefined;
  readonly modifiers: DestinationModifiers;
}

/** The command `get`. */
interface Get<D> {
  readonly type: "get";
  readonly destination: D;
}

/** The command `rule`. */
export interface RuleCommand {
  readonly type: "rule";
  readonly verb: "add" | "delete" | "show";
  /** The rule without its table; of `show` only the family. */
  readonly rule: Omit<RuleRequest, "family" | "table"> & { readonly family: Family | undefined };
  /** The number or name of the table. */
  readonly table: string | undefined;
}

/** The commands without names of hosts. */
type PlainCommand =
  | {
    readonly type: "show";
    readonly family: Family | undefined;
    /** `-gateway`: the gateway of the routes to show, or any gateway. */
    readonly gateway: ScopedAddress | "any" | undefined;
    readonly priority: number | undefined;
    readonly table: string | undefined;
  }
  | {
    readonly type: "flush";
    readonly family: Family | undefined;
    readonly interfaceName: string | undefined;
    readonly priority: number | undefined;
    readonly table: string | undefined;
  }
  | RuleCommand
  | { readonly type: "exec"; readonly command: readonly string[] };

/** A command of route(8). */
export type RouteCommand = RouteChangeCommand | Get<Destination> | PlainCommand;

/** A command of route(8) with names of hosts. */
export type CommandDraft =
  | RouteChangeDraft
  | Get<Destination | HostName> & { readonly family: Family | undefined }
  | PlainCommand;

interface LineOf<C> {
  /** The rdomain of `-T N`; undefined for the one in which the command was started. */
  readonly rtable: number | undefined;
  /** `-q`: print nothing. */
  readonly quiet: boolean;
  readonly json: boolean;
  readonly command: C;
}

/** A whole command line. */
export type RouteLine = LineOf<RouteCommand>;

/** A whole command line with names of hosts. */
export type RouteDraft = LineOf<CommandDraft>;
