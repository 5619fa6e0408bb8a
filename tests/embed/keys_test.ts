/**
 * Keys of programs: what is made fits together, and what is wrong is refused with the word and what
 * is required.
 * @module
 */
import { deepEqual, doesNotThrow, equal, notDeepEqual, ok, throws } from "node:assert/strict";
import { ConfigError } from "../../lib/base/errors.ts";
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import {
  formatKey,
  makePresharedKey,
  makePrivateKey,
  parsePresharedKey,
  parsePrivateKey,
  parsePublicKey,
  publicKeyOf,
} from "../../lib/embed/keys.ts";

/** RFC 7748 section 6.1: Alice's two keys. */
const ALICE_PRIVATE = Uint8Array.fromHex(
  "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
);
const ALICE_PUBLIC = Uint8Array.fromHex(
  "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
);

const PARSERS = [["privateKey", parsePrivateKey], ["publicKey", parsePublicKey], [
  "presharedKey",
  parsePresharedKey,
]] as const;

/** Asserts a ConfigError with this message in which no part of the key is shown. */
function refuses(act: () => unknown, message: string): void {
  throws(act, (error) => {
    ok(error instanceof ConfigError, String(error));
    equal(error.message, message);
    return true;
  });
}

Deno.test("a private key is 32 random bytes in the form that Curve25519 fixes; its public key is that of RFC 7748", () => {
  const key = makePrivateKey();
  notDeepEqual(key, makePrivateKey());
  notDeepEqual(makePresharedKey(), makePresharedKey());
  deepEqual([key.length, key[0] & 7, key[31] & 0xc0], [32, 0, 0x40]);
  deepEqual(publicKeyOf(ALICE_PRIVATE), ALICE_PUBLIC);
  deepEqual(publicKeyOf(formatKey(ALICE_PRIVATE)), ALICE_PUBLIC);
});

Deno.test("keys go from bytes to text and back, and what comes back is a copy", () => {
  for (const [, parse] of PARSERS) {
    const key = makePrivateKey();
    const parsed = parse(formatKey(key));
    deepEqual(parsed, key);
    parse(key).fill(0);
    deepEqual(parsed, key);
    equal(formatKey(key).length, 44);
  }
});

Deno.test("a key of another form is refused with its word, what it is and what is required, and is not shown", () => {
  const text = formatKey(makePrivateKey());
  for (const [word, parse] of PARSERS) {
    refuses(
      () => parse(text.slice(0, 43)),
      `${word}: 43 characters; 44 characters of base64 are required`,
    );
    refuses(() => parse(""), `${word}: 0 characters; 44 characters of base64 are required`);
    refuses(
      () => parse("!" + text.slice(1)),
      `${word}: not base64 of 32 bytes; 44 characters of base64 are required`,
    );
    refuses(
      () => parse(text.slice(0, 42) + "=="),
      `${word}: not base64 of 32 bytes; 44 characters of base64 are required`,
    );
    // The last character carries four bits: bits beyond them are an error of writing.
    refuses(
      () => parse("A".repeat(42) + "B="),
      `${word}: not base64 of 32 bytes; 44 characters of base64 are required`,
    );
    refuses(() => parse(new Uint8Array(31)), `${word}: 31 bytes; 32 bytes are required`);
    refuses(
      () => parse(undefined as unknown as string),
      `${word}: undefined; 44 characters of base64 or 32 bytes are required`,
    );
    refuses(
      () => parse("short", "peers[3].key"),
      "peers[3].key: 5 characters; 44 characters of base64 are required",
    );
  }
  refuses(() => formatKey(new Uint8Array(33)), "key: 33 bytes; 32 bytes are required");
});

Deno.test("keys that cannot work: zeros, and every point of small order, with the ignored bit or without", () => {
  const zeros = "all bytes are zero; 32 random bytes are required";
  refuses(() => parsePrivateKey(new Uint8Array(32)), `privateKey: ${zeros}`);
  refuses(() => parsePresharedKey(new Uint8Array(32)), `presharedKey: ${zeros}`);
  const p = 2n ** 255n - 19n;
  const eight = 325606250916557431795983626356110631294008115727848805560023387167927233504n;
  const other = 39382357235489614581723060781553021112529911719440698176882885853963445705823n;
  const small = [0n, 1n, p - 1n, p, p + 1n, eight, other].flatMap((u) => [u, u + 2n ** 255n]);
  for (const u of small) {
    const point = Uint8Array.fromHex(u.toString(16).padStart(64, "0")).reverse();
    equal(nobleSuite.sharedSecret(makePrivateKey(), point), undefined);
    refuses(
      () => parsePublicKey(point),
      "publicKey: a point of small order; the public key of a private key is required",
    );
  }
  for (let i = 0; i < 20; i++) doesNotThrow(() => parsePublicKey(publicKeyOf(makePrivateKey())));
});
