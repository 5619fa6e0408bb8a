/**
 * The sections of a file with the comments that belong to each, for programs that edit it.
 * @module
 */
import {
  type CommentSettings,
  formatPeerSettings,
  isPeerSetting,
  samePeerSettings,
} from "./peer_settings.ts";
import type { ScannedLine } from "./scan.ts";
import type { TextPart } from "./text_parts.ts";

/** A section: the comments directly above it, its first line, and what follows. */
export interface Section {
  readonly above: ScannedLine[];
  readonly head: ScannedLine | undefined;
  readonly body: ScannedLine[];
}

/** The sections of a file; the first has no line of its own. */
export function sectionsOf(lines: readonly ScannedLine[]): Section[] {
  const sections: Section[] = [{ above: [], head: undefined, body: [] }];
  for (const line of lines) {
    const { body } = sections[sections.length - 1];
    if (line.type !== "section") {
      body.push(line);
      continue;
    }
    let from = body.length;
    while (from > 0 && body[from - 1].type === "blank" && body[from - 1].comment !== undefined) {
      from--;
    }
    // Comments that follow an entry without an empty line between belong to that entry's section.
    if (from > 0 && body[from - 1].type === "entry") {
      from = line.comment === undefined && from < body.length ? from : body.length;
    }
    sections.push({ above: body.splice(from), head: line, body: [] });
  }
  return sections;
}

/**
 * Puts the line [Peer], and below it the settings that comments make (peer_settings.ts) if they are
 * others than those of the file.
 * @returns the lines of the body that are still to be put
 */
export function putHead(
  out: TextPart[],
  head: ScannedLine,
  body: readonly ScannedLine[],
  is: CommentSettings,
  wanted: CommentSettings,
  lineEnd: string,
): readonly ScannedLine[] {
  const stays = samePeerSettings(is, wanted);
  out.push(!stays && isPeerSetting(head.comment) ? "[Peer]" : head.raw, lineEnd);
  if (stays) return body;
  for (const comment of formatPeerSettings(wanted)) out.push(comment, lineEnd);
  return body.filter((line) => !isPeerSetting(line.comment));
}
