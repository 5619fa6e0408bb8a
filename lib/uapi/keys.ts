/**
 * The limits and versions of the UAPI text (https://www.wireguard.com/xplatform/), and of our
 * additions.
 * @module
 */

/** The version of the operations that every implementation has: `get=1`, `set=1`. */
export const UAPI_VERSION = 1;
/** Our version: `get=2` has further keys, `set=2` explains an error in words. */
export const UAPI_VERSION_EXTENDED = 2;

/** The longest line that is accepted, in bytes without its newline. */
export const UAPI_LINE_MAX = 4096;
/**
 * The longest operation that is accepted, in bytes. It has room for PEERS_MAX peers with one range
 * each, or for ALLOWED_IPS_MAX ranges.
 */
export const UAPI_MESSAGE_MAX = 64 * 1024 * 1024;
/** The largest priority (route metric) that is accepted. */
export const PRIORITY_MAX = 0xffff_ffff;
