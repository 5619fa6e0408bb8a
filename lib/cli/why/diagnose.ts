/**
 * The diagnosis of an interface: one verdict for each peer, and those of the interface itself. It
 * is pure. The causes are tables in the order in which they are looked for: a cause that hides
 * others comes first.
 * @module
 */
import type { PeerStatus } from "../../base/config.ts";
import { INTERFACE_CAUSES } from "./interface_causes.ts";
import { type Facts, PeerView } from "./facts.ts";
import { UNREACHED_CAUSES } from "./unreached_causes.ts";
import { REACHED_CAUSES } from "./reached_causes.ts";
import { STATES } from "./states.ts";
import { type Verdict } from "./verdict.ts";

/** The verdicts about one interface. */
export interface Diagnosis {
  readonly name: string;
  /** What concerns the whole interface, the most important first; empty when all is well. */
  readonly verdicts: readonly Verdict[];
  /** One verdict for each peer, in the order of the status. */
  readonly peers: readonly { readonly peer: PeerStatus; readonly verdict: Verdict }[];
}

/** Diagnoses an interface with all its peers, or those of `only`. */
export function diagnose(
  facts: Facts,
  only: readonly PeerStatus[] = facts.status.peers,
): Diagnosis {
  const verdicts = INTERFACE_CAUSES.flatMap((cause) => cause(facts) ?? []);
  // What stops the interface is the cause for each of its peers.
  const stopped = verdicts.find(({ level }) => level === "broken");
  return {
    name: facts.name,
    verdicts,
    peers: only.map((peer) => ({ peer, verdict: stopped ?? diagnosePeer(facts, peer) })),
  };
}

/** The verdict about one peer of an interface that is up and has a private key. */
export function diagnosePeer(facts: Facts, peer: PeerStatus): Verdict {
  const view = new PeerView(facts, peer);
  for (const cause of [...UNREACHED_CAUSES, ...REACHED_CAUSES, ...STATES]) {
    const verdict = cause(view);
    if (verdict !== undefined) return withName(verdict, peer);
  }
  throw new Error("the last state always applies");
}

/** Adds that the address of a peer that is not reached is of an old answer for its name. */
function withName(verdict: Verdict, { endpoint, endpointName }: PeerStatus): Verdict {
  if (verdict.level !== "broken" || endpoint === undefined) return verdict;
  if (endpointName === undefined || endpointName.addresses.length === 0) return verdict;
  if (endpointName.problem === "") return verdict;
  const { host, problem } = endpointName;
  const evidence = [...verdict.evidence, `its name, ${host}, is not looked up now: ${problem}`];
  return { ...verdict, evidence };
}

/** Whether nothing is broken. */
export const isWell = ({ verdicts, peers }: Diagnosis): boolean =>
  [...verdicts, ...peers.map(({ verdict }) => verdict)].every(({ level }) => level !== "broken");
