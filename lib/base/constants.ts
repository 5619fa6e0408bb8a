/**
 * The protocol's constants (whitepaper section 6.1 and the reference implementations), and the
 * limits that several rooms share.
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

/** Messages sent on a session after which a new handshake begins (section 6.1): 2^60. */
export const REKEY_AFTER_MESSAGES = 1n << 60n;
/** Messages after which a session neither sends nor receives (section 6.1): 2^64 - 2^13 - 1. */
export const REJECT_AFTER_MESSAGES = (1n << 64n) - (1n << 13n) - 1n;
/** Age of a session at which its initiator begins a new handshake when it sends. */
export const REKEY_AFTER_TIME_MS = 120_000;
/** Age of a session at which it neither sends nor receives. */
export const REJECT_AFTER_TIME_MS = 180_000;
/** How long an initiation waits for its response before the next is sent, besides the jitter. */
export const REKEY_TIMEOUT_MS = 5_000;
/** The longest random time added to REKEY_TIMEOUT_MS. */
export const REKEY_TIMEOUT_JITTER_MS = 333;
/** How long a handshake is tried before it is given up. */
export const REKEY_ATTEMPT_TIME_MS = 90_000;
/** How long after data was received, and nothing sent, a passive keepalive is sent. */
export const KEEPALIVE_TIMEOUT_MS = 10_000;
/** Age of a session at which its initiator begins a new handshake when it receives: 165 s. */
export const REKEY_AFTER_TIME_RECEIVING_MS = REJECT_AFTER_TIME_MS - KEEPALIVE_TIMEOUT_MS -
  REKEY_TIMEOUT_MS;
/** How long after its last session began all keys of a peer are erased. */
export const ZERO_KEYS_AFTER_MS = 3 * REJECT_AFTER_TIME_MS;
/**
 * How long the secret of cookies is used (section 5.4.7). The side that received a cookie stops
 * using it 5 seconds earlier (cookie_jar.ts).
 */
export const COOKIE_SECRET_MAX_AGE_MS = 120_000;
/** The longest interval of persistent keepalives that OpenBSD's ifconfig accepts, in seconds. */
export const PERSISTENT_KEEPALIVE_MAX_S = 43_200;
/** Initiations of one peer that are answered per second. */
export const INITIATIONS_PER_SECOND = 50;

/** Bits in the replay window. 64 of them are slack (RFC 6479), so 8128 counters are told apart. */
export const REPLAY_WINDOW_BITS = 8192;
/** Packets of one peer that wait for a handshake. One more drops the oldest. */
export const STAGED_PACKETS_MAX = 128;
/** Peers on one interface. */
export const PEERS_MAX = 1 << 16;
/** Allowed IPs on one interface. */
export const ALLOWED_IPS_MAX = 1 << 20;
/**
 * Slots of the session index table. The low 18 bits of a session index are its slot. At most half
 * of the slots are in use.
 */
export const SESSION_SLOTS = 1 << 18;
/** Handshake messages that wait for the control plane. More are dropped. */
export const HANDSHAKE_QUEUE_MAX = 4096;
/** Handshake messages with a right mac2 that wait beside these. More are dropped. */
export const PROVEN_QUEUE_MAX = 1024;
/** Handshake messages that wait for a cookie reply in each of two queues. More get none. */
export const UNANSWERED_MAX = 1024;
/** Waiting handshake messages at which the interface is under load: 1/8 of the queue. */
export const UNDER_LOAD_QUEUE = HANDSHAKE_QUEUE_MAX / 8;
/** How long the interface stays under load after UNDER_LOAD_QUEUE messages last waited. */
export const UNDER_LOAD_AFTER_MS = 1_000;
/** Largest datagram read from UDP and largest packet read from the TUN device. */
export const DATAGRAM_MAX = 65_535;
/** The least and the largest MTU of a TUN device (drivers/net/tun.c). */
export const MTU_MIN = 68;
export const MTU_MAX = 65_535;
/** MTU of a new interface. */
export const DEFAULT_MTU = 1420;
/** Bytes that a data message adds to its padded payload: header 16, tag 16. */
export const DATA_OVERHEAD = 32;
/** Bytes of a peer's description with its terminator (OpenBSD's struct wg_peer_io). */
export const DESCRIPTION_SIZE = 64;

/** First byte (little-endian u32) of each message (section 5.4). */
export const MESSAGE_INITIATION = 1;
export const MESSAGE_RESPONSE = 2;
export const MESSAGE_COOKIE_REPLY = 3;
export const MESSAGE_DATA = 4;
/** Bytes of the three messages of fixed length, and of the shortest data message, a keepalive. */
export const INITIATION_LENGTH = 148;
export const RESPONSE_LENGTH = 92;
export const COOKIE_REPLY_LENGTH = 64;
export const DATA_LENGTH_MIN = 32;
/** The TOS or traffic class of handshake messages: DSCP AF41 (Linux's HANDSHAKE_DSCP). */
export const HANDSHAKE_TOS = 0x88;

/** The greatest number of an rdomain or rtable (OpenBSD's RT_TABLEID_MAX). */
export const RDOMAIN_MAX = 255;

/** The least MTU of a link with IPv6, in bytes (RFC 8200 section 5). */
export const IPV6_MTU_MIN = 1280;
