/**
 * Whether this process may call the operating system through FFI.
 * @module
 */

/** Whether this is Linux, with the runtime's permission `ffi`. Portable mode works without both. */
export const mayUseFfi = (): boolean =>
  Deno.build.os === "linux" && Deno.permissions.querySync({ name: "ffi" }).state === "granted";
