/** A network namespace without a name, and ip(8) in it, for tests that are root. */
import assert from "node:assert/strict";
import { checked } from "../../ffi/errno.ts";
import { CLONE_NEWNET, setns, unshare } from "../../ffi/libc.ts";
import { NetNamespace } from "../../lib/linux/namespace.ts";
import { parseIp } from "../../lib/base/ip_text.ts";

/** Whether this user may change the network. Otherwise such tests are skipped. */
export const isRoot = Deno.uid() === 0;

/** The bytes of an address. */
export const ip = (text: string): Uint8Array => parseIp(text) ?? assert.fail(text);

/** A new namespace without a name. It ends when its last descriptor is closed. */
export function freshNamespace(): NetNamespace {
  using home = NetNamespace.current();
  checked(unshare(CLONE_NEWNET), "unshare", "test");
  try {
    return NetNamespace.current();
  } finally {
    checked(setns(home.fd, CLONE_NEWNET), "setns", "test");
  }
}

/** Runs a command in the namespace, which the child inherits, and returns its standard output. */
export function runIn(namespace: NetNamespace, command: string, ...args: string[]): string {
  const { success, stdout, stderr } = namespace.run(() =>
    new Deno.Command(command, { args }).outputSync()
  );
  assert.ok(success, `${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** The output of `ip -json ARGS` in the namespace. */
// deno-lint-ignore no-explicit-any
export function ipJson(namespace: NetNamespace, ...args: string[]): any[] {
  return JSON.parse(runIn(namespace, "ip", "-json", "-details", ...args) || "[]");
}

/** Asserts that `act` throws an OsError with this code. Returns its message. */
export function osErrorOf(code: string, act: () => unknown): string {
  let message = "";
  assert.throws(act, (error: unknown) => {
    assert.ok(error instanceof Error && error.name === "OsError", String(error));
    assert.equal((error as Error & { code: string }).code, code, error.message);
    message = error.message;
    return true;
  });
  return message;
}
