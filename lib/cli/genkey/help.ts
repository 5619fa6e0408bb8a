/**
 * The help of genkey.
 * @module
 */
import type { Manual } from "../manual.ts";

/** The manual of `genkey`, for wg(8) and the help. */
export const GENKEY_MANUAL: Manual = {
  name: "genkey",
  usage: [""],
  about: [
    "Makes a private key and prints it in base64. It warns if standard output is a file " +
    "that other users can access.",
  ],
  lists: [],
  notes: [
    "The random bytes come from getrandom(2). `umask 077; wg genkey | tee private.key | wg " +
    "pubkey > public.key` makes both keys.",
  ],
  literals: [],
};
