/**
 * The keys of the UAPI text (https://www.wireguard.com/xplatform/), and ours that wg(8) does not know.
 * @module
 */

/** The version of the operations that every implementation speaks: `get=1`, `set=1`. */
export const UAPI_VERSION = 1;
/** Our own: `get=2` answers with the extra keys too, `set=2` explains an error in words. */
export const UAPI_VERSION_EXTENDED = 2;

/** Bytes of the longest line taken, its newline not counted. */
export const UAPI_LINE_MAX = 4096;
/** Bytes of the longest operation taken: room for PEERS_MAX peers with a range each, or ALLOWED_IPS_MAX ranges. */
export const UAPI_MESSAGE_MAX = 64 * 1024 * 1024;
/** The greatest priority (route metric) taken. */
export const PRIORITY_MAX = 0xffff_ffff;
