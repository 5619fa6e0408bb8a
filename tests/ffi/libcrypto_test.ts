/** What libcrypto does at the end of the process. */
import { equal } from "node:assert/strict";
import { openLibcrypto } from "../../ffi/libcrypto.ts";

const module = (path: string) => JSON.stringify(import.meta.resolve(`../../${path}`));

/** Ends a process that has used libcrypto, and aborts if libcrypto cleans up at its exit. */
const SCRIPT = `
  import { openLibcrypto } from ${module("ffi/libcrypto.ts")};
  import { x25519 } from ${module("ffi/libcrypto_x25519.ts")};
  const libcrypto = openLibcrypto();
  x25519(libcrypto).publicKey(new Uint8Array(32).fill(7));
  const { abort } = Deno.dlopen("libc.so.6", { abort: { type: "pointer" } }).symbols;
  const { OPENSSL_atexit } = Deno.dlopen(libcrypto.file, {
    OPENSSL_atexit: { parameters: ["pointer"], result: "i32" },
  }).symbols;
  Deno.exit(OPENSSL_atexit(abort) === 1 ? 0 : 1);
`;

Deno.test({
  name: "exit does not free the memory of libcrypto, which Workers may use",
  ignore: openLibcrypto() === undefined,
  fn: async () => {
    const { code, signal, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-check", SCRIPT],
      stdout: "null",
      stderr: "piped",
    }).output();
    equal(signal, null);
    equal(code, 0, new TextDecoder().decode(stderr));
  },
});
