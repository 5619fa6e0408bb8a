/**
 * The kernel's flags of links and addresses. They are apart from the messages, for code that only
 * shows them.
 * @module
 */

/** Flags of a link (include/uapi/linux/if.h). */
export const IFF_UP = 0x1;
export const IFF_RUNNING = 0x40;
export const IFF_NOARP = 0x80;
export const IFF_MULTICAST = 0x1000;

/** Flags of an address (include/uapi/linux/if_addr.h). */
export const IFA_F_SECONDARY = 0x01;
export const IFA_F_NODAD = 0x02;
export const IFA_F_DADFAILED = 0x08;
export const IFA_F_DEPRECATED = 0x20;
export const IFA_F_TENTATIVE = 0x40;
export const IFA_F_NOPREFIXROUTE = 0x200;
/** The kernel made the address from its own secret (RFC 7217). */
export const IFA_F_STABLE_PRIVACY = 0x800;
