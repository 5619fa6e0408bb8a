/**
 * Layout of struct virtio_net_hdr (include/uapi/linux/virtio_net.h), which precedes every packet of
 * a TUN device with IFF_VNET_HDR: 10 bytes, little-endian.
 * @module
 */

/** Offsets in bytes of the fields. */
export const VNET_FLAGS = 0;
export const VNET_GSO_TYPE = 1;
export const VNET_HEADER_LENGTH = 2;
export const VNET_GSO_SIZE = 4;
export const VNET_CHECKSUM_START = 6;
export const VNET_CHECKSUM_OFFSET = 8;

/** Flag: the checksum at start + offset covers the pseudo header only and must be completed. */
export const VNET_NEEDS_CHECKSUM = 1;

/** Values of `gso_type`. */
export const GSO_NONE = 0;
export const GSO_TCPV4 = 1;
export const GSO_TCPV6 = 4;
export const GSO_UDP_L4 = 5;
/** Flag of a TCP `gso_type`: only the first segment has CWR. */
export const GSO_ECN = 0x80;
