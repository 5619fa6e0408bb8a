/**
 * `wg genkey`: makes a private key.
 * @module
 */
import { KEY_LENGTH } from "../../base/constants.ts";
import { clamp } from "../../base/private_key.ts";
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
    clamp(key);
    printKey(key, true);
    return 0;
  },
};
