/**
 * Puts files into their places and takes them away again, all of them or none.
 *
 * Each file is first written beside its place under another name. Only when all are written, they
 * are renamed. If that fails, what was renamed goes back.
 * @module
 */
import { createHash } from "node:crypto";
import { ConfigError } from "../../base/errors.ts";
import { displayPath } from "../../base/quote.ts";
import type { Manifest, ManifestFile } from "./manifest.ts";

/** A file with its content. */
export interface Placement {
  /** The absolute path, without the folder of `--root`. */
  readonly path: string;
  readonly mode: number;
  /** The bytes of a file, or the text of a link. */
  readonly content: Uint8Array | string;
}

/** A step, for the user: what is done, and to which path. */
export interface Step {
  readonly deed: string;
  readonly path: string;
  /** What more is to be said, for instance the target of a link. */
  readonly note?: string;
}

/** The suffix of a foreign file that `--force` has moved aside. */
const SAVED = ".before-wg";

/** What a plan of an installation does. */
export interface Plan {
  readonly placements: readonly Placement[];
  /** Folders to make, each before those in it. */
  readonly folders: readonly string[];
  /** Foreign files to move aside. */
  readonly saves: readonly string[];
  /** Files of an earlier version that this one does not have. */
  readonly removals: readonly string[];
  /** The list of what is there afterwards. */
  readonly manifest: Manifest;
}

/**
 * Compares what is wanted with what is there. Changes nothing.
 * @param root the folder of `--root`, or the empty string
 * @param manifestPath where the list of files will be
 * @param before the list of the installation that is there
 * @throws ConfigError that names all files which are somebody else's, unless `force` is given
 */
export function planInstallation(
  root: string,
  manifestPath: string,
  version: string,
  placements: readonly Placement[],
  before: Manifest | undefined,
  force: boolean,
): Plan {
  const known = new Map(before?.files.map((file) => [file.path, file]));
  const foreign: string[] = [];
  const changed: Placement[] = [];
  const files = placements.map((placement): ManifestFile => {
    const { path } = placement;
    const there = identityOf(root + path);
    const is = identity(placement.content);
    const earlier = known.get(path);
    known.delete(path);
    if (there !== is) changed.push(placement);
    const ours = there === undefined || there === is || there === earlier?.is;
    if (!ours) foreign.push(path);
    const saved = ours ? earlier?.saved : earlier?.saved ?? path + SAVED;
    return { path, is, ...(saved === undefined ? {} : { saved }) };
  });
  const blocked = foreign.filter((path) => !force || identityOf(root + path) === "folder");
  if (blocked.length > 0) {
    throw new ConfigError(
      displayPath(blocked[0]),
      `is not a file that wg install has made, or was changed since${
        blocked.length > 1 ? `; so are ${blocked.slice(1).map(displayPath).join(", ")}` : ""
      }. Nothing was installed; --force moves such files to NAME${SAVED}, and wg uninstall back`,
    );
  }
  const made = missingFolders(root, [...placements.map(({ path }) => path), manifestPath]);
  return {
    placements: changed,
    folders: made,
    saves: foreign,
    removals: [...known.values()].filter(({ path, is }) => identityOf(root + path) === is).map((
      { path },
    ) => path),
    manifest: {
      version,
      files,
      folders: [...new Set([...before?.folders ?? [], ...made])],
    },
  };
}

/** The steps of a plan, for the user. */
export function planSteps(plan: Plan): Step[] {
  return [
    ...plan.folders.map((path) => ({ deed: "make", path, note: "folder" })),
    ...plan.saves.map((path) => ({ deed: "move", path, note: `to ${path}${SAVED}` })),
    ...plan.placements.map(({ path, content }) =>
      typeof content === "string"
        ? { deed: "link", path, note: `to ${content}` }
        : { deed: "install", path }
    ),
    ...plan.removals.map((path) => ({ deed: "remove", path, note: "of an earlier version" })),
  ];
}

/**
 * Does what a plan says.
 * @throws the runtime's error of the step that failed, after all steps were undone
 */
export function carryOut(root: string, plan: Plan, manifestPath: string, text: string): void {
  const undo: (() => void)[] = [];
  const suffix = `.wg-${Deno.pid}`;
  const all: readonly Placement[] = [
    ...plan.placements,
    { path: manifestPath, mode: 0o644, content: new TextEncoder().encode(text) },
  ];
  try {
    for (const folder of root === "" ? [] : missingFolders("", [`${root}/usr`])) {
      Deno.mkdirSync(folder, { mode: 0o755 });
      undo.push(() => Deno.removeSync(folder));
    }
    for (const folder of plan.folders) {
      Deno.mkdirSync(root + folder, { mode: 0o755 });
      undo.push(() => Deno.removeSync(root + folder));
      Deno.chmodSync(root + folder, 0o755);
    }
    for (const { path, mode, content } of all) {
      const fresh = root + path + suffix;
      if (typeof content === "string") Deno.symlinkSync(content, fresh);
      else Deno.writeFileSync(fresh, content, { createNew: true, mode });
      undo.push(() => removeIfThere(fresh));
      if (typeof content !== "string") Deno.chmodSync(fresh, mode);
    }
    for (const path of plan.saves) move(root + path, root + path + SAVED, undo);
    // What is replaced or removed lies aside until all is done.
    const old: string[] = [];
    for (const path of [...all.map((placement) => placement.path), ...plan.removals]) {
      if (identityOf(root + path) === undefined) continue;
      old.push(`${root}${path}.wg-old-${Deno.pid}`);
      move(root + path, old[old.length - 1], undo);
    }
    for (const { path } of all) {
      Deno.renameSync(root + path + suffix, root + path);
      undo.push(() => Deno.removeSync(root + path));
    }
    undo.length = 0;
    old.forEach(removeIfThere);
  } catch (error) {
    for (const step of undo.reverse()) {
      try {
        step();
      } catch {
        // The other steps are undone all the same; the first error is told.
      }
    }
    throw error;
  }
}

