/**
 * Data messages that are made without a data plane.
 * @module
 */
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import { concat } from "./packets.ts";

const HEADER_BYTES = 16;

/** The data message that carries a plaintext (whitepaper section 5.4.6). */
export function dataMessage(
  receiver: number,
  counter: bigint,
  key: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(0, 4, true);
  view.setUint32(4, receiver, true);
  view.setBigUint64(8, counter, true);
  return concat(header, nobleSuite.seal(key, counter, plaintext, new Uint8Array()));
}

/** The counter of a data message. */
export function counterOf(message: Uint8Array): bigint {
  return new DataView(message.buffer, message.byteOffset).getBigUint64(8, true);
}

/** The plaintext of a data message with its padding; undefined when the tag is wrong. */
export function plaintextOf(message: Uint8Array, key: Uint8Array): Uint8Array | undefined {
  const sealed = message.subarray(HEADER_BYTES);
  return nobleSuite.open(key, counterOf(message), sealed, new Uint8Array()) ?? undefined;
}
