/**
 * The packed executable's two sides: the sh text that starts the runtime, and what the program
 * reads of it.
 *
 * The runtime gets an environment of its own. Of the caller's variables it gets those that the
 * program itself reads. A command that starts other programs gets the caller's whole environment as
 * well, but only as data: in base64, in one variable. The runtime and its libraries read nothing of
 * it.
 * @module
 */
import { ConfigError } from "../base/errors.ts";

/** The main module's name in a packed program's folder. */
export const PACKED_MAIN = "main.js";
/** The module of the data plane's Worker, a bundle of its own. */
export const PACKED_WORKER = "lib/worker/data_worker.js";
/**
 * V8's flags: less memory for heaps that hold little and live long. All processes of the packed
 * program have the same, because V8 takes code from the cache only if its flags were the same.
 */
export const V8_FLAGS = "--v8-flags=--max-semi-space-size=1,--single-threaded-gc,--expose-gc";
/** The flags of a packed program's runtime: nothing outside of its folder is looked at. */
export const PACKED_FLAGS: readonly string[] = [
  "run",
  "--quiet",
  "-A",
  "--no-prompt",
  "--no-config",
  "--no-lock",
  "--no-remote",
  "--no-npm",
  "--cached-only",
  "--unstable-net",
  V8_FLAGS,
];
/**
 * Where the programs of the system are. The caller's PATH is for the commands that the caller
 * names.
 */
export const SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
/** What the runtime is given besides a home and a cache in the program's own folder. */
const SETTINGS = { PATH: SYSTEM_PATH, DENO_NO_UPDATE_CHECK: "1", DENO_NO_PROMPT: "1" };
/**
 * The caller's variables that the program reads, and the runtime's NO_COLOR. None of them is a
 * secret.
 */
const ALLOWED = [
  "LOG_LEVEL",
  "NOTIFY_SOCKET",
  "NO_COLOR",
  "TERM",
  "WATCHDOG_USEC",
  "WG_COLOR_MODE",
  "WG_ENDPOINT_RESOLUTION_RETRIES",
  "WG_HIDE_KEYS",
  "WG_NETSTART",
  "WG_PROCESS_FOREGROUND",
  "WG_QUICK_USERSPACE_IMPLEMENTATION",
  "WG_SANDBOX",
  "WG_WORKERS",
];
/** Words of commands that start other programs. Elsewhere such a word costs a few milliseconds. */
const STARTS_OTHERS = ["netstart", "exec", "quick", "wg-quick"];
/**
 * It holds the caller's environment in base64: NAME=value strings, each with a zero byte behind it.
 */
const CALLER_ENVIRONMENT = "WG_CALLER_ENVIRONMENT";
/** The kernel takes 128 KiB a variable. As base64 that is an environment of about 97 KB. */
const CARRIED_MAX = 131_000;
/**
 * The descriptors that each process requires, also that of an interface with one or two Workers.
 * The runtime panics with fewer. See descriptors.ts for more Workers.
 */
export const DESCRIPTORS_MIN = 64;
/** Variables that shells set by themselves. */
const OF_SHELLS = ["_", "OLDPWD", "PWD", "SHLVL"];

/**
 * What a packed program's runtime finds in its environment. `folder` is the one that holds the
 * program.
 */
export function packedEnvironment(folder: string): Readonly<Record<string, string>> {
  return { ...SETTINGS, HOME: `${folder}/cache`, DENO_DIR: `${folder}/cache` };
}

/**
 * The words of an internal command that loads the modules of an interface's process
 * (lib/cli/daemon/prepare.ts). Its name is not one that an interface may have.
 */
export const PREPARE: readonly string[] = ["daemon", "--prepare"];

/**
 * The words of an internal command that becomes a process that looks up names
 * (lib/cli/daemon/look_ups.ts). The interface and a descriptor follow, and the id of
 * the interface's process unless that is in the same control groups.
 */
export const LOOK_UPS: readonly string[] = ["daemon", "--look-ups"];

/** How long PREPARE may take. The first command waits for it. */
const PREPARE_SECONDS = 20;

/** The lines of an sh program that run PREPARE. `folder` is that of `startRuntime`. */
export function prepareRuntime(folder: string): string {
  return [
    ...settingsOf(folder),
    "timeout",
    `${PREPARE_SECONDS}`,
    `"${folder}/deno"`,
    ...PACKED_FLAGS,
    `"${folder}/${PACKED_MAIN}"`,
    "wg",
    ...PREPARE,
  ].join(" ");
}

