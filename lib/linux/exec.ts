/**
 * Runs a command in a network namespace in place of this process: `route -T N exec CMD`.
 * @module
 */
import { EACCES, ENOENT, ENOEXEC, ENOTDIR, osError } from "../base/errno.ts";
import * as libc from "../../ffi/libc.ts";

const SIGPIPE = 13;
/** The search path of execvp(3) when PATH is not set. */
const DEFAULT_PATH = "/bin:/usr/bin";

/**
 * Replaces this process by a command in a network namespace. The command keeps the process id, the
 * terminal and the standard streams, so exit status and signals are its own. The action of SIGPIPE
 * and the limit on descriptors, which the runtime changes, are restored.
 *
 * Call it on the main isolate, after all output is written. It returns only when it throws.
 * @param argv the command and its arguments; the command is searched as by execvp(3)
 * @param environment "NAME=value" strings
 * @throws OsError whose object is `argv[0]`; the process is back in its own namespace then
 */
export function execIn(
  namespace: { run<T>(fn: () => T): T },
  argv: readonly string[],
  environment: readonly Uint8Array[],
): never {
  const errno = namespace.run(() => {
    undoRuntime();
    let worst = ENOENT;
    for (const path of candidates(argv[0], environment)) {
      let result = libc.execve(path, argv, environment);
      if (result === -ENOEXEC) {
        result = libc.execve("/bin/sh", ["sh", path, ...argv.slice(1)], environment);
      }
      // EACCES for one file tells more than ENOENT for the other folders.
      if (result === -EACCES) worst = EACCES;
      else if (result !== -ENOENT && result !== -ENOTDIR) return -result;
    }
    return worst;
  });
  throw osError("exec", argv[0], errno);
}

/** Undoes the runtime's changes of the process. Failures are ignored; the command can still run. */
function undoRuntime(): void {
  libc.resetSignal(SIGPIPE);
  libc.unblockSignals();
  libc.copyDescriptorLimit(Deno.ppid);
}

function candidates(command: string, environment: readonly Uint8Array[]): string[] {
  if (command === "") return [];
  if (command.includes("/")) return [command];
  const variables = environment.map((variable) => new TextDecoder().decode(variable));
  const path = variables.find((variable) => variable.startsWith("PATH="))?.slice("PATH=".length) ??
    DEFAULT_PATH;
  return path.split(":").map((folder) => `${folder === "" ? "." : folder}/${command}`);
}
