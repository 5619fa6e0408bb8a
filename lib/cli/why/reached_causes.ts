/**
 * What can be wrong with a peer whose handshakes complete.
 * @module
 */
import { formatIp, formatRange, parseEndpoint, parseIp } from "../../base/ip_text.ts";
import { sameBytes } from "../../base/endpoint.ts";
import { ALTERNATION_MS } from "../../base/evidence.ts";
import { ANSWER_MS, ownerOf, type PeerView } from "./facts.ts";
import { pathSaysOfData } from "./path_causes.ts";
import { unsentReason } from "./unsent.ts";
import { ago, often, shownName, type Verdict } from "./verdict.ts";

type Cause = (view: PeerView) => Verdict | undefined;

/** How long ago that may be which makes a warning. */
const CALLED_MS = 3_600_000;

/** So many returns in a row to the endpoint before the last one are no roaming. */
const RETURNS_MIN = 4;

/** The causes. */
export const REACHED_CAUSES: readonly Cause[] = [
  innerSourceRefused,
  ownSource,
  noRanges,
  dataUnsent,
  pathSaysOfData,
  dataUnanswered,
  noDataBack,
  alternates,
  onlyPeerCanCall,
  tooLargeMtu,
  unrouted,
];

function innerSourceRefused(view: PeerView): Verdict | undefined {
  const refused = view.recent("rx_unallowed_source");
  if (refused === undefined) return undefined;
  const address = parseIp(refused.detail);
  const owner = address === undefined ? undefined : ownerOf(view.facts.status, address);
  // It has got the range since.
  if (owner?.peer === view.peer) return undefined;
  const ranges = view.peer.allowedIps.map(formatRange).join(", ") || "none";
  return {
    cause: "inner-source-not-allowed",
    level: "broken",
    says:
      `It sends packets with the source ${refused.detail}, which it may not use; they are dropped.`,
    evidence: [
      `such packets: ${view.count("rx_unallowed_source")}, the last one ${ago(refused.ageMs)}`,
      `its allowed IPs: ${ranges}`,
      owner === undefined
        ? "no peer may use that source"
        : `the range ${formatRange(owner.range)} of ${shownName(owner.peer)} has that source`,
    ],
    likely: [
      owner === undefined
        ? "a range is missing from its allowed IPs"
        : "the range belongs to this peer, or the other one's is too wide",
    ],
    next: [
      `ifconfig ${view.facts.name} wgpeer ${view.peer.publicKey.toBase64()} with all its wgaip`,
      "or give the peer's interface the address that it is to use",
    ],
  };
}

/** A warning, because a peer may be meant to wait until it gets the ranges of another. */
function noRanges({ peer, facts }: PeerView): Verdict | undefined {
  if (peer.allowedIps.length > 0) return undefined;
  return {
    cause: "no-ranges",
    level: "warning",
    says: "It has no allowed IPs: no packets are sent to it, and those that it sends are dropped.",
    evidence: [],
    likely: ["its wgaip is missing", "another peer has got its range: a range has one peer"],
    next: [`ifconfig ${facts.name} wgpeer ${peer.publicKey.toBase64()} wgaip RANGE`],
  };
}

function ownSource(view: PeerView): Verdict | undefined {
  const refused = view.recent("rx_own_source");
  if (refused === undefined) return undefined;
  return {
    cause: "inner-source-is-ours",
    level: "broken",
    says: `It sends packets with the source ${refused.detail}, an address of this machine.`,
    evidence: [`such packets: ${view.count("rx_own_source")}, the last one ${ago(refused.ageMs)}`],
    likely: ["both sides have the same inner address"],
    next: ["give one of the two interfaces another address"],
  };
}

function dataUnsent(view: PeerView): Verdict | undefined {
  const failed = view.recent("tx_send_failed");
  if (failed === undefined || view.age("received") < failed.ageMs) return undefined;
  return unsentReason(view, failed, "data");
}

/** Data was sent, nothing came for 15 s, and then a handshake worked all the same. */
function dataUnanswered(view: PeerView): Verdict | undefined {
  const { peer } = view;
  const silent = view.recent("handshake_unanswered");
  const isSilent = silent !== undefined && view.age("received") > silent.ageMs;
  if (!isSilent && view.silentMs < ANSWER_MS) return undefined;
  if (view.age("handshake_completed") === Infinity) return undefined;
  const tooBig = tooLargeMtu(view);
  return {
    cause: tooBig === undefined ? "no-data" : "mtu-too-large",
    level: "broken",
    says: "Handshakes work, and data that is sent gets no answer, not even a keepalive.",
    evidence: [
      `the last handshake completed ${ago(view.age("handshake_completed"))}`,
      silent === undefined
        ? `data without an answer since: ${ago(view.silentMs)}`
        : `handshakes begun because data got no answer: ${view.count("handshake_unanswered")}`,
      `data and keepalives last received: ${ago(view.age("received"))}`,
      ...(tooBig?.evidence ?? []),
    ],
    likely: [
      ...(tooBig?.likely ?? []),
      "a firewall on the way lets small or few datagrams pass only",
      "two machines use the peer's private key, and its answers go to the other one",
    ],
    next: tooBig?.next ?? [
      `wg mtu ${view.facts.name} ${peer.publicKey.toBase64()}`,
      `ping -s 64, then -s 1300, an address in ${
        peer.allowedIps.map(formatRange)[0] ?? "its range"
      }`,
    ],
  };
}

