/**
 * What a diagnosis is made from: the status of an interface with its evidence, and what the kernel
 * tells about routes. `PeerView` reads it for one peer. It is pure; gather.ts asks the kernel.
 * @module
 */
import type { PeerStatus } from "../../base/config.ts";
import { REJECT_AFTER_TIME_MS } from "../../base/constants.ts";
import type { PeerCounterName } from "../../base/counters.ts";
import { type AllowedIp, type IpBytes, sameBytes } from "../../base/endpoint.ts";
import {
  type Evidence,
  type InterfaceEvidenceKind,
  parsePathError,
  type PathError,
  type PeerEvidenceKind,
} from "../../base/evidence.ts";
import { formatEndpoint, maskAddress, parseEndpoint } from "../../base/ip_text.ts";
import type { InterfaceStatus } from "../../base/status.ts";

/** The kernel's route for the tunnel's datagrams to a peer. */
export interface OuterRoute {
  /** The interface that they leave by. */
  readonly through: string;
  /** The largest packet of the route and its interface, in bytes; 0 when it is not known. */
  readonly mtu: number;
}

/** What is known of one interface. */
export interface Facts {
  readonly name: string;
  readonly status: InterfaceStatus;
  /** Whether the link is up, where the process of another implementation does not tell. */
  readonly isLinkUp?: boolean;
  /** When the status was read: Unix time in ms. */
  readonly unixMs: number;
  /** The routes to the peers' endpoints. A peer is absent when the kernel could not be asked. */
  readonly outer: ReadonlyMap<PeerStatus, OuterRoute>;
  /** The first allowed IP range of a peer whose packets do not go to the interface. */
  readonly unrouted: ReadonlyMap<PeerStatus, AllowedIp>;
  /** The addresses of this machine, as text. */
  readonly ownAddresses: ReadonlySet<string>;
}

const IFF_UP = 1;

/** Whether the kernel's flags of a link have UP. */
export const isUp = ({ flags }: { readonly flags: number }): boolean => (flags & IFF_UP) !== 0;

/** How long evidence of a fault counts for a peer whose handshakes work. */
export const RECENT_MS = 180_000;
/** How long ago a peer may have been heard whose session works: a persistent keepalive and more. */
const HEARD_MS = 30_000;
/** How long data may be without an answer. The peer owes a keepalive after 10 s. */
export const ANSWER_MS = 15_000;
/** How long an initiation or data may be under way before something may explain the silence. */
export const PATIENCE_MS = 5_000;

/** The facts as they concern one peer. */
export class PeerView {
  readonly #evidence: ReadonlyMap<PeerEvidenceKind, Evidence>;

