/**
 * The user that owns no files.
 * @module
 */
import { leaveGroups, setgid, setuid } from "../../ffi/libc.ts";
import { limitCapabilities } from "./capabilities.ts";

/** The user and group of Linux for those without one of their own (overflowuid). */
const NOBODY = 65_534;

/**
 * Gives up all capabilities of the calling thread, and of the program that it executes. Root
 * becomes the user nobody in no group, so that files of root which are not for everybody cannot be
 * read.
 * Where root may not, as in a container without CAP_SETUID or a user namespace without that user,
 * it stays root without capabilities.
 */
export function becomeNobody(): void {
  limitCapabilities(["setgid", "setuid"]);
  if (Deno.uid() === 0) {
    leaveGroups();
    setgid(NOBODY);
    setuid(NOBODY);
  }
  limitCapabilities([]);
}
