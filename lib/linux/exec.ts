/**
 * Becoming another program inside a network namespace: `route -T N exec CMD`.
 * @module
 */
import { EACCES, ENOENT, ENOEXEC, ENOTDIR, osError } from "../base/errno.ts";
import * as libc from "../../ffi/libc.ts";

const SIGPIPE = 13;
/** Where execvp(3) looks when there is no PATH. */
const DEFAULT_PATH = "/bin:/usr/bin";

/**
 * Replaces this process by a command in the namespace: same process id, terminal and standard streams, so that exit status and
 * signals are the command's own. The runtime ignores SIGPIPE and raises the limit on descriptors; the command gets what the runtime was given.
 *
 * Call it on the main isolate, with nothing left to write. Returns only by throwing.
 * @param argv the command, looked up on the environment's PATH as execvp(3) does, and its arguments
 * @param environment "NAME=value" strings
 * @throws OsError with `argv[0]` as its object; then the process goes on where it was
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
      // A file that may not be run says more than the directories that lack it.
      if (result === -EACCES) worst = EACCES;
      else if (result !== -ENOENT && result !== -ENOTDIR) return -result;
    }
    return worst;
  });
  throw osError("exec", argv[0], errno);
}

/** None of this can fail in a way that ought to keep the command from running. */
function undoRuntime(): void {
  libc.resetSignal(SIGPIPE);
  libc.unblockSignals();
  libc.takeDescriptorLimitOf(Deno.ppid);
}

function candidates(command: string, environment: readonly Uint8Array[]): string[] {
  if (command === "") return [];
  if (command.includes("/")) return [command];
  const variables = environment.map((variable) => new TextDecoder().decode(variable));
  const path = variables.find((variable) => variable.startsWith("PATH="))?.slice("PATH=".length) ??
    DEFAULT_PATH;
  return path.split(":").map((folder) => `${folder === "" ? "." : folder}/${command}`);
}
