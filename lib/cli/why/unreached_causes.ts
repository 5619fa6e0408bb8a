/**
 * Why handshakes with a peer do not complete. The order is that of a datagram: what keeps it from
 * being made, from leaving this machine, from passing the path, and from being answered. What the
 * peer's own messages show comes before what others say of it.
 * @module
 */
import { formatDate } from "../../base/date_text.ts";
import { keepsEvidence } from "../../base/status.ts";
import { isPeerKey, type PeerView, RECENT_MS } from "./facts.ts";
import { unsentReason } from "./unsent.ts";
import { pathSays } from "./path_causes.ts";
import { addressOf, ago, broken, natClosed, often, sentLine, type Verdict } from "./verdict.ts";

type Cause = (view: PeerView) => Verdict | undefined;

/** An initiation that is answered again and again, without any data, counts from here on. */
const UNUSED_RESPONSES_MIN = 2;
/** Initiations without a response, from which on the peer may be behind a NAT that is closed. */
const SILENT_MIN = 3;
/** Cookies without a response, from which on they count as a loop. */
const COOKIES_MIN = 2;

/** The causes. */
export const UNREACHED_CAUSES: readonly Cause[] = [
  disabled,
  sentInVain,
  unresolvedName,
  noEndpoint,
  weakKey,
  endpointInside,
  unsent,
  ...[
    endpointIsOurs,
    presharedKeyDiffers,
    clockBehind,
    tooMany,
    noRoom,
    otherKeyThere,
    wrongKeyThere,
    pathSays,
    cookieLoop,
    responseUnused,
    noAnswer,
  ].map(withoutSession),
];

/**
 * A cause that is shown by messages from outside. Anybody may replay an initiation, answer one that
 * was seen, or send from another's address, so it tells nothing against a session that works.
 */
function withoutSession(cause: Cause): Cause {
  return (view) => view.hasSession ? undefined : cause(view);
}

const DISABLED_REASONS = {
  hand: "by hand",
  expired: "because its date has passed",
  quota: "because its quota is used up",
} as const;

/** The command that takes away why a peer is disabled. */
const enabling = (name: string, key: string) => ({
  hand: `ifconfig ${name} wgpeer ${key} -wgdisabled`,
  expired: `ifconfig ${name} wgpeer ${key} -wgexpires`,
  quota: `wg usage ${name} ${key} --quota SIZE, with a larger one or none`,
});

/** It is meant to be so, and a warning, because the peer may not know. */
function disabled(view: PeerView): Verdict | undefined {
  const { disabled } = view.peer;
  if (disabled === undefined) return undefined;
  const refused = view.last("handshake_disabled");
  return {
    cause: "disabled",
    level: "warning",
    says: `It is disabled ${DISABLED_REASONS[disabled.reason]}, and takes part in nothing.`,
    evidence: [
      `since ${formatDate(disabled.sinceUnixMs)}`,
      ...(refused === undefined
        ? []
        : [`initiations from ${refused.who} that were refused: ${often(refused)}`]),
    ],
    likely: [],
    next: [enabling(view.facts.name, view.peer.publicKey.toBase64())[disabled.reason]],
  };
}

/** For a daemon that keeps no evidence: bytes were sent, and there was never a handshake. */
function sentInVain({ peer, facts }: PeerView): Verdict | undefined {
  if (keepsEvidence(facts.status)) return undefined;
  if (peer.lastHandshakeUnixMs !== 0 || peer.txBytes === 0) return undefined;
  return broken(
    "no-answer",
    "No handshake has ever completed.",
    [`${peer.txBytes} bytes were sent and ${peer.rxBytes} received`],
    ["the interface belongs to another implementation, which does not tell more"],
    ["on the peer: look whether the keys and the endpoint are right"],
  );
}

function unresolvedName(view: PeerView): Verdict | undefined {
  const name = view.peer.endpointName;
  if (name === undefined || name.problem === "" || name.addresses.length > 0) return undefined;
  if (view.peer.endpoint !== undefined && !view.isTrying) return undefined;
  return broken(
    "name-unresolved",
    `The name of its endpoint, ${name.host}, does not resolve: ${name.problem}.`,
    [
      view.peer.endpoint === undefined
        ? "it has no address yet"
        : `its address is ${view.endpoint}`,
    ],
    ["the name is misspelt", "no name server can be reached from here"],
    [`getent ahosts ${name.host}`, "the name is looked up again every minute by itself"],
  );
}

function noEndpoint(view: PeerView): Verdict | undefined {
  // Its name is being looked up, or has told an address that is not used yet.
  if (view.peer.endpointName !== undefined) return undefined;
  // A packet of long ago is no fault of a peer that calls when it wants to.
  const tried = [view.fresh("handshake_no_endpoint"), view.last("tx_no_endpoint")]
    .find((one) => one !== undefined && one.ageMs <= RECENT_MS);
  if (view.peer.endpoint !== undefined || tried === undefined) return undefined;
  return broken(
    "no-endpoint",
    "There is something to send, and the peer has no endpoint: nobody knows where it is.",
    [
      tried.kind === "tx_no_endpoint"
        ? `packets for it that were dropped: ${view.count("tx_no_endpoint")}, the last one ${
          ago(tried.ageMs)
        }`
        : `handshakes that could not begin: ${often(tried)}`,
    ],
    ["the peer is to call first, and has not done so", "its wgendpoint is missing"],
    ["set its wgendpoint, or have the peer send first"],
  );
}

