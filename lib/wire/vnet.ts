/**
 * struct virtio_net_hdr as a TUN device with IFF_VNET_HDR uses it (include/uapi/linux/virtio_net.h): 10 bytes, little-endian.
 * @module
 */

/** Offsets in bytes. */
export const VNET_FLAGS = 0;
export const VNET_GSO_TYPE = 1;
export const VNET_HEADER_LENGTH = 2;
export const VNET_GSO_SIZE = 4;
export const VNET_CHECKSUM_START = 6;
export const VNET_CHECKSUM_OFFSET = 8;

/** Of `flags`: the checksum at start + offset holds the pseudo header's sum only. */
export const VNET_NEEDS_CHECKSUM = 1;

/** Of `gso_type`. */
export const GSO_NONE = 0;
export const GSO_TCPV4 = 1;
export const GSO_TCPV6 = 4;
export const GSO_UDP_L4 = 5;
/** Added to a TCP type: the first segment has CWR. */
export const GSO_ECN = 0x80;
