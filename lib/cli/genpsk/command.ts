/**
 * `wg genpsk`: makes a preshared key.
 * @module
 */
import { KEY_LENGTH } from "../../base/constants.ts";
import { secretBytes } from "../../base/secret_bytes.ts";
import { fillRandom } from "../../runtime/entropy.ts";
import { type Command, noWords } from "../command.ts";
import { printKey } from "../key_files.ts";

/** The command `genpsk`. */
export const command: Command = {
  run(args) {
    noWords("genpsk", args);
    const key = secretBytes(KEY_LENGTH);
    fillRandom(key);
    printKey(key, true);
    return 0;
  },
};
