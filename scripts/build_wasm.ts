/**
 * Makes lib/wire/checksum_wasm.ts of lib/wire/checksum.wat with the npm package wabt. Run it after
 * a change of the .wat file. A test compares the two.
 * @module
 */
import { fileURLToPath } from "node:url";

const SOURCE = fileURLToPath(new URL("../lib/wire/checksum.wat", import.meta.url));
const TARGET = fileURLToPath(new URL("../lib/wire/checksum_wasm.ts", import.meta.url));

/** The module's bytes. */
export async function buildChecksumWasm(): Promise<Uint8Array> {
  const { default: load } = await import("npm:wabt@1.0.37");
  const wabt = await load();
  const module = wabt.parseWat(SOURCE, Deno.readTextFileSync(SOURCE), { simd: true });
  try {
    module.validate();
    return module.toBinary({ log: false, write_debug_names: false }).buffer;
  } finally {
    module.destroy();
  }
}

/** The text of checksum_wasm.ts. */
export function checksumModuleText(bytes: Uint8Array): string {
  const lines = bytes.toBase64().match(/.{1,92}/g) ?? [];
  return `/**
 * lib/wire/checksum.wat as bytes in base64, made by scripts/build_wasm.ts.
 * @module
 */

/** The WebAssembly module. */
export const CHECKSUM_WASM: string = [
${lines.map((line) => `  "${line}",`).join("\n")}
].join("");
`;
}

if (import.meta.main) Deno.writeTextFileSync(TARGET, checksumModuleText(await buildChecksumWasm()));
