/**
 * The internal command `daemon --look-ups NAME DESCRIPTOR [PID]`, which becomes the process that
 * looks up names for an interface. That is a shell with a fixed program, which starts getent(1) for
 * each name: about 1 MB, the settings of the C library, and one process for the answers of
 * strangers.
 *
 * It has no key, no capability and no file that it may write. Root's process is the user nobody.
 * @module
 */
import { OsError } from "../../base/errors.ts";
import { checkInterfaceName } from "../../base/interface_name.ts";
import {
  LOOK_UPS_NAME,
  LOOK_UPS_PROGRAM,
  PROGRAM_VARIABLE,
} from "../../daemon/look_up_protocol.ts";
import { SYSTEM_PATH } from "../../daemon/packed.ts";
import { joinGroupsOf } from "../../linux/cgroups.ts";
import { execIn } from "../../linux/exec.ts";
import { restrictFiles } from "../../linux/landlock.ts";
import { LOOK_UP_RULES } from "../../linux/look_up_calls.ts";
import { becomeNobody } from "../../linux/nobody.ts";
import { assembleFilter } from "../../linux/seccomp.ts";
import { installFilter, setNoNewPrivileges } from "../../../ffi/confinement.ts";
import { closeInheritedDescriptors, leadSession } from "../../../ffi/process.ts";
import { dup2 } from "../../../ffi/libc.ts";

/** DNS, for long answers. */
const TCP_PORTS = [53];

/**
 * Gives up all rights and executes the shell.
 * @param descriptor the socket to the process of the interface
 * @param pid the process of the interface, if it is in other control groups than this process
 * @throws OsError when the shell cannot be executed
 */
export function becomeLookUps(name: string, descriptor: number, pid?: number): never {
  checkInterfaceName(name);
  leadSession();
  for (const standard of [0, 1]) dup2(descriptor, standard);
  closeInheritedDescriptors();
  // A manager that ends the command's service or session ends what is in its groups.
  if (pid !== undefined) unlessRefused(() => joinGroupsOf(pid));
  becomeNobody();
  setNoNewPrivileges();
  // In a kernel without Landlock, the user nobody has no files either.
  unlessRefused(() =>
    restrictFiles([
      { path: "/", access: ["execute", "read_file", "read_dir"] },
      { path: "/dev/null", access: ["read_file", "write_file"] },
    ], TCP_PORTS)
  );
  // A kernel without seccomp(2) goes on without it.
  installFilter(assembleFilter(LOOK_UP_RULES, Deno.build.arch, "allow"));
  const words = ["/bin/sh", "-c", `eval "$${PROGRAM_VARIABLE}"`, LOOK_UPS_NAME, name];
  const variables = [`PATH=${SYSTEM_PATH}`, "LC_ALL=C", `${PROGRAM_VARIABLE}=${LOOK_UPS_PROGRAM}`];
  return execIn(
    { run: (fn) => fn() },
    words,
    variables.map((text) => new TextEncoder().encode(text)),
  );
}

function unlessRefused(fn: () => void): void {
  try {
    fn();
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
  }
}