  constructor(readonly facts: Facts, readonly peer: PeerStatus) {
    this.#evidence = new Map(
      (peer.evidence ?? []).map((one) => [one.kind as PeerEvidenceKind, one]),
    );
  }

  /** The last event of a kind. */
  last(kind: PeerEvidenceKind): Evidence | undefined {
    return this.#evidence.get(kind);
  }

  /** How long ago that was, in ms; Infinity for never. */
  age(kind: PeerEvidenceKind): number {
    return this.last(kind)?.ageMs ?? Infinity;
  }

  /** The last event of a kind, if no handshake has completed since. */
  fresh(kind: PeerEvidenceKind): Evidence | undefined {
    const last = this.last(kind);
    return last !== undefined && last.ageMs < this.age("handshake_completed") ? last : undefined;
  }

  /** The last event of a kind, if it happened within RECENT_MS. */
  recent(kind: PeerEvidenceKind): Evidence | undefined {
    const last = this.last(kind);
    return last !== undefined && last.ageMs <= RECENT_MS ? last : undefined;
  }

  count(counter: PeerCounterName): number {
    return this.peer.counters?.[counter] ?? 0;
  }

  /** Whether there is a preshared key here. */
  get hasPresharedKey(): boolean {
    return this.peer.hasPresharedKey ?? this.peer.presharedKey.some((byte) => byte !== 0);
  }

  /** The peer's endpoint as text; empty when there is none. */
  get endpoint(): string {
    return this.peer.endpoint === undefined ? "" : formatEndpoint(this.peer.endpoint);
  }

  /** How long ago the last handshake completed, also where there is no evidence. */
  get completedMs(): number {
    const age = this.age("handshake_completed");
    const { lastHandshakeUnixMs } = this.peer;
    if (age !== Infinity || lastHandshakeUnixMs === 0) return age;
    return Math.max(0, this.facts.unixMs - lastHandshakeUnixMs);
  }

  /** How long ago the last handshake was begun, or could not be begun. */
  get triedMs(): number {
    return Math.min(
      this.age("handshake_initiation_sent"),
      this.age("handshake_send_failed"),
      this.age("handshake_no_endpoint"),
      this.age("handshake_weak_key"),
    );
  }

  /** Whether a handshake is wanted, or was given up, and none has completed since. */
  get isTrying(): boolean {
    return this.triedMs < this.age("handshake_completed");
  }

  /** Whether the peer has had its time to answer. */
  get isUnanswered(): boolean {
    if (!this.isTrying) return false;
    return this.fresh("handshake_retried") !== undefined ||
      this.fresh("handshake_given_up") !== undefined || this.triedMs > PATIENCE_MS;
  }

  /** How long data waits for an answer of any kind, in ms; 0 when none waits. */
  get silentMs(): number {
    return this.last("data_unanswered")?.ageMs ?? 0;
  }

  /**
   * Whether a session works: the peer was heard lately, and neither data nor an initiation waits
   * too long for an answer. What strangers may forge or replay does not count against it.
   */
  get hasSession(): boolean {
    const heardMs = Math.min(this.age("received"), this.completedMs);
    return this.completedMs <= REJECT_AFTER_TIME_MS && heardMs <= HEARD_MS &&
      this.silentMs < ANSWER_MS && !this.isUnanswered;
  }

  /**
   * Whether the endpoint is where a message of the peer came from, after another one or none.
   * It may be the configured one too, to which the peer has come back.
   */
  get isLearned(): boolean {
    return this.endpoint !== "" &&
      (this.last("endpoint_learned")?.who === this.endpoint ||
        this.last("endpoint_moved")?.who === this.endpoint);
  }

  /**
   * Evidence of the interface whose other end is the peer's endpoint, with the same port first. A
   * NAT may change the port, so the address is enough where no other peer has it. Void is what is
   * older than a message of the peer itself.
   */
  atEndpoint(kind: InterfaceEvidenceKind): Evidence | undefined {
    const { peer, facts: { status } } = this;
    const { endpoint } = peer;
    if (endpoint === undefined) return undefined;
    const heardMs = Math.min(
      this.age("handshake_completed"),
      this.age("handshake_initiation_accepted"),
    );
    const isShared = status.peers.some((other) =>
      other !== peer && other.endpoint && sameBytes(other.endpoint.address, endpoint.address)
    );
    const isThere = ({ who }: Evidence) =>
      who === this.endpoint ||
      !isShared && sameBytes(parseEndpoint(who)?.address ?? NOTHING, endpoint.address);
    return (status.evidence ?? [])
      .filter((one) => one.kind === kind && one.ageMs < heardMs && isThere(one))
      .toSorted((a, b) =>
        Number(b.who === this.endpoint) - Number(a.who === this.endpoint) || a.ageMs - b.ageMs
      )[0];
  }

  /**
   * A recent message for another public key than ours from the peer's endpoint. It tells nothing
   * against a session that may be in use, and anybody may send it, so a peer that has been reached
   * before and waits for nothing must have sent it from its very port.
   */
  get wrongKeyMessage(): Evidence | undefined {
    const sent = this.atEndpoint("handshake_mac1_wrong");
    if (sent === undefined || this.hasSession) return undefined;
    if (sent.ageMs > RECENT_MS) return undefined;
    if (this.isUnanswered) return sent;
    const isUsual = sent.who === this.endpoint && this.completedMs > REJECT_AFTER_TIME_MS;
    return this.completedMs === Infinity || isUsual ? sent : undefined;
  }

  /** The last ICMP error for the peer's endpoint. */
  get pathError(): PathError & Evidence | undefined {
    const found = (this.facts.status.evidence ?? []).find((one) =>
      one.kind === "udp_icmp_errors" && one.who === this.endpoint
    );
    return found && { ...found, ...parsePathError(found.detail) };
  }

  /** The bytes that the tunnel adds to a packet: headers of IP, UDP and WireGuard, and the tag. */
  get overhead(): number {
    return this.peer.endpoint?.address.length === 16 ? 80 : 60;
  }
}

const NOTHING: IpBytes = new Uint8Array();

/** The peer whose allowed IPs contain an address, by the longest prefix, and the range. */
export function ownerOf(
  status: InterfaceStatus,
  address: IpBytes,
): { readonly peer: PeerStatus; readonly range: AllowedIp } | undefined {
  let found: { peer: PeerStatus; range: AllowedIp } | undefined;
  for (const peer of status.peers) {
    for (const range of peer.allowedIps) {
      const isInside = range.address.length === address.length &&
        sameBytes(maskAddress(address, range.prefix), range.address);
      if (isInside && range.prefix >= (found?.range.prefix ?? 0)) found = { peer, range };
    }
  }
  return found;
}

/** Whether a peer has this public key now, in base64. */
export const isPeerKey = ({ peers }: InterfaceStatus, text: string): boolean =>
  peers.some(({ publicKey }) => publicKey.toBase64() === text);
