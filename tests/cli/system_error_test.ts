/** Errors of the operating system that the runtime passes on. */
import { equal, ok } from "node:assert/strict";
import { isSystemError, systemErrorText } from "../../lib/cli/system_error.ts";

/** The text for the error of a call. */
function textOf(call: () => void): string {
  try {
    call();
  } catch (error) {
    ok(isSystemError(error));
    return systemErrorText(error);
  }
  throw new Error("the call succeeded");
}

Deno.test("an error of the runtime is told by object, call and errno", () => {
  equal(
    textOf(() => Deno.mkdirSync("/proc/wg/x")),
    "/proc/wg/x: mkdir: No such file or directory (ENOENT)",
  );
  equal(
    textOf(() => Deno.writeTextFileSync("/dev/null/x", "")),
    "/dev/null/x: writefile: Not a directory (ENOTDIR)",
  );
  equal(
    textOf(() => Deno.renameSync("/proc/wg/x", "/proc/wg/y")),
    "/proc/wg/x: rename: No such file or directory (ENOENT)",
  );
});

Deno.test("an error without an object has the errno, and other errors are not of the system", () => {
  using full = Deno.openSync("/dev/full", { write: true });
  equal(textOf(() => full.writeSync(new Uint8Array(1))), "No space left on device (ENOSPC)");
  equal(isSystemError(new TypeError("x")), false);
});
