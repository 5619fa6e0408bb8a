/**
 * What ICMP errors say about the path to a peer. Anybody can forge them, so they explain why
 * something is not answered, and are nothing by themselves.
 * @module
 */
import type { Evidence, PathError } from "../../base/evidence.ts";
import { ANSWER_MS, PATIENCE_MS, type PeerView } from "./facts.ts";
import { addressOf, ago, broken, natClosed, often, sentLine, type Verdict } from "./verdict.ts";

/** What each problem says, what is behind it, and what to do. */
const PATH_PROBLEMS = {
  "port-unreachable": [
    "port-refused",
    "no program listens on that port",
    "look whether the interface runs there and has this wgport",
  ],
  "host-unreachable": [
    "host-unreachable",
    "the machine is off, or its address has changed",
    "look whether the address is right and the machine is on",
  ],
  "net-unreachable": [
    "net-unreachable",
    "a router on the way has no route to that address",
    "look at the routes of that router",
  ],
  "prohibited": [
    "prohibited",
    "a firewall on the way refuses it",
    "allow UDP to that port there",
  ],
  "too-big": ["too-big", "the path takes only smaller packets", "set a smaller MTU"],
  "time-exceeded": [
    "too-many-hops",
    "routers on the way send the packets in a circle, or the route has a small hop limit",
    "traceroute -U to that address",
  ],
  "other": ["icmp-error", "a host on the way cannot process the packets", "tcpdump icmp"],
} as const;

/** Handshakes are not answered, and ICMP errors tell why. */
export function pathSays(view: PeerView): Verdict | undefined {
  const error = view.pathError;
  if (error === undefined || !view.isUnanswered) return undefined;
  if (error.ageMs >= view.age("handshake_completed")) return undefined;
  return explain(view, error, sentLine(view));
}

/**
 * Data of an established session is not answered, and ICMP errors since tell why. The peer owes an
 * answer after 10 s only, so before ANSWER_MS it is a warning.
 */
export function pathSaysOfData(view: PeerView): Verdict | undefined {
  const error = view.pathError;
  const { silentMs } = view;
  if (error === undefined || silentMs < PATIENCE_MS || error.ageMs > silentMs) return undefined;
  if (error.problem === "too-big") return undefined;
  const verdict = explain(view, error, `data without an answer since: ${ago(silentMs)}`);
  return silentMs < ANSWER_MS ? { ...verdict, level: "warning" } : verdict;
}

function explain(view: PeerView, error: PathError & Evidence, unanswered: string): Verdict {
  const { offender, problem } = error;
  const isOwn = view.facts.ownAddresses.has(offender);
  const [cause, likely, next] = PATH_PROBLEMS[error.problem];
  const evidence = [
    `ICMP errors for datagrams to ${view.endpoint}: ${often(error)}`,
    unanswered,
  ];
  if (isOwn && problem === "host-unreachable") {
    return broken(
      "no-neighbour",
      `This machine finds nobody at ${view.endpoint} on its own network.`,
      evidence,
      [
        "the machine is off, or its address has changed",
        "the prefix length of our address is wrong",
      ],
      [`ping ${addressOf(view)}`, "ip neigh"],
    );
  }
  const who = offender === ""
    ? "A host on the way"
    : offender === addressOf(view)
    ? `The machine at its endpoint, ${offender},`
    : isOwn
    ? `This machine (${offender})`
    : `${offender}, on the way,`;
  const says = `${who} says: ${view.endpoint} is ${PROBLEM_WORDS[problem]}.`;
  const isPort = problem === "port-unreachable";
  // Often the port of a NAT. The peer may have come back to the one that was configured, though.
  if (view.isLearned && (isPort || problem === "prohibited")) {
    const closed = natClosed(says, evidence);
    return { ...closed, likely: [...closed.likely, likely], next: [...closed.next, next] };
  }
  const isOurs = isOwn && !isPort;
  return broken(
    cause,
    says,
    evidence,
    [isOurs ? "a firewall or a route of this machine refuses it" : likely],
    [isOurs ? "nft list ruleset; ip rule; ip route" : next],
  );
}

const PROBLEM_WORDS = {
  "port-unreachable": "not reached, the port is refused",
  "host-unreachable": "not reached, the host is unreachable",
  "net-unreachable": "not reached, the network is unreachable",
  "prohibited": "administratively prohibited",
  "too-big": "reached by smaller packets only",
  "time-exceeded": "not reached, the packets pass too many routers",
  "other": "not reached",
} as const;
