/**
 * What can be the matter with a whole interface, in the order in which it is shown. A cause that is
 * `broken` holds for every peer.
 * @module
 */
import type { Evidence } from "../../base/evidence.ts";
import { parseEndpoint, parseIp } from "../../base/ip_text.ts";
import { sameBytes } from "../../base/endpoint.ts";
import { keepsEvidence } from "../../base/status.ts";
import { type Facts, isPeerKey, isUp, ownerOf, PeerView, RECENT_MS } from "./facts.ts";
import { ago, often, type Verdict } from "./verdict.ts";

type InterfaceCause = (facts: Facts) => Verdict | readonly Verdict[] | undefined;

/** The most strangers that are shown. */
const STRANGERS_SHOWN = 4;

/** The causes. */
export const INTERFACE_CAUSES: readonly InterfaceCause[] = [
  ({ name, status, isLinkUp }) => {
    const told = keepsEvidence(status) ? status.up : isLinkUp ?? true;
    if (status.link === undefined ? told : isUp(status.link)) return undefined;
    return {
      cause: "interface-down",
      level: "broken",
      says: `The interface ${name} is down.`,
      evidence: ["the kernel's flags of the link do not have UP"],
      likely: [],
      next: [`ifconfig ${name} up`],
    };
  },
  ({ name, status }) =>
    !keepsEvidence(status) || status.publicKey !== undefined ? undefined : {
      cause: "no-private-key",
      level: "broken",
      says: `The interface ${name} has no private key, so no handshake can be made.`,
      evidence: countLine(
        status.counters?.handshake_no_private_key,
        "messages came and were dropped",
      ),
      likely: [],
      next: [`ifconfig ${name} wgkey "$(wg genkey)"`],
    },
  ({ name, status }) => {
    if (status.peers.length > 0) return undefined;
    return {
      cause: "no-peers",
      level: "warning",
      says: `The interface ${name} has no peers.`,
      evidence: [],
      likely: [],
      next: [`ifconfig ${name} wgpeer PUBLIC-KEY wgaip RANGE`],
    };
  },
  (facts) =>
    recent(facts, "handshake_unknown_peer", ({ detail }) => !isPeerKey(facts.status, detail))
      .map((one): Verdict => ({
        cause: "stranger",
        level: "warning",
        says:
          `Somebody at ${one.who} wants a handshake, with the public key ${one.detail}, which is ` +
          "no peer of this interface.",
        evidence: [`initiations from there with this key: ${often(one)}`],
        likely: ["the peer is not configured here", "it has a new key"],
        next: [`if it is to be a peer: ifconfig ${facts.name} wgpeer ${one.detail} wgaip RANGE`],
      })),
  (facts) =>
    recent(facts, "handshake_mac1_wrong", (one) => !isToldWithPeer(facts, one))
      .map((one): Verdict => ({
        cause: "not-for-our-key",
        level: "warning",
        says: `Somebody at ${one.who} sends handshake messages for another public key than ours.`,
        evidence: [`such messages from there: ${often(one)}`],
        likely: ["the other side has a wrong public key for this interface"],
        next: [
          `the other side must have ${facts.status.publicKey?.toBase64() ?? "our key"} as the ` +
          "public key of this peer",
        ],
      })),
  (facts) =>
    recent(facts, "tx_no_peer", ({ detail }) => isOfNobody(facts, detail)).map((one): Verdict => ({
      cause: "destination-of-no-peer",
      level: "warning",
      says: `Packets to ${one.detail} are dropped: it is in no peer's allowed IPs.`,
      evidence: [`such packets: the last one ${ago(one.ageMs)}`],
      likely: ["the range is missing from the allowed IPs of the peer that has this address"],
      next: [`ifconfig ${facts.name} wgpeer PUBLIC-KEY wgaip RANGE, with all ranges of the peer`],
    })),
];

/** The newest recent evidence of a kind that still holds. */
function recent(
  { status }: Facts,
  kind: Evidence["kind"],
  holds: (one: Evidence) => boolean,
): readonly Evidence[] {
  return (status.evidence ?? [])
    .filter((one) => one.kind === kind && one.ageMs <= RECENT_MS && holds(one))
    .toSorted((a, b) => a.ageMs - b.ageMs)
    .slice(0, STRANGERS_SHOWN);
}

/**
 * Whether a message for another key concerns a peer: it came from its endpoint, is told with it, or
 * is older than the last handshake with its address. Clients behind one NAT have one address, so
 * the address alone does not tell.
 */
function isToldWithPeer(facts: Facts, { who, ageMs }: Evidence): boolean {
  const address = parseEndpoint(who)?.address;
  return address !== undefined && facts.status.peers.some((peer) => {
    if (peer.endpoint === undefined || !sameBytes(peer.endpoint.address, address)) return false;
    const view = new PeerView(facts, peer);
    return view.endpoint === who || view.wrongKeyMessage?.who === who ||
      view.completedMs <= ageMs;
  });
}

/**
 * Whether an address is in no peer's allowed IPs now. That of a group or of everybody does not
 * count: programs send there by themselves.
 */
function isOfNobody({ status }: Facts, text: string): boolean {
  const address = parseIp(text);
  if (address === undefined) return true;
  const isToMany = address.length === 4
    ? address[0] >= 224 || address[3] === 255
    : address[0] === 0xff || address[0] === 0xfe && (address[1] & 0xc0) === 0x80;
  return !isToMany && ownerOf(status, address) === undefined;
}

const countLine = (count: number | undefined, what: string) =>
  count === undefined || count === 0 ? [] : [`${count} ${what}`];
