/**
 * The protocol's numbers (whitepaper section 6.1 and the reference implementations) and this
 * program's own limits. Every limit of a queue or a table stands here.
 * @module
 */

/** Bytes of a Curve25519 key, a preshared key, a ChaCha20-Poly1305 key and a BLAKE2s hash. */
export const KEY_LENGTH = 32;
/** Bytes of a Poly1305 tag. */
export const TAG_LENGTH = 16;
/** Bytes of mac1 and of mac2. */
export const MAC_LENGTH = 16;
/** Bytes of a cookie. */
export const COOKIE_LENGTH = 16;
/** Bytes of a TAI64N timestamp. */
export const TIMESTAMP_LENGTH = 12;

/** After this many messages a session asks for a new handshake (section 6.1): 2^60. */
export const REKEY_AFTER_MESSAGES = 1n << 60n;
/**
 * From this many messages on a session sends and accepts nothing (section 6.1): 2^64 - 2^13 - 1.
 */
export const REJECT_AFTER_MESSAGES = (1n << 64n) - (1n << 13n) - 1n;
/** The initiator of a session asks for a new one when it sends on one older than this. */
export const REKEY_AFTER_TIME_MS = 120_000;
/** A session older than this sends and accepts nothing. */
export const REJECT_AFTER_TIME_MS = 180_000;
/** A handshake attempt is repeated after this long (plus jitter), and not more often. */
export const REKEY_TIMEOUT_MS = 5_000;
/** The greatest jitter of a repeated handshake. */
export const REKEY_TIMEOUT_JITTER_MS = 333;
/** A handshake is given up after this long without an answer. */
export const REKEY_ATTEMPT_TIME_MS = 90_000;
/** A passive keepalive goes out this long after data came and nothing went. */
export const KEEPALIVE_TIMEOUT_MS = 10_000;
/**
 * The initiator asks for a new session when it receives on one older than this (180 - 10 - 5 s).
 */
export const REKEY_AFTER_TIME_RECEIVING_MS = REJECT_AFTER_TIME_MS - KEEPALIVE_TIMEOUT_MS -
  REKEY_TIMEOUT_MS;
/** All keys of a peer are erased this long after its last session began. */
export const ZERO_KEYS_AFTER_MS = 3 * REJECT_AFTER_TIME_MS;
/**
 * A secret of cookies is replaced after this long. One received is used for a little less
 * (cookie_jar.ts).
 */
export const COOKIE_SECRET_MAX_AGE_MS = 120_000;
/** The greatest persistent keepalive interval in seconds, as OpenBSD's ifconfig takes it. */
export const PERSISTENT_KEEPALIVE_MAX_S = 43_200;
/** Initiations that one peer may send a second. */
export const INITIATIONS_PER_SECOND = 50;

/** Bits in the replay window; the last word is slack (RFC 6479), so 8128 of them serve. */
export const REPLAY_WINDOW_BITS = 8192;
/** Packets that wait for a handshake, a peer; the oldest is dropped. */
export const STAGED_PACKETS_MAX = 128;
/** Peers on one interface. */
export const PEERS_MAX = 1 << 16;
/** Allowed IPs on one interface. */
export const ALLOWED_IPS_MAX = 1 << 20;
/**
 * Slots of the session index table; the low bits of a session index are its slot. At most half of
 * them are ever used.
 */
export const SESSION_SLOTS = 1 << 18;
/** Handshake messages that wait between the data plane and the control plane. */
export const HANDSHAKE_QUEUE_MAX = 4096;
/**
 * From this many waiting handshake messages on the interface is under load (1/8 of the queue), and
 * for UNDER_LOAD_AFTER_MS after.
 */
export const UNDER_LOAD_QUEUE = HANDSHAKE_QUEUE_MAX / 8;
/** How long the interface stays under load after the queue was last long. */
export const UNDER_LOAD_AFTER_MS = 1_000;
/** Largest datagram read from UDP and largest packet read from the TUN device. */
export const DATAGRAM_MAX = 65_535;
/** MTU of a new interface. */
export const DEFAULT_MTU = 1420;
/** Bytes that a data message adds to its padded payload: header 16, tag 16. */
export const DATA_OVERHEAD = 32;
/** Bytes of a peer's description with its terminator, as in OpenBSD's struct wg_peer_io. */
export const DESCRIPTION_SIZE = 64;

/** First byte (little-endian u32) of each message (section 5.4). */
export const MESSAGE_INITIATION = 1;
export const MESSAGE_RESPONSE = 2;
export const MESSAGE_COOKIE_REPLY = 3;
export const MESSAGE_DATA = 4;
/**
 * Lengths of the three messages of fixed size, and the least one of a data message (a keepalive).
 */
export const INITIATION_LENGTH = 148;
export const RESPONSE_LENGTH = 92;
export const COOKIE_REPLY_LENGTH = 64;
export const DATA_LENGTH_MIN = 32;
/** The TOS / traffic class of handshake messages: DSCP AF41. */
export const HANDSHAKE_TOS = 0x88;

/** The greatest rdomain and rtable, as on OpenBSD (RT_TABLEID_MAX). */
export const RDOMAIN_MAX = 255;
