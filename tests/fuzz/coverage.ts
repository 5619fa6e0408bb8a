/**
 * Tells which blocks of the program ran, through the inspector of the runtime in the same isolate.
 * @module
 */
import { Session } from "node:inspector";

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface ScriptCoverage {
  readonly url: string;
  readonly functions: readonly {
    readonly functionName: string;
    readonly ranges: readonly Range[];
  }[];
}

/** The characters of a function that ran, from its start, in order and apart. */
type Spans = readonly (readonly [from: number, to: number])[];

/** What ran since the last look. */
export type Ran = ReadonlyMap<string, readonly (readonly Range[])[]>;

/**
 * Watches the blocks of some files. One can watch at a time, because the runtime counts since the
 * last look of anybody.
 */
export class Coverage {
  readonly #session = new Session();
  readonly #watched: (url: string) => boolean;
  /**
   * By function, one byte for each of its characters: whether it has run. A function within another
   * has its own, because the outer one counts its text as its own.
   */
  readonly #known = new Map<string, Uint8Array>();
  /** Functions that ran in a way that is known already. */
  readonly #seen = new Set<string>();

  private constructor(watched: (url: string) => boolean) {
    this.#watched = watched;
  }

  /**
   * Begins to watch.
   * @param files beginnings of paths below the root of the project
   */
  static async begin(files: readonly string[]): Promise<Coverage> {
    const root = new URL("../../", import.meta.url).href;
    const starts = files.map((file) => new URL(file, root).href);
    const coverage = new Coverage((url) => starts.some((start) => url.startsWith(start)));
    coverage.#session.connect();
    await coverage.#post("Profiler.enable");
    await coverage.#post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
    return coverage;
  }

  /** Stops watching. */
  async end(): Promise<void> {
    await this.#post("Profiler.stopPreciseCoverage");
    await this.#post("Profiler.disable");
    this.#session.disconnect();
  }

  /**
   * The number of characters that ran, of what was learned. Those of a function within another
   * count twice.
   */
  get characters(): number {
    let sum = 0;
    for (const known of this.#known.values()) for (const byte of known) sum += byte;
    return sum;
  }

  /** What ran since the last call. */
  async look(): Promise<Ran> {
    const { result } = await this.#post("Profiler.takePreciseCoverage") as {
      result: ScriptCoverage[];
    };
    const ran = new Map<string, (readonly Range[])[]>();
    for (const { url, functions } of result) {
      if (!this.#watched(url)) continue;
      const parts = ran.get(url) ?? [];
      for (const { ranges } of functions) if (ranges[0].count > 0) parts.push(ranges);
      ran.set(url, parts);
    }
    return ran;
  }

  /** Whether something ran that had not run before. */
  isNew(ran: Ran): boolean {
    return this.#visit(ran, false);
  }

  /** Remembers what ran. */
  learn(ran: Ran): void {
    this.#visit(ran, true);
  }

  #visit(ran: Ran, learns: boolean): boolean {
    let isNew = false;
    for (const [url, functions] of ran) {
      for (const ranges of functions) {
        const shape = ranges.map((r) => `${r.startOffset}-${r.endOffset}${r.count > 0}`).join();
        const key = `${url} ${shape}`;
        if (this.#seen.has(key)) continue;
        const { startOffset, endOffset } = ranges[0];
        const place = `${url} ${startOffset}-${endOffset}`;
        const known = this.#known.get(place) ?? new Uint8Array(endOffset - startOffset);
        for (const [from, to] of spansThatRan(ranges)) {
          if (known.subarray(from, to).indexOf(0) < 0) continue;
          isNew = true;
          if (learns) known.fill(1, from, to);
        }
        if (!learns) continue;
        this.#known.set(place, known);
        this.#seen.add(key);
      }
    }
    return isNew;
  }

  #post(method: string, parameters: object = {}): Promise<unknown> {
    return new Promise((resolve, reject) =>
      this.#session.post(method, parameters, (error: Error | null, result: unknown) => {
        if (error === null) resolve(result);
        else reject(error);
      })
    );
  }
}

/** The parts of a function that ran. Ranges are nested, outer ones first; the innermost counts. */
function spansThatRan(ranges: readonly Range[]): Spans {
  const { startOffset, endOffset } = ranges[0];
  const ran = new Uint8Array(endOffset - startOffset);
  for (const range of ranges) {
    ran.fill(
      range.count > 0 ? 1 : 0,
      range.startOffset - startOffset,
      range.endOffset - startOffset,
    );
  }
  const spans: [number, number][] = [];
  for (let at = 0; at < ran.length;) {
    const from = ran.indexOf(1, at);
    if (from < 0) break;
    const to = ran.indexOf(0, from);
    at = to < 0 ? ran.length : to;
    spans.push([from, at]);
  }
  return spans;
}