/** What a packed program's runtime finds in its environment, as sh words for env(1). */
const settingsOf = (folder: string): string[] =>
  Object.entries(packedEnvironment(folder)).map(([name, value]) => `"${name}=${value}"`);

/**
 * The first lines of an sh program that the caller's environment is not to influence: functions
 * that bash takes from it, options, the field separator, the path, the locale, and a folder in
 * which the runtime does not start.
 */
export const SHELL_PREAMBLE =
  `unset -f [ base64 cat cd env find gzip head ls mkdir mktemp mv printf pwd read rm rmdir \\
  sha256sum tail tar tr true ulimit uname
set +aCefnuvx
newline='
'
IFS=" 	$newline"
PATH=${SYSTEM_PATH}
LC_ALL=C
# The runtime does not start in a folder that no path leads to: it was removed or unmounted, or is
# in another mount namespace. One that has another path here is entered by it.
{ [ . -ef "$PWD" ] && cd "$PWD"; } 2>/dev/null || [ -n "$(pwd -P 2>/dev/null)" ] || cd /`;

/**
 * The lines of an sh program that become the runtime, with the positional parameters as arguments.
 * @param folder sh text for the folder of the unpacked program, to stand within double quotes; its
 *   value holds no `=` and no line feed
 * @param words sh text for the words in front of the arguments: the name that the program was
 *   called by, and perhaps a command
 */
export function startRuntime(folder: string, words: string): string {
  const allowed = ALLOWED.map((name) =>
    `[ -z "\${${name}+set}" ] || set -- "${name}=$${name}" "$@"`
  );
  return String.raw`descriptors=$(ulimit -n)
if [ "$descriptors" != unlimited ] && [ "$descriptors" -lt ${DESCRIPTORS_MIN} ]; then
  ulimit -S -n ${DESCRIPTORS_MIN} 2>/dev/null || {
    printf '%s\n' "wg: only $descriptors files may be open at once (ulimit -n); ${DESCRIPTORS_MIN} are required" >&2
    exit 1
  }
fi
carry=
for word in ${words} "$@"; do
  case ${"$"}{word##*/} in
    ${STARTS_OTHERS.join(" | ")}) carry=yes ;;
  esac
done
set -- "${folder}/deno" ${PACKED_FLAGS.join(" ")} "${folder}/${PACKED_MAIN}" ${words} "$@"
${allowed.join("\n")}
set -- ${settingsOf(folder).join(" ")} "$@"
[ "$carry" ] || exec env -i "$@"
# Everybody may read arguments: the caller's values stay in the environment, in one variable, and all
# others are taken out by name.
{
  variables=$(tr '\0\n' '\n ' <&3) && ${CALLER_ENVIRONMENT}=$(base64 <&4)
} 3</proc/self/environ 4</proc/self/environ || {
  printf '%s\n' "wg: the environment for other commands cannot be read: /proc, tr and base64 are required" >&2
  exit 1
}
if [ ${"$"}{#${CALLER_ENVIRONMENT}} -gt ${CARRIED_MAX} ]; then
  printf '%s\n' "wg: the environment is too large to be handed to other commands; at most 97 KB is possible" >&2
  exit 1
fi
export ${CALLER_ENVIRONMENT}
IFS=$newline
set -f
for name in ${OF_SHELLS.join(" ")} $variables; do
  name=${"$"}{name%%=*}
  case $name in
    # env(1) refuses to remove an entry without a name, which nothing can read.
    "" | ${CALLER_ENVIRONMENT}) ;;
    *) set -- -u "$name" "$@" ;;
  esac
done
exec env "$@"`;
}

/**
 * The environment that the caller of a packed program gave it, for the programs that it starts:
 * "NAME=value" strings in the bytes that the kernel had them in. Undefined when the command line
 * had none of the words that start others.
 */
export function carriedEnvironment(): readonly Uint8Array[] | undefined {
  const carried = Deno.env.get(CALLER_ENVIRONMENT);
  if (carried === undefined) return undefined;
  return carriedVariables(carried);
}

/**
 * Reads the value of the variable that carries the caller's environment.
 * @throws ConfigError for text that is not base64
 */
export function carriedVariables(carried: string): readonly Uint8Array[] {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.fromBase64(carried);
  } catch {
    throw new ConfigError(
      CALLER_ENVIRONMENT,
      "the value is not base64; the packed program sets this variable itself",
    );
  }
  const variables: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(0, at);
    if (end < 0) break;
    variables.push(bytes.slice(at, end));
    at = end + 1;
  }
  return variables;
}