function noDataBack(view: PeerView): Verdict | undefined {
  const sent = view.recent("data_sent");
  const received = view.recent("received");
  if (sent === undefined || received === undefined) return undefined;
  if (view.age("data_received") !== Infinity || view.count("rx_keepalives") === 0) return undefined;
  return {
    cause: "no-data-back",
    level: "broken",
    says: "The peer gets our data, as its keepalives show, and has never sent any data back.",
    evidence: [
      `data was sent ${ago(sent.ageMs)}`,
      `keepalives received: ${view.count("rx_keepalives")}, the last packet ${ago(received.ageMs)}`,
    ],
    likely: [
      "our inner address is not in the allowed IPs that the peer has for us",
      "the peer has no route back into its tunnel, does not forward, or its firewall refuses",
    ],
    next: ["on the peer: wg why, its routes, and net.ipv4.ip_forward if the target is behind it"],
  };
}

/**
 * A peer that roams, and a NAT that changes its port, move on. A warning, because one machine with
 * two ways may do so too, and works.
 */
function alternates(view: PeerView): Verdict | undefined {
  const back = view.last("endpoint_alternated");
  if (back === undefined || back.count < RETURNS_MIN || back.ageMs > ALTERNATION_MS) {
    return undefined;
  }
  return {
    cause: "endpoint-alternates",
    level: "warning",
    says: `It sends from two endpoints in turn: ${back.who} and ${back.detail}.`,
    evidence: [`times that it came back to the one before: ${often(back)}`],
    likely: [
      "two machines use its private key at the same time, and each takes the other one's packets",
      "its packets take two ways in turn, as through two providers",
    ],
    next: ["give each machine a private key of its own, and a peer here"],
  };
}

/** Our handshakes failed, and then the peer began one: the silence ended when it sent. */
function onlyPeerCanCall(view: PeerView): Verdict | undefined {
  const called = view.last("called_first");
  const { endpoint } = view.peer;
  const before = called === undefined ? undefined : parseEndpoint(called.detail);
  if (called === undefined || called.ageMs > CALLED_MS) return undefined;
  if (before === undefined || endpoint === undefined) return undefined;
  // One that has moved to another network could not be reached either.
  if (!sameBytes(before.address, endpoint.address)) return undefined;
  return {
    cause: "keepalive-missing",
    level: "warning",
    says: "It works now, but it could not be reached until it sent something itself.",
    evidence: [
      `our initiations to ${called.detail} got no response`,
      `it began a handshake itself ${ago(called.ageMs)}, from ${called.who}`,
      ...(before.port === endpoint.port
        ? []
        : [`a NAT has changed its port from ${before.port} to ${endpoint.port}`]),
    ],
    likely: ["it is behind a NAT or firewall that forgets it when it is silent"],
    next: ["on the peer, set a persistent keepalive for this machine: wgpka 25"],
  };
}

function tooLargeMtu(view: PeerView): Verdict | undefined {
  const { status } = view.facts;
  const tunnel = status.link?.mtu ?? status.mtu;
  const route = view.facts.outer.get(view.peer);
  const error = view.pathError;
  const told = error?.problem === "too-big" && error.ageMs <= CALLED_MS ? error.mtu : 0;
  const path = Math.min(...[route?.mtu ?? 0, told].filter((mtu) => mtu > 0));
  if (!Number.isFinite(path) || tunnel + view.overhead <= path) return undefined;
  const fits = Math.max(path - view.overhead, 0);
  return {
    cause: "mtu-too-large",
    level: "warning",
    says: told === path
      ? `The MTU of the tunnel, ${tunnel}, is too large for the path, if an ICMP error is true.`
      : `The MTU of the tunnel, ${tunnel}, is too large for the path, which takes ${path} bytes.`,
    evidence: [
      `${tunnel} and ${view.overhead} bytes of headers are ${tunnel + view.overhead}`,
      told > 0 && told === path
        ? `${error?.offender || "a router"} says by ICMP that the path takes ${path} bytes: ${
          ago(error?.ageMs ?? 0)
        }`
        : `the route through ${route?.through ?? "?"} has the MTU ${path}`,
    ],
    likely: ["large packets are sent in fragments, which many firewalls drop"],
    next: [
      fits >= 1280
        ? `ifconfig ${view.facts.name} mtu ${fits}`
        : `ifconfig ${view.facts.name} mtu 1280: IPv6 takes no less, and the path must carry fragments`,
    ],
  };
}

function unrouted(view: PeerView): Verdict | undefined {
  const range = view.facts.unrouted.get(view.peer);
  if (range === undefined) return undefined;
  return {
    cause: "not-routed-here",
    level: "warning",
    says: `Packets to ${
      formatRange(range)
    } do not go into ${view.facts.name}: no route leads there.`,
    evidence: [`the kernel's route to ${formatIp(range.address)} leaves by another interface`],
    likely: ["no route was made for this range of its allowed IPs"],
    next: [`route add ${formatRange(range)} -iface ${view.facts.name}`],
  };
}
