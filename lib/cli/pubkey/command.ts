/**
 * `wg pubkey`: reads a private key and prints its public key.
 * @module
 */
import { loadSuite } from "../../runtime/loaded_crypto.ts";
import { type Command, noWords } from "../command.ts";
import { printKey, readKeyFromInput } from "../key_files.ts";

/** The command `pubkey`. */
export const command: Command = {
  async run(args) {
    noWords("pubkey", args);
    const privateKey = readKeyFromInput("pubkey");
    const publicKey = (await loadSuite()).publicKey(privateKey);
    privateKey.fill(0);
    printKey(publicKey, false);
    return 0;
  },
};
