/**
 * The tests that a fault of a file can disturb: those that import the file, directly or through
 * others. The nearest come first.
 * @module
 */
import ts from "npm:typescript@6.0.3";
import { roomOf } from "./choice.ts";

/**
 * Folders of tests that need neither root nor the clock. Where other programs run, a test that
 * waits for something may fail by itself, and no fault of ours would have been noticed.
 */
const FOLDERS: readonly string[] = [
  "allowed_ips",
  "base",
  "cookie",
  "crypto",
  "data",
  "device",
  "noise",
  "sim",
  "timers",
  "wire",
];

/**
 * This test simulates a thousand seeds for 100 s. A few seeds are simulated by scripts/sim.ts
 * instead.
 */
const SIMULATION = "tests/sim/simulation_test.ts";

/** The file that makes tests run with two data planes when they are told `--workers=2`. */
const TWO_WAYS = "tests/data/worker_forms.ts";

/** A test file, as it is run. */
export interface TestFile {
  readonly path: string;
  /** Whether it runs with two data planes, one for each direction. */
  readonly twoWays: boolean;
}

/** A short name of it. */
export function testName({ path, twoWays }: TestFile): string {
  return twoWays ? `${path} --workers=2` : path;
}

/** What imports what in a tree. */
export class Imports {
  readonly #imports = new Map<string, readonly string[]>();
  readonly #root: string;

  /** @param root the project's folder, with a slash at the end */
  constructor(root: string) {
    this.#root = root;
  }

  /** The files that a file imports, as paths from the project's folder. */
  of(path: string): readonly string[] {
    let found = this.#imports.get(path);
    if (found === undefined) {
      const { importedFiles } = ts.preProcessFile(Deno.readTextFileSync(this.#root + path));
      found = importedFiles.map(({ fileName }) => fileName)
        .filter((name) => name.startsWith(".") && name.endsWith(".ts"))
        .map((name) => new URL(name, `file:///${path}`).pathname.slice(1));
      this.#imports.set(path, found);
    }
    return found;
  }

  /** How many imports lead from one file to each that it needs: itself 0, its imports 1. */
  distances(from: string): ReadonlyMap<string, number> {
    const distances = new Map([[from, 0]]);
    for (const [path, distance] of distances) {
      for (const next of this.of(path)) {
        if (!distances.has(next)) distances.set(next, distance + 1);
      }
    }
    return distances;
  }
}

function testNamesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name)
      .filter((name) => name.endsWith("_test.ts")).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Finds the tests of files. */
export class TestsOf {
  /** How many faults of each file, and of each room, each test has noticed. */
  readonly #hits = new Map<string, Map<string, number>>();
  readonly #tests: { readonly path: string; readonly distances: ReadonlyMap<string, number> }[];

  readonly #isNear: boolean;

  /**
   * @param root the project's folder, with a slash at the end
   * @param isNear whether only the tests of a file's own room count
   */
  constructor(root: string, isNear = false) {
    this.#isNear = isNear;
    const imports = new Imports(root);
    this.#tests = FOLDERS.flatMap((folder) =>
      testNamesIn(`${root}tests/${folder}`)
        .map((name) => `tests/${folder}/${name}`)
        .filter((path) => path !== SIMULATION)
        .map((path) => ({ path, distances: imports.distances(path) }))
    );
  }

  /**
   * The tests that import a file. Those of its own room come first, of these the one with its name,
   * then the nearest, then the quickest; last those with two data planes. Before all of them come
   * those that have noticed faults of the file, and then those that have noticed faults of its
   * room.
   * @param duration how long a test takes
   */
  of(file: string, duration: (test: TestFile) => number): TestFile[] {
    const hits = (of: string, test: TestFile) => this.#hits.get(of)?.get(testName(test)) ?? 0;
    const room = roomOf(file);
    return this.#byDistance(file, duration).sort((a, b) =>
      hits(file, b) - hits(file, a) || hits(room, b) - hits(room, a)
    );
  }

  /** Call when a test has noticed a fault of a file. */
  noticed(file: string, test: TestFile): void {
    for (const place of [file, roomOf(file)]) {
      const hits = this.#hits.get(place) ?? new Map<string, number>();
      hits.set(testName(test), (hits.get(testName(test)) ?? 0) + 1);
      this.#hits.set(place, hits);
    }
  }

  #byDistance(file: string, duration: (test: TestFile) => number): TestFile[] {
    const isFar = (path: string) => roomOf(path) !== roomOf(file);
    const ofName = file.replace(/^lib\/(.*)\.ts$/, "tests/$1_test.ts");
    const near = this.#tests
      .filter(({ path, distances }) => distances.has(file) && !(this.#isNear && isFar(path)))
      .map(({ path, distances }) => ({ path, twoWays: false, distance: distances.get(file) ?? 0 }))
      .sort((a, b) =>
        Number(isFar(a.path)) - Number(isFar(b.path)) ||
        Number(b.path === ofName) - Number(a.path === ofName) || a.distance - b.distance ||
        duration(a) - duration(b)
      );
    const twoWays = this.#tests
      .filter(({ path, distances }) =>
        distances.has(file) && distances.has(TWO_WAYS) && !path.startsWith("tests/sim/") &&
        !this.#isNear
      )
      .map(({ path }) => ({ path, twoWays: true }))
      .sort((a, b) => duration(a) - duration(b));
    return [...near.map(({ path, twoWays }) => ({ path, twoWays })), ...twoWays];
  }
}
