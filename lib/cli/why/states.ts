/**
 * The states of a peer with which nothing is the matter. The last one always applies.
 * @module
 */
import { parseEndpoint } from "../../base/ip_text.ts";
import { sameBytes } from "../../base/endpoint.ts";
import { keepsEvidence } from "../../base/status.ts";
import { KEEPALIVE_TIMEOUT_MS } from "../../base/constants.ts";
import { type PeerView, RECENT_MS } from "./facts.ts";
import { ago, often, type Verdict } from "./verdict.ts";

/** How long a keepalive may be under way. */
const KEEPALIVE_DELAY_MS = 1_000;
/** How far the times of two events may lie apart that one packet made. */
const SAME_PACKET_MS = 1_000;

const well = (cause: string, says: string, evidence: readonly string[] = []): Verdict => ({
  cause,
  level: "well",
  says,
  evidence,
  likely: [],
  next: [],
});

/** The states. */
export const STATES: readonly ((view: PeerView) => Verdict | undefined)[] = [
  (view) => {
    const sent = view.fresh("handshake_initiation_sent");
    if (sent === undefined || !view.isTrying) return undefined;
    return well("handshake-under-way", "A handshake is under way.", [
      `an initiation was sent to ${sent.who}: ${often(sent)}`,
    ]);
  },
  (view) => {
    const { silentMs } = view;
    const received = view.age("received");
    // One way alone is well for 10 s, after which the peer owes a keepalive.
    const isLate = silentMs > KEEPALIVE_TIMEOUT_MS + KEEPALIVE_DELAY_MS;
    if (silentMs === 0 || received !== Infinity && !isLate) return undefined;
    return well(
      "answer-awaited",
      received === Infinity
        ? "The handshake is done, and data that was sent since has no answer yet."
        : "It has worked, and data that was sent since has no answer yet.",
      [
        `the last handshake completed ${ago(view.completedMs)}`,
        `data without an answer since: ${ago(silentMs)}`,
        `data and keepalives last received: ${ago(received)}`,
      ],
    );
  },
  (view) => {
    const moved = view.recent("endpoint_moved");
    const before = moved === undefined ? undefined : parseEndpoint(moved.detail);
    const after = moved === undefined ? undefined : parseEndpoint(moved.who);
    if (moved === undefined || before === undefined || after === undefined) return undefined;
    // An initiation moves the endpoint, and does not show that it works from there.
    if (view.age("received") > moved.ageMs + SAME_PACKET_MS) return undefined;
    const isNat = sameBytes(before.address, after.address);
    return well(
      isNat ? "nat-changed-port" : "roamed",
      isNat
        ? "It works. A NAT has changed its port."
        : "It works. It has moved to another address.",
      [`from ${moved.detail} to ${moved.who}, ${ago(moved.ageMs)}`, ...lives(view)],
    );
  },
  (view) => {
    const { endpoint, endpointName, lastHandshakeUnixMs } = view.peer;
    if (endpoint === undefined && endpointName !== undefined) {
      return well(
        "name-looked-up",
        `The name of its endpoint, ${endpointName.host}, is looked up.`,
      );
    }
    if (lastHandshakeUnixMs !== 0) return undefined;
    const taken = view.last("handshake_initiation_accepted");
    if (taken !== undefined) {
      return well("idle", "It has begun a handshake, was answered, and has not gone on yet.", [
        `initiations from ${taken.who} that were answered: ${often(taken)}`,
      ]);
    }
    const tried = view.last("handshake_no_endpoint");
    const says = tried === undefined
      ? "No handshake was wanted yet: nothing was to be sent."
      : "It has not called yet, and nothing is to be sent now.";
    return well("idle", says, [
      endpoint === undefined
        ? "it has no endpoint, and is to call first"
        : `its endpoint is ${view.endpoint}`,
      ...(tried === undefined ? [] : [`handshakes that could not begin: ${often(tried)}`]),
    ]);
  },
  (view) => {
    const isIdle = view.completedMs > RECENT_MS;
    const cause = isIdle ? "idle" : "works";
    // The response of a handshake shows less than a packet. Other programs tell of no packets.
    return keepsEvidence(view.facts.status) && view.last("received") === undefined
      ? well(cause, "Handshakes work, and no packet has come yet.", lives(view))
      : well(cause, isIdle ? "It works, and is idle." : "It works.", lives(view));
  },
];

/**
 * What shows that it works, and which initiations were refused all the same. The process of another
 * implementation does not tell when packets came.
 */
function lives(view: PeerView): readonly string[] {
  const received = view.last("received");
  const replayed = view.fresh("handshake_replayed");
  return [
    `the last handshake completed ${ago(view.completedMs)}`,
    ...(received === undefined ? [] : [`the last packet came ${ago(received.ageMs)}`]),
    ...(replayed === undefined
      ? []
      : [`old initiations from ${replayed.who} that were refused as replays: ${often(replayed)}`]),
  ];
}
