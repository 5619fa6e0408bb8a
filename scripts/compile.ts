/**
 * `deno task compile`: makes ./wg, one executable.
 *
 * First by `deno compile`, with the Worker included. Where the runtime that it wants to download
 * cannot be had, the packed way: a shell header, the bundled program and this Deno binary
 * (scripts/pack/header.ts). Nothing is done when ./wg is newer than everything it is made of.
 *
 * --packed   the packed way at once (also --offline, --force-packed) --force    even when ./wg is
 * up to date --output FILE
 * @module
 */
import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { concatBytes } from "npm:@noble/hashes@2.4.0/utils.js";
import { V8_FLAGS } from "../lib/daemon/packed.ts";
import { VERSION } from "../lib/daemon/program.ts";
import { packedHeader } from "./pack/header.ts";
import { tarEnd, tarEntry } from "./pack/tar.ts";

const ROOT = decodeURIComponent(new URL("../", import.meta.url).pathname);
const BUILD = `${ROOT}build`;
const WORKER = "lib/worker/data_worker.ts";
/** Folders of files that the program installs, beside its modules. */
const SHARED_FOLDERS = ["man", "etc"];
const SOURCES = [
  "lib",
  "ffi",
  ...SHARED_FOLDERS,
  "main.ts",
  "deno.json",
  "deno.lock",
  "scripts/compile.ts",
  "scripts/pack",
];
/** The longest time in which `deno compile` may download its runtime. */
const COMPILE_MS = 120_000;
/** The gzip level for the runtime. Level 9 saves 4% more and takes three times as long. */
const RUNTIME_LEVEL = 6;
const PROGRAM_LEVEL = 9;

/** Makes ./wg unless it is current, and reports its steps on standard error. */
export async function compile(
  options: { readonly packed?: boolean; readonly force?: boolean; readonly output?: string } = {},
): Promise<void> {
  const output = options.output ?? `${ROOT}wg`;
  const wanted = `${await sourcesHash()} ${Deno.version.deno} ${Deno.build.target}`;
  const stamp = `${BUILD}/${output.replaceAll("/", "_")}.stamp`;
  const kinds = options.packed ? ["packed"] : ["compiled", "packed"];
  const [was, kind, size] = readText(stamp).split("\n");
  const there = statOf(output);
  if (!options.force && was === wanted && kinds.includes(kind) && String(there?.size) === size) {
    say(`${output} is up to date (${kind})`);
    return;
  }
  await Deno.mkdir(BUILD, { recursive: true });
  const fresh = `${output}.new.${Deno.pid}`;
  try {
    const made = !options.packed && await compileNative(fresh) ? "compiled" : await pack(fresh);
    await Deno.chmod(fresh, 0o755);
    await Deno.rename(fresh, output);
    const { size } = await Deno.stat(output);
    await Deno.writeTextFile(stamp, `${wanted}\n${made}\n${size}\n`);
    say(`${output}: wg ${VERSION}, ${made}, ${(size / 1e6).toFixed(1)} MB`);
  } finally {
    await Deno.remove(fresh).catch(() => {});
  }
}

/** Runs `deno compile`; false if it is not possible here. */
async function compileNative(output: string): Promise<boolean> {
  const args = [
    "compile",
    "-A",
    "--no-prompt",
    "--unstable-net",
    V8_FLAGS,
    ...[WORKER, ...SHARED_FOLDERS].flatMap((path) => ["--include", path]),
  ];
  args.push("--output", output, "main.ts");
  const streams = { stdin: "null", stdout: "null", stderr: "piped" } as const;
  const child = new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    ...streams,
  }).spawn();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, COMPILE_MS);
  const { success, stderr } = await child.output();
  clearTimeout(timer);
  if (success) return true;
  const reason = failureReason(new TextDecoder().decode(stderr));
  if (late) reason.push(`It was not done after ${COMPILE_MS / 1000} s.`);
  say(
    ["`deno compile` cannot make it here, so it is packed another way. The reason:", ...reason]
      .join("\n  "),
  );
  return false;
}

/**
 * The reason for which `deno compile` failed, from its standard error: the error and its causes,
 * one on each line, without colours, progress and backtrace. A cause that a previous line contains
 * is omitted.
 */
