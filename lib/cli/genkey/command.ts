/**
 * `wg genkey`: makes a private key.
 * @module
 */
import { KEY_LENGTH } from "../../base/constants.ts";
import { secretBytes } from "../../base/secret_bytes.ts";
import { fillRandom } from "../../runtime/entropy.ts";
import { type Command, noWords } from "../command.ts";
import { printKey } from "../key_files.ts";

/** The command `genkey`. */
export const command: Command = {
  run(args) {
    noWords("genkey", args);
    const key = secretBytes(KEY_LENGTH);
    fillRandom(key);
    // The five bits that Curve25519 fixes (RFC 7748 section 5).
    key[0] &= 0xf8;
    key[31] = key[31] & 0x7f | 0x40;
    printKey(key, true);
    return 0;
  },
};
