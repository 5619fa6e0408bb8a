/**
 * What the keys of `wg top` do.
 * @module
 */
import type { Row } from "./rates.ts";
import { idOf, OTHER_LINES, shownRows, type Size, SORTS, type View } from "./view.ts";

/** A key, as node:readline names it. */
export interface Key {
  /** `up`, `pagedown`, `return`, `a` and so on; undefined for some characters. */
  readonly name?: string | undefined;
  /** The characters that the terminal sent. */
  readonly sequence?: string | undefined;
  readonly ctrl?: boolean | undefined;
}

/** What a key leads to: another view, the end, a look now, or the explanation of a row. */
export type Outcome =
  | { readonly type: "view"; readonly view: View }
  | { readonly type: "end" }
  | { readonly type: "look" }
  | { readonly type: "explain"; readonly row: Row };

/** The longest filter. */
const FILTER_MAX = 64;

/** Applies a key to the view. */
export function press(view: View, key: Key, size: Size): Outcome {
  const change = (changes: Partial<View>): Outcome => ({
    type: "view",
    view: { ...view, ...changes },
  });
  if (key.ctrl === true && key.name === "c") return { type: "end" };
  if (view.explained !== undefined) return change({ explained: undefined });
  if (view.isTyping) return type(view, key, change);
  switch (key.name) {
    case "q":
      return { type: "end" };
    case "space":
      return { type: "look" };
    case "s":
      if (key.sequence === "S") return change({ reversed: !view.reversed });
      return change({
        sort: SORTS[(SORTS.indexOf(view.sort) + 1) % SORTS.length],
        reversed: false,
      });
    case "d":
      return change({ showsDrops: !view.showsDrops });
    case "escape":
      return change({ filter: "" });
  }
  if (key.sequence === "/") return change({ isTyping: true, filter: "" });
  const rows = shownRows(view);
  const at = Math.max(0, rows.findIndex((row) => idOf(row) === view.selected));
  if (key.name === "return" || key.name === "enter" || key.name === "w") {
    return rows.length === 0 ? change({}) : { type: "explain", row: rows[at] };
  }
  const page = Math.max(1, size.lines - OTHER_LINES - 1);
  const to = ({
    up: at - 1,
    k: at - 1,
    down: at + 1,
    j: at + 1,
    pageup: at - page,
    pagedown: at + page,
    home: 0,
    end: rows.length - 1,
  } as Readonly<Record<string, number>>)[key.name ?? ""];
  const row = to === undefined ? undefined : rows[Math.max(0, Math.min(rows.length - 1, to))];
  return change(row === undefined ? {} : { selected: idOf(row) });
}

function type(view: View, key: Key, change: (changes: Partial<View>) => Outcome): Outcome {
  if (key.name === "return" || key.name === "enter") return change({ isTyping: false });
  if (key.name === "escape") return change({ isTyping: false, filter: "" });
  if (key.name === "backspace") return change({ filter: view.filter.slice(0, -1) });
  const text = key.sequence ?? "";
  // deno-lint-ignore no-control-regex
  if (text === "" || /[\x00-\x1f\x7f-\x9f]/.test(text)) return change({});
  return change({ filter: (view.filter + text).slice(0, FILTER_MAX) });
}