export function failureReason(stderr: string): string[] {
  const [said] = stderr.split(/^Stack backtrace:/m);
  const reason: string[] = [];
  for (const line of said.split("\n")) {
    // deno-lint-ignore no-control-regex
    const text = line.replace(/\x1b\[[0-9;]*m/g, "").trim().replace(/^error: |^\d+: /, "");
    if (
      text === "" || text === "Caused by:" ||
      /^(Check|Compile|Download|Initialize|Embedded) /.test(text)
    ) continue;
    if (!reason.some((earlier) => earlier.endsWith(text) || earlier.includes(`${text}:`))) {
      reason.push(text);
    }
  }
  return reason;
}

async function pack(output: string): Promise<"packed"> {
  const runtime = await packedRuntime();
  const modules = await bundle();
  const entries = [...modules, ...sharedFiles()].map(tarEntry);
  const program = gzipSync(concatBytes(...entries, tarEnd()), { level: PROGRAM_LEVEL });
  const payload = concatBytes(runtime, program);
  const header = new TextEncoder().encode(packedHeader({
    sha256: createHash("sha256").update(payload).digest("hex"),
    machine: Deno.build.arch,
    modules: modules.filter(({ path }) => !path.includes("/")).length,
  }));
  await Deno.writeFile(output, concatBytes(header, payload));
  return "packed";
}

/**
 * The program as ES modules: one for each command and for shared code, so that a command loads only
 * what it requires.
 */
export async function bundle(): Promise<{ path: string; mode: number; bytes: Uint8Array }[]> {
  await Deno.mkdir(BUILD, { recursive: true });
  const folder = await Deno.makeTempDir({ dir: BUILD, prefix: "bundle." });
  try {
    const args = [
      "bundle",
      "--platform",
      "deno",
      "--code-splitting",
      "--outdir",
      folder,
      "main.ts",
      WORKER,
    ];
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args,
      cwd: ROOT,
      stdout: "null",
      stderr: "piped",
    })
      .output();
    if (!success) throw new Error(`deno bundle failed:\n${new TextDecoder().decode(stderr)}`);
    return [...walk(folder)].map((path) => ({
      path: path.slice(folder.length + 1),
      mode: 0o600,
      bytes: new TextEncoder().encode(loadedWhenWanted(Deno.readTextFileSync(path))),
    }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The files that the program installs, below share/, where `programFile` looks for them. */
function sharedFiles(): { path: string; mode: number; bytes: Uint8Array }[] {
  return SHARED_FOLDERS.flatMap((folder) => [...walk(`${ROOT}${folder}`)]).map((path) => ({
    path: `share/${path.slice(ROOT.length)}`,
    mode: 0o600,
    bytes: Deno.readFileSync(path),
  }));
}

/**
 * Hides the names of dynamically imported modules from Deno, which would read all of them before
 * the program begins.
 */
function loadedWhenWanted(code: string): string {
  return code.replace(/\bimport\(("\.[^"\n]+\.js")\)/g, "import(String($1))");
}

/** The Deno binary as the first member of the archive, compressed once and kept in build/. */
async function packedRuntime(): Promise<Uint8Array> {
  const { size, mtime } = await Deno.stat(Deno.execPath());
  const name = `${BUILD}/deno-${Deno.version.deno}-${Deno.build.target}-${size}-${
    mtime?.getTime() ?? 0
  }.gz`;
  try {
    return await Deno.readFile(name);
  } catch {
    say("compressing the runtime (once)");
    const bytes = await Deno.readFile(Deno.execPath());
    const packed = gzipSync(tarEntry({ path: "deno", mode: 0o700, bytes }), {
      level: RUNTIME_LEVEL,
    });
    await Deno.writeFile(`${name}.${Deno.pid}`, packed);
    await Deno.rename(`${name}.${Deno.pid}`, name);
    return packed;
  }
}

async function sourcesHash(): Promise<string> {
  const hash = createHash("sha256");
  for (const source of SOURCES) {
    for (const path of walk(`${ROOT}${source}`)) {
      const bytes = await Deno.readFile(path);
      hash.update(`${path.slice(ROOT.length)}\0${bytes.length}\0`).update(bytes);
    }
  }
  return hash.digest("hex");
}

/** All files at or below a path, in a fixed order. */
function* walk(path: string): Generator<string> {
  const there = statOf(path);
  if (there === undefined) return;
  if (there.isFile) {
    yield path;
    return;
  }
  const names = [...Deno.readDirSync(path)].map((entry) => entry.name).sort((a, b) =>
    a < b ? -1 : 1
  );
  for (const name of names) yield* walk(`${path}/${name}`);
}

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

const say = (text: string) => console.error(`compile: ${text}`);

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args as string[],
    options: {
      packed: { type: "boolean" },
      offline: { type: "boolean" },
      "force-packed": { type: "boolean" },
      force: { type: "boolean" },
      output: { type: "string" },
    },
  });
  await compile({
    packed: values.packed === true || values.offline === true || values["force-packed"] === true,
    force: values.force === true,
    ...(values.output === undefined ? {} : { output: values.output }),
  });
}
