/**
 * `wg pubkey`: reads a private key and prints its public key.
 * @module
 */
import { chooseSuite } from "../../runtime/crypto.ts";
import { type Command, noWords } from "../command.ts";
import { printKey, readKeyFromInput } from "../key_files.ts";

/** The command `pubkey`. */
export const command: Command = {
  run(args) {
    noWords("pubkey", args);
    const privateKey = readKeyFromInput("pubkey");
    const publicKey = chooseSuite().publicKey(privateKey);
    privateKey.fill(0);
    printKey(publicKey, false);
    return 0;
  },
};
