/**
 * The help of genpsk.
 * @module
 */
import type { Manual } from "../manual.ts";

/** The manual of `genpsk`, for wg(8) and the help. */
export const GENPSK_MANUAL: Manual = {
  name: "genpsk",
  usage: [""],
  about: [
    "Makes a preshared key and prints it in base64. It warns as genkey does.",
  ],
  lists: [],
  notes: [],
  literals: [],
};