function weakKey(view: PeerView): Verdict | undefined {
  const tried = view.fresh("handshake_weak_key");
  if (tried === undefined) return undefined;
  return broken(
    "weak-key",
    "Its public key is of small order, with which no secret can be agreed upon.",
    [`handshakes that were not begun: ${often(tried)}`],
    [],
    ["set the public key that `wg pubkey` makes from the peer's private key"],
  );
}

function endpointInside(view: PeerView): Verdict | undefined {
  const looped = view.fresh("tx_looped");
  if (looped === undefined) return undefined;
  return broken(
    "endpoint-inside-tunnel",
    `Its endpoint ${looped.who} is routed into the interface itself.`,
    [`messages that came back and were dropped: ${view.count("tx_looped")}, the last one ${
      ago(looped.ageMs)
    }`],
    ["the allowed IPs contain the endpoint, and the routes send all of them into the tunnel"],
    [
      `route add -host ${looped.who.replace(/:\d+$/, "")} GATEWAY`,
      "or `wg quick`, which keeps the tunnel's own datagrams out of it",
    ],
  );
}

function unsent(view: PeerView): Verdict | undefined {
  const failed = view.fresh("handshake_send_failed");
  // An initiation that was sent since shows that the obstacle is gone.
  if (failed === undefined || view.age("handshake_initiation_sent") < failed.ageMs) {
    return undefined;
  }
  return unsentReason(view, failed, "handshake messages");
}

/**
 * The interface gets its own initiations, which are not made for its key. A link-local address may
 * be that of another machine on another link, so it tells nothing.
 */
function endpointIsOurs(view: PeerView): Verdict | undefined {
  const { peer: { endpoint }, facts: { name, ownAddresses, status } } = view;
  if (endpoint === undefined) return undefined;
  const next = [
    `ifconfig ${name} wgpeer ${view.peer.publicKey.toBase64()} wgendpoint ADDRESS PORT, of the peer`,
  ];
  if (endpoint.address.every((byte) => byte === 0)) {
    const says = `Its endpoint, ${view.endpoint}, is the address of no machine.`;
    return broken("endpoint-unspecified", says, [], [], next);
  }
  if (endpoint.scope !== 0 || endpoint.port !== status.listenPort) return undefined;
  if (!ownAddresses.has(addressOf(view))) return undefined;
  const says = `Its endpoint, ${view.endpoint}, is this interface itself.`;
  return broken(
    "endpoint-is-ours",
    says,
    [`${
      addressOf(view)
    } is an address of this machine, and ${endpoint.port} the wgport of ${name}`],
    [],
    next,
  );
}

function presharedKeyDiffers(view: PeerView): Verdict | undefined {
  const forged = view.fresh("handshake_response_forged");
  if (forged === undefined) return undefined;
  const hasOne = view.hasPresharedKey;
  return broken(
    "preshared-key-differs",
    "The peer answers, and its response cannot be decrypted.",
    [
      `such responses from ${forged.who}: ${often(forged)}`,
      hasOne ? "a preshared key is set here" : "no preshared key is set here",
    ],
    [
      "the preshared keys differ, or only one side has one",
      "somebody who saw the initiation forges responses",
    ],
    [hasOne ? "set the same wgpsk on both sides" : "set the peer's wgpsk here, or remove it there"],
  );
}

function clockBehind(view: PeerView): Verdict | undefined {
  const old = view.fresh("handshake_replayed");
  if (old === undefined) return undefined;
  const seconds = Number(old.detail) || 0;
  return broken(
    "clock-behind",
    "Initiations with its key have an older time than an earlier one: they are refused as replays.",
    [
      `such initiations from ${old.who}: ${often(old)}`,
      `the last one is ${ago(seconds * 1000).replace(" ago", "")} behind the newest`,
    ],
    [
      "the peer's clock is behind: it has none that runs without power, or was set back",
      "somebody sends recorded initiations again",
    ],
    ["set the peer's clock", "or forget its newest time: remove the peer here and add it again"],
  );
}

function tooMany(view: PeerView): Verdict | undefined {
  const dropped = view.fresh("handshake_too_often") ?? view.atEndpoint("handshake_rate_limited");
  if (dropped === undefined) return undefined;
  return broken(
    "rate-limited",
    "It sends more initiations than are answered.",
    [`initiations from ${dropped.who} that were dropped: ${often(dropped)}`],
    [
      "two programs use its private key at the same time",
      "this machine is flooded with initiations from there",
    ],
    ["stop one of them: each peer needs a private key of its own"],
  );
}

