/** Executes a command in the namespace at the path of its first argument, or prints the error. */
import { OsError } from "../../lib/base/errors.ts";
import { callerEnvironment } from "../../lib/daemon/caller_environment.ts";
import { execIn } from "../../lib/linux/exec.ts";
import { NetNamespace } from "../../lib/linux/namespace.ts";

try {
  execIn(NetNamespace.atPath(Deno.args[0]), Deno.args.slice(1), callerEnvironment());
} catch (error) {
  if (!(error instanceof OsError)) throw error;
  console.log("OsError", error.object, error.call, error.code);
  Deno.exit(3);
}
