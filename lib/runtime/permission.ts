/**
 * Whether this process may call the operating system through FFI.
 * @module
 */

/** True on Linux with the runtime's permission `ffi`. The library's portable mode needs neither. */
export const mayUseFfi = (): boolean =>
  Deno.build.os === "linux" && Deno.permissions.querySync({ name: "ffi" }).state === "granted";
