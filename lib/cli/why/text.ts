/**
 * A diagnosis as text for people and as values for programs.
 * @module
 */
import { peerNameAndKey } from "../../base/peer_name.ts";
import { withoutControls } from "../../base/quote.ts";
import type { Diagnosis } from "./diagnose.ts";
import type { Verdict } from "./verdict.ts";

const RESET = "\x1b[0m";
const COLORS = { well: "\x1b[32m", warning: "\x1b[33m", broken: "\x1b[31m" } as const;

/** The diagnosis for people: a paragraph for the interface and one for each peer. */
export function formatDiagnosis(diagnosis: Diagnosis, colors: boolean): string {
  const { name, verdicts, peers } = diagnosis;
  const paint = (verdict: Verdict) => {
    const says = withoutControls(verdict.says);
    return colors ? `${COLORS[verdict.level]}${says}${RESET}` : says;
  };
  let text = `${name}:${verdicts.length === 0 ? ` up, ${peersText(peers.length)}` : ""}\n`;
  for (const verdict of verdicts) text += `  ${paint(verdict)}\n${details(verdict, "    ")}`;
  for (const { peer, verdict } of peers) {
    // What holds for the interface is not repeated for each peer.
    if (verdicts.includes(verdict)) continue;
    text += `  ${withoutControls(peerNameAndKey(peer))}\n    ${paint(verdict)}\n`;
    text += details(verdict, "    ");
  }
  return text;
}

const peersText = (count: number) => count === 1 ? "1 peer" : `${count} peers`;

function details(verdict: Verdict, indent: string): string {
  const lines = (title: string, texts: readonly string[]) =>
    texts.map((text, i) =>
      `${indent}${(i === 0 ? `${title}:` : "").padEnd(10)}${withoutControls(text)}\n`
    ).join("");
  return lines("evidence", verdict.evidence) + lines("likely", verdict.likely) +
    lines("next", verdict.next);
}

/** The diagnosis as values. */
export function diagnosisJson({ verdicts, peers }: Diagnosis): unknown {
  return {
    verdicts,
    peers: Object.fromEntries(
      peers.map(({ peer, verdict }) => [peer.publicKey.toBase64(), {
        ...(peer.description === "" ? {} : { description: peer.description }),
        ...verdict,
      }]),
    ),
  };
}
