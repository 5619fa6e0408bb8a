/**
 * Evidence in the answer to `get=2`: `evidence=KIND AGE-MS COUNT WHO DETAIL`. Those of the
 * interface come before the first peer, those of a peer among the peer's lines.
 * @module
 */
import { type Evidence, isEvidenceKind } from "../base/evidence.ts";

/** The lines of evidence. */
export function formatEvidence(evidence: readonly Evidence[] = []): string {
  return evidence.map(({ kind, ageMs, count, who, detail }) =>
    `evidence=${`${kind} ${ageMs} ${count} ${who === "" ? "-" : who} ${detail}`.trimEnd()}\n`
  ).join("");
}

/**
 * Reads the value of a line. Undefined for kinds of other versions, and for damaged lines: evidence
 * explains, and nothing else depends on it.
 */
export function readEvidence(value: string): Evidence | undefined {
  const match = /^(\w+) ([0-9]{1,15}) ([0-9]{1,15}) (\S+)(?: (.*))?$/s.exec(value);
  if (match === null) return undefined;
  const [, kind, ageMs, count, who, detail = ""] = match;
  if (!isEvidenceKind(kind)) return undefined;
  return { kind, ageMs: Number(ageMs), count: Number(count), who: who === "-" ? "" : who, detail };
}
