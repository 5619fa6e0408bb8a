/**
 * Where the fields of IPv4 (RFC 791), IPv6 (RFC 8200), TCP (RFC 9293), UDP (RFC 768) and ICMP headers stand: offsets in bytes from the header's beginning.
 * @module
 */

/** Bytes of the headers without options or extensions. */
export const IPV4_HEADER_BYTES = 20;
export const IPV6_HEADER_BYTES = 40;
export const TCP_HEADER_BYTES = 20;
export const UDP_HEADER_BYTES = 8;
export const ICMP_HEADER_BYTES = 8;

/** IPv4: ECN is the low two bits of TOS. */
export const IPV4_TOS = 1;
export const IPV4_LENGTH = 2;
export const IPV4_ID = 4;
/** Flags (reserved, DF 0x40, MF 0x20) and the high bits of the fragment offset. */
export const IPV4_FLAGS = 6;
export const IPV4_TTL = 8;
export const IPV4_PROTOCOL = 9;
export const IPV4_CHECKSUM = 10;
export const IPV4_SOURCE = 12;
export const IPV4_DESTINATION = 16;

/** IPv6: the length counts what follows the 40 bytes. ECN is bits 5-4 of byte 1. */
export const IPV6_LENGTH = 4;
export const IPV6_NEXT = 6;
export const IPV6_HOP_LIMIT = 7;
export const IPV6_SOURCE = 8;
export const IPV6_DESTINATION = 24;

export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_ICMPV6 = 58;

export const TCP_SEQUENCE = 4;
/** High half of the byte: header length in 32-bit words. */
export const TCP_OFFSET = 12;
export const TCP_FLAGS = 13;
export const TCP_CHECKSUM = 16;
export const TCP_FIN = 0x01;
export const TCP_PSH = 0x08;
export const TCP_ACK = 0x10;
export const TCP_CWR = 0x80;

export const UDP_LENGTH = 4;
export const UDP_CHECKSUM = 6;

/** ECN codepoints (RFC 3168). */
export const ECN_NOT_ECT = 0;
export const ECN_ECT1 = 1;
export const ECN_ECT0 = 2;
export const ECN_CE = 3;
