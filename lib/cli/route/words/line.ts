/**
 * What a command line of route(8) asks for, as typed values.
 * @module
 */
import type { IpBytes } from "../../../base/endpoint.ts";
import type {
  Destination,
  DestinationModifiers,
  Family,
  Gateway,
  HostName,
} from "./destination.ts";

/** `add`, `change` and `delete`, as far as they need no names. */
interface ChangeWords {
  readonly type: "add" | "change" | "delete";
  readonly kind: "unicast" | "blackhole" | "unreachable";
  /** `-ifp NAME`: the interface to leave by, beside a gateway. */
  readonly interfaceName: string | undefined;
  /** `-ifa ADDRESS`: the source address to prefer. */
  readonly source: IpBytes | undefined;
  /** `-priority N`: the route's metric. */
  readonly priority: number | undefined;
  readonly mtu: number | undefined;
}

/** `add`, `change` and `delete`. */
export interface RouteChangeCommand extends ChangeWords {
  readonly destination: Destination;
  /**
   * Undefined when `change` keeps what the route has, when `delete` takes any, and for packets that
   * go nowhere.
   */
  readonly gateway: Gateway | undefined;
}

/** The same while hosts may stand by their names. */
export interface RouteChangeDraft extends ChangeWords {
  readonly destination: Destination | HostName;
  readonly gateway: Gateway | HostName | undefined;
  readonly modifiers: DestinationModifiers;
}

/** `get`, for a destination of one kind or the other. */
interface Get<D> {
  readonly type: "get";
  readonly destination: D;
}

/** The commands that name no host. */
type PlainCommand =
  | {
    readonly type: "show";
    readonly family: Family | undefined;
    /** `-gateway`: only routes by this one, or by any. */
    readonly gateway: IpBytes | "any" | undefined;
    readonly priority: number | undefined;
  }
  | {
    readonly type: "flush";
    readonly family: Family | undefined;
    readonly interfaceName: string | undefined;
    readonly priority: number | undefined;
  }
  | { readonly type: "exec"; readonly command: readonly string[] };

/** What route(8) is asked to do. */
export type RouteCommand = RouteChangeCommand | Get<Destination> | PlainCommand;

/** The same while hosts may stand by their names. */
export type CommandDraft =
  | RouteChangeDraft
  | Get<Destination | HostName> & { readonly family: Family | undefined }
  | PlainCommand;

interface LineOf<C> {
  /** `-T N`; undefined is the rdomain the command was started in. */
  readonly rtable: number | undefined;
  /** `-q`: print nothing. */
  readonly quiet: boolean;
  readonly json: boolean;
  readonly command: C;
}

/** A whole command line. */
export type RouteLine = LineOf<RouteCommand>;

/** A whole command line whose names are not looked up yet. */
export type RouteDraft = LineOf<CommandDraft>;
