/**
 * What the keys of `wg top` do.
 * @module
 */
import type { Row } from "./rates.ts";
import { idOf, OTHER_LINES, scrolledMax, shownRows, type Size, SORTS, type View } from "./view.ts";

/** A key, as node:readline names it. */
export interface Key {
  /** `up`, `pagedown`, `return`, `a` and so on; undefined for some characters. */
  readonly name?: string | undefined;
  /** The characters that the terminal sent. */
  readonly sequence?: string | undefined;
  readonly ctrl?: boolean | undefined;
}

/** What a key leads to: another view, the end, a stop, a look now, or the explanation of a row. */
export type Outcome =
  | { readonly type: "view"; readonly view: View }
  | { readonly type: "end" }
  | { readonly type: "stop" }
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
  if (key.ctrl === true && key.name === "z") return { type: "stop" };
  if (view.explained !== undefined) {
    const most = scrolledMax(view.explained, size);
    const from = Math.min(view.scrolled, most);
    const to = moved(from, Math.max(1, size.lines - 2), most, key);
    if (to === undefined || most === 0) return change({ explained: undefined, scrolled: 0 });
    return change({ scrolled: Math.max(0, Math.min(most, to)) });
  }
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
  const to = moved(at, page, rows.length - 1, key);
  const row = to === undefined ? undefined : rows[Math.max(0, Math.min(rows.length - 1, to))];
  return change(row === undefined ? {} : { selected: idOf(row) });
}

/** Where a key leads from line `at`, perhaps beyond the ends; undefined for other keys. */
function moved(at: number, page: number, last: number, key: Key): number | undefined {
  return ({
    up: at - 1,
    k: at - 1,
    down: at + 1,
    j: at + 1,
    pageup: at - page,
    pagedown: at + page,
    home: 0,
    end: last,
  } as Readonly<Record<string, number>>)[key.name ?? ""];
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
