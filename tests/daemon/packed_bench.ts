/**
 * A packed executable with the real header and a small stand-in for the runtime, which tells how it
 * was started.
 * @module
 */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { packedHeader, type Places } from "../../scripts/pack/header.ts";
import { tarEnd, tarEntry } from "../../scripts/pack/tar.ts";

/** Whether the tests are root's: then the program's folder is the system's one. */
export const isRoot = Deno.uid() === 0;
/** A user's number for tests that are root's, and that of somebody else. */
export const USER = 4321;
export const STRANGER = 4322;

const text = (value: string) => new TextEncoder().encode(value);
/**
 * Prints what is behind the words: the folder of the stand-in, its environment, its arguments, each
 * with a zero byte.
 */
const RUNTIME = `#!/bin/sh
[ "$1" != --version ] || exit 0
[ -n "$(pwd -P 2>/dev/null)" ] || exit 9
printf 'in\\0%s\\0' "\${0%/*}"
printf 'environment\\0'
cat /proc/$$/environ
printf 'arguments\\0'
printf '%s\\0' "$@"
`;

/** How a packed executable is started. */
export interface Start {
  readonly environment?: Readonly<Record<string, string>>;
  readonly file?: string;
  readonly shell?: readonly string[];
  /** The words in front, e.g. of setpriv(1). */
  readonly wrap?: readonly string[];
}

/** What the stand-in told, or the messages that came instead. */
export interface Told {
  readonly code: number;
  readonly err: string;
  readonly out: string;
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly arguments: readonly string[];
}

/**
 * A folder of a test. `cache` is where the program belongs: root's in the place of /var/cache/wg, a
 * user's by $XDG_CACHE_HOME.
 */
export interface Bench {
  readonly folder: string;
  readonly file: string;
  readonly cache: string;
  readonly places: Places;
  /** The name of the unpacked folder. */
  readonly id: string;
  run(args?: readonly string[], start?: Start): Promise<Told>;
}

/** A packed executable's bytes. `damage` changes the payload but not the header. */
export function packed(
  places: Places,
  runtime = RUNTIME,
  damage?: Uint8Array,
): { bytes: Uint8Array; id: string } {
  const members = [
    gzipSync(tarEntry({ path: "deno", mode: 0o700, bytes: text(runtime) })),
    gzipSync(
      new Uint8Array([
        ...tarEntry({ path: "main.js", mode: 0o600, bytes: text("// program") }),
        ...tarEntry({ path: "lib/worker/data_worker.js", mode: 0o600, bytes: text("// worker") }),
        ...tarEnd(),
      ]),
    ),
  ];
  const payload = new Uint8Array([...members[0], ...members[1]]);
  const sha256 = createHash("sha256").update(payload).digest("hex");
  const header = packedHeader({ sha256, modules: 1, machine: Deno.build.arch }, places);
  return {
    bytes: new Uint8Array([...text(header), ...damage ?? payload]),
    id: sha256.slice(0, 32),
  };
}

/** Only the payload of a packed executable with this runtime. */
export function payloadOf(places: Places, runtime: string): Uint8Array {
  const { bytes } = packed(places, runtime, new Uint8Array());
  return packed(places, runtime).bytes.slice(bytes.length);
}

/**
 * Runs a test with a packed executable in a folder of its own, which others may enter but not
 * change.
 */
export async function withPacked(
  test: (bench: Bench) => Promise<void>,
  damage?: Uint8Array,
): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    await Deno.chmod(folder, 0o755);
    const places = { system: `${folder}/cache/wg`, shared: `${folder}/shared` };
    await Deno.mkdir(places.shared);
    await Deno.chmod(places.shared, 0o1777);
    const { bytes, id } = packed(places, RUNTIME, damage);
    const file = `${folder}/wg`;
    await Deno.writeFile(file, bytes);
    await Deno.chmod(file, 0o755);
    await test({
      folder,
      file,
      cache: places.system,
      places,
      id,
      run: (args = [], start = {}) =>
        run([...start.shell ?? [], start.file ?? file, ...args], folder, start),
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function run(
  argv: readonly string[],
  folder: string,
  { environment, wrap = [] }: Start,
): Promise<Told> {
  const [program, ...args] = [...wrap, ...argv];
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "", XDG_CACHE_HOME: `${folder}/cache`, ...environment },
  }).output();
  const out = new TextDecoder().decode(stdout);
  const words = out.split("\0").slice(0, -1);
  const [from, to] = [words.indexOf("environment"), words.lastIndexOf("arguments")];
  const variables = words.slice(from + 1, Math.max(to, from + 1)).map((line) => {
    const end = line.indexOf("=");
    return [line.slice(0, end), line.slice(end + 1)];
  });
  return {
    code,
    out,
    err: new TextDecoder().decode(stderr),
    folder: words[1] ?? "",
    environment: Object.fromEntries(variables),
    arguments: words.slice(to + 1),
  };
}

/** The words that make a command another user's. Root only. */
export const as = (uid: number): readonly string[] => [
  "setpriv",
  `--reuid=${uid}`,
  `--regid=${uid}`,
  "--clear-groups",
];

/** The names in a folder. */
export const names = (path: string): string[] =>
  [...Deno.readDirSync(path)].map((entry) => entry.name).sort();