/** What `wg uninstall` will do and leave. */
export interface Removal {
  readonly remove: readonly string[];
  /** Files that were changed since they were installed. They stay. */
  readonly keep: readonly string[];
  /** Files to move back. */
  readonly restore: readonly { readonly from: string; readonly to: string }[];
  /** Links of systemd that enable a unit of ours. */
  readonly enabled: readonly string[];
  /** Folders to remove if they are empty then, the innermost first. */
  readonly folders: readonly string[];
}

/** Compares the list of an installation with what is there. Changes nothing. */
export function planRemoval(root: string, manifest: Manifest, manifestPath: string): Removal {
  const there = manifest.files.map((file) => ({ ...file, now: identityOf(root + file.path) }));
  const remove = there.filter(({ is, now }) => is === now).map(({ path }) => path);
  const units = new Set(remove.filter((path) => path.includes("/systemd/system/")));
  return {
    remove: [...remove, manifestPath],
    keep: there.filter(({ is, now }) => now !== undefined && is !== now).map(({ path }) => path),
    restore: there.flatMap(({ path, saved, is, now }) =>
      saved === undefined || (now !== undefined && now !== is) ||
        identityOf(root + saved) === undefined
        ? []
        : [{ from: saved, to: path }]
    ),
    enabled: enablingLinks(root, units),
    folders: manifest.folders.toReversed(),
  };
}

/** The steps of a removal, for the user. */
export function removalSteps(removal: Removal): Step[] {
  return [
    ...removal.enabled.map((path) => ({ deed: "remove", path, note: "enables a unit" })),
    ...removal.remove.map((path) => ({ deed: "remove", path })),
    ...removal.restore.map(({ from, to }) => ({ deed: "move", path: from, note: `to ${to}` })),
    ...removal.keep.map((path) => ({ deed: "keep", path, note: "changed since it was installed" })),
  ];
}

/** Does what a removal says. Folders that are not empty stay. */
export function carryOutRemoval(root: string, removal: Removal): void {
  for (const path of [...removal.enabled, ...removal.remove]) Deno.removeSync(root + path);
  for (const { from, to } of removal.restore) Deno.renameSync(root + from, root + to);
  for (const folder of removal.folders) {
    try {
      Deno.removeSync(root + folder);
    } catch {
      // Others have put something into it.
    }
  }
}

/** Links in /etc/systemd/system/*.wants and *.requires that lead to one of these units. */
function enablingLinks(root: string, units: ReadonlySet<string>): string[] {
  const base = "/etc/systemd/system";
  const found: string[] = [];
  for (const folder of namesIn(root + base).filter((name) => /\.(wants|requires)$/.test(name))) {
    for (const name of namesIn(`${root}${base}/${folder}`)) {
      const path = `${base}/${folder}/${name}`;
      const target = identityOf(root + path)?.replace(/^link:/, "");
      if (target !== undefined && units.has(target)) found.push(path);
    }
  }
  return found;
}

function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  } catch {
    return [];
  }
}

/** The folders of these paths that do not exist, each before those in it. */
function missingFolders(root: string, paths: readonly string[]): string[] {
  const missing = new Set<string>();
  for (const path of paths) {
    for (let end = path.indexOf("/", 1); end > 0; end = path.indexOf("/", end + 1)) {
      const folder = path.slice(0, end);
      if (!missing.has(folder) && !isFolder(root + folder)) missing.add(folder);
    }
  }
  return [...missing].sort((a, b) => a.length - b.length);
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

function identity(content: Uint8Array | string): string {
  return typeof content === "string"
    ? `link:${content}`
    : createHash("sha256").update(content).digest("hex");
}

/** What lies at a path, as in a manifest; undefined if nothing does. */
function identityOf(path: string): string | undefined {
  let info: Deno.FileInfo;
  try {
    info = Deno.lstatSync(path);
  } catch {
    return undefined;
  }
  if (info.isSymlink) return identity(Deno.readLinkSync(path));
  if (info.isDirectory) return "folder";
  return info.isFile ? identity(Deno.readFileSync(path)) : "no file";
}

function move(from: string, to: string, undo: (() => void)[]): void {
  Deno.renameSync(from, to);
  undo.push(() => Deno.renameSync(to, from));
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It was renamed into its place.
  }
}
