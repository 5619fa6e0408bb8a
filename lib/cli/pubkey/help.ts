/**
 * The help of pubkey.
 * @module
 */
import type { Manual } from "../manual.ts";

/** The manual of `pubkey`, for wg(8) and the help. */
export const PUBKEY_MANUAL: Manual = {
  name: "pubkey",
  usage: [""],
  about: [
    "Reads a private key in base64 from standard input and prints its public key.",
  ],
  lists: [],
  notes: [],
  literals: [],
};
