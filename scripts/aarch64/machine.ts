/**
 * An aarch64 machine for tests: qemu-user, Deno's build for aarch64, and the libraries that both
 * require. Everything is downloaded into build/aarch64 and nothing is installed. apt-get gets
 * folders of its own, so that it neither reads nor changes the lists and the state of this machine.
 *
 * The emulator passes system calls on to the kernel of this machine, so TUN devices and namespaces
 * are real. It does not run other programs of aarch64, so commands that start processes do not
 * work.
 * @module
 */
import { fileURLToPath } from "node:url";
import { PACKED_FLAGS, PACKED_MAIN } from "../../lib/daemon/packed.ts";
import { bundle } from "../compile.ts";

const ROOT = fileURLToPath(import.meta.resolve("../../"));
const FOLDER = `${ROOT}build/aarch64`;
const EMULATOR = `${FOLDER}/qemu-aarch64`;
const LIBRARIES = `${FOLDER}/root`;
const RUNTIME = `${FOLDER}/deno-${Deno.version.deno}`;
const PROGRAM = `${FOLDER}/program`;
const CACHE = `${FOLDER}/cache`;

/**
 * Downloads and unpacks what is missing. Debian 13 has libssl3t64 and two more libraries for it,
 * and its qemu-user is static. $1: the folder; $2: the version of Deno.
 */
const PREPARE = `
set -eu
mkdir -p "$1"
rm -rf "$1/new" && mkdir -p "$1/new" && cd "$1/new"
if ! [ -x ../qemu-aarch64 ]; then
  echo "downloading qemu-user-static (60 MB)"
  apt-get -qq download qemu-user-static
  dpkg-deb --fsys-tarfile qemu-user-static*.deb | tar -x
  if ! [ -f usr/bin/qemu-aarch64-static ]; then
    apt-get -qq download qemu-user
    dpkg-deb --fsys-tarfile qemu-user_*.deb | tar -x
    mv usr/bin/qemu-aarch64 usr/bin/qemu-aarch64-static
  fi
  mv usr/bin/qemu-aarch64-static ../qemu-aarch64
fi
if ! [ -d ../root ]; then
  echo "downloading libc6, libgcc-s1 and libssl3 for arm64 (4 MB)"
  mkdir -p apt/state/lists/partial apt/cache/archives/partial apt/parts root packages
  : >apt/status
  source=/etc/apt/sources.list
  if [ -f /etc/apt/sources.list.d/debian.sources ]; then
    source=/etc/apt/sources.list.d/debian.sources
  fi
  get() {
    apt-get -qq -o "Dir::State=$PWD/apt/state" -o "Dir::State::status=$PWD/apt/status" \\
      -o "Dir::Cache=$PWD/apt/cache" -o "Dir::Etc::sourcelist=$source" \\
      -o "Dir::Etc::sourceparts=$PWD/apt/parts" -o APT::Architecture=arm64 \\
      -o APT::Architectures=arm64 -o Acquire::Languages=none -o Acquire::Retries=1 \\
      -o Acquire::http::Timeout=20 "$@"
  }
  get update
  get download libc6 libgcc-s1
  get download libssl3 2>/dev/null || get download libssl3t64 libzstd1 zlib1g
  for package in ./*_arm64.deb; do dpkg -x "$package" root; done
  mv root ../root
fi
if ! [ -x "../deno-$2" ]; then
  echo "downloading @deno/linux-arm64-glibc $2 (41 MB)"
  npm pack --silent "@deno/linux-arm64-glibc@$2" >/dev/null
  tar -xzf deno-linux-arm64-glibc-*.tgz package/deno
  chmod 755 package/deno
  mv package/deno "../deno-$2"
fi
cd .. && rm -rf new
`;

/** Why the machine is not there, or undefined if it is. */
export function problemOfMachine(): string | undefined {
  try {
    for (const path of [EMULATOR, RUNTIME]) Deno.statSync(path);
    Deno.statSync(`${LIBRARIES}/lib/aarch64-linux-gnu`);
  } catch {
    return "the emulator of aarch64 is not downloaded (deno task aarch64)";
  }
  const { success, stderr } = new Deno.Command(EMULATOR, {
    args: ["-L", LIBRARIES, RUNTIME, "--version"],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).outputSync();
  return success ? undefined : `the emulator: ${new TextDecoder().decode(stderr).trim()}`;
}

/**
 * Downloads and unpacks the machine.
 * @param say gets a line before each download
 * @returns the reason if that fails
 */
export async function prepareMachine(say: (line: string) => void): Promise<string | undefined> {
  try {
    const child = new Deno.Command("sh", {
      args: ["-c", PREPARE, "sh", FOLDER, Deno.version.deno],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const reason = new Response(child.stderr).text();
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      for (const line of text.split("\n")) if (line !== "") say(`aarch64: ${line}`);
    }
    if ((await child.status).success) return problemOfMachine();
    return (await reason).trim().split("\n").at(-1) || "failed";
  } catch (error) {
    return String(error);
  }
}

/** The variables that the emulated runtime requires. */
export const MACHINE_ENVIRONMENT: Readonly<Record<string, string>> = {
  DENO_DIR: CACHE,
  HOME: FOLDER,
  DENO_NO_UPDATE_CHECK: "1",
  NO_COLOR: "1",
};

/** The command line of Deno for aarch64 in the emulator. */
export function emulatedDeno(...args: readonly string[]): string[] {
  return [EMULATOR, "-L", LIBRARIES, RUNTIME, ...args];
}

/**
 * Makes the modules of the program from the sources, as in the packed executable: fewer and larger
 * files, which the emulator loads in a tenth of the time.
 * @returns the command line of the program; words of `wg` follow
 */
export async function emulatedProgram(): Promise<string[]> {
  await Deno.remove(PROGRAM, { recursive: true }).catch(() => {});
  for (const { path, bytes } of await bundle()) {
    const file = `${PROGRAM}/${path}`;
    await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    await Deno.writeFile(file, bytes);
  }
  return emulatedDeno(...PACKED_FLAGS, `${PROGRAM}/${PACKED_MAIN}`, "wg");
}

/**
 * Runs tests in the emulator, in this project's folder. This machine's Deno first brings the
 * modules into the cache of the emulated one, compiled.
 */
export async function emulatedTests(
  ...paths: readonly string[]
): Promise<{ readonly success: boolean; readonly output: string }> {
  const run = async ([program, ...args]: readonly string[]) => {
    const { success, stdout, stderr } = await new Deno.Command(program, {
      args,
      cwd: ROOT,
      env: MACHINE_ENVIRONMENT,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    return {
      success,
      output: [stdout, stderr].map((text) => new TextDecoder().decode(text)).join(""),
    };
  };
  const cached = await run([Deno.execPath(), "cache", "--quiet", ...paths]);
  if (!cached.success) return cached;
  return await run(emulatedDeno("test", "-A", "--no-check", ...paths));
}