function noRoom(view: PeerView): Verdict | undefined {
  const dropped = view.fresh("handshake_no_index");
  if (dropped === undefined) return undefined;
  return broken(
    "no-room",
    "There is no room for another session.",
    [`handshakes that were dropped: ${often(dropped)}`],
    ["this interface has too many peers, or is flooded"],
    ["divide the peers between interfaces"],
  );
}

function otherKeyThere(view: PeerView): Verdict | undefined {
  const other = view.atEndpoint("handshake_unknown_peer");
  if (other === undefined || !view.isUnanswered) return undefined;
  if (isPeerKey(view.facts.status, other.detail)) return undefined;
  return broken(
    "other-key-at-endpoint",
    `At its endpoint somebody uses the public key ${other.detail}, and not that of this peer.`,
    [`initiations from ${other.who} with that key: ${often(other)}`],
    ["the public key of the peer is wrong here", "the peer has a new private key"],
    ["compare that key with what `wg show` prints on the other side; if it is the peer's, set it"],
  );
}

function wrongKeyThere(view: PeerView): Verdict | undefined {
  const other = view.wrongKeyMessage;
  if (other === undefined) return undefined;
  const own = view.facts.status.publicKey?.toBase64() ?? "that of this interface";
  const from = other.who === view.endpoint ? "endpoint" : "address";
  const verdict = broken(
    "our-key-wrong-there",
    `Messages from the peer's ${from} are made for another public key than ours.`,
    [`such messages from ${other.who}: ${often(other)}`],
    [
      "the other side has a wrong public key for this interface",
      "somebody else sends them from there, or with that source",
    ],
    [`the other side must have ${own} as the public key of its peer`],
  );
  // Anybody can send them: no proof against a peer that owes no response.
  return view.isUnanswered ? verdict : { ...verdict, level: "warning" };
}

function cookieLoop(view: PeerView): Verdict | undefined {
  const cookie = view.fresh("cookie_accepted");
  if (cookie === undefined || cookie.count < COOKIES_MIN || !view.isUnanswered) return undefined;
  return broken(
    "cookies-in-a-loop",
    "The peer is under load and answers with cookies, and not with a response.",
    [`cookies from ${cookie.who}: ${often(cookie)}`, sentLine(view)],
    [
      "the peer is flooded with initiations",
      "a NAT gives our datagrams another port each time, for which the cookie is not valid",
    ],
    ["on the peer: wg why, and its counters handshake_under_load and handshake_mac2_wrong"],
  );
}

function responseUnused(view: PeerView): Verdict | undefined {
  const taken = view.fresh("handshake_initiation_accepted");
  if (taken === undefined || taken.count < UNUSED_RESPONSES_MIN) return undefined;
  const hasOne = view.hasPresharedKey;
  const keys = `the preshared keys differ: ${hasOne ? "one" : "none"} is set here`;
  const lost = "our responses do not reach it: a firewall on the way, or another way back";
  return broken(
    "response-unused",
    "The peer begins handshakes, we respond, and it does not go on.",
    [`initiations from ${taken.who} that were answered: ${often(taken)}`],
    hasOne ? [keys, lost] : [lost, keys],
    ["on the peer: wg why", "compare wgpsk on both sides"],
  );
}

function noAnswer(view: PeerView): Verdict | undefined {
  const { peer } = view;
  if (!view.isUnanswered || peer.endpoint === undefined) return undefined;
  const own = view.facts.status.publicKey?.toBase64() ?? "ours";
  const before = view.last("handshake_completed");
  const evidence = [
    sentLine(view),
    before === undefined
      ? "no handshake with this peer has ever completed"
      : `the last handshake completed ${ago(before.ageMs)}`,
  ];
  const moved = view.last("endpoint_moved");
  const sent = view.fresh("handshake_initiation_sent");
  const hasCalled = before?.detail === "responder" || view.last("called_first") !== undefined;
  if (before !== undefined && hasCalled && sent !== undefined && sent.count >= SILENT_MIN) {
    const says = `Nothing comes back from ${view.endpoint} since the peer itself was last heard.`;
    return natClosed(says, [
      ...evidence,
      ...(moved === undefined ? [] : [`its port has changed before: ${moved.detail}`]),
    ]);
  }
  return broken(
    "no-answer",
    `Nothing comes back from ${view.endpoint}.`,
    evidence,
    before === undefined
      ? [
        "a firewall drops the datagrams, here for those that come in, on the way, or there",
        "the peer has another public key than here, or another one for us: it answers neither",
        "we are not its peer",
        "the endpoint's address or port is wrong, or the peer is off",
      ]
      : [
        "the peer is off, or its address has changed",
        "a firewall on the way drops the datagrams now",
        "a key was changed on one side",
      ],
    [
      `on the peer: wg why; it needs a peer ${own}, and ${peer.publicKey.toBase64()} as its own key`,
      `look whether datagrams arrive there: tcpdump udp port ${peer.endpoint.port}`,
    ],
  );
}
