/**
 * Explicit congestion notification through the tunnel, RFC 6040: outbound the inner bits are copied
 * to the outer header; inbound both give the new inner ones.
 * @module
 */
import { fold16 } from "../wire/checksum.ts";
import * as Ip from "../wire/ip.ts";

const DROP = -1;
/** RFC 6040 figure 4: rows by inner, columns by outer bits (Not-ECT, ECT(1), ECT(0), CE). */
const DECAPSULATED: readonly (readonly number[])[] = [
  [Ip.ECN_NOT_ECT, Ip.ECN_NOT_ECT, Ip.ECN_NOT_ECT, DROP],
  [Ip.ECN_ECT1, Ip.ECN_ECT1, Ip.ECN_ECT1, Ip.ECN_CE],
  [Ip.ECN_ECT0, Ip.ECN_ECT1, Ip.ECN_ECT0, Ip.ECN_CE],
  [Ip.ECN_CE, Ip.ECN_CE, Ip.ECN_CE, Ip.ECN_CE],
];

/** The ECN bits, 0 to 3, of the IP packet at `at`. */
export function ecnOf(bytes: Uint8Array, at: number): number {
  return bytes[at] >>> 4 === 4 ? bytes[at + Ip.IPV4_TOS] & 3 : bytes[at + 1] >>> 4 & 3;
}

/**
 * Gives the IP packet at `at` the ECN bits that its own and the outer header's (0 to 3) make, and
 * mends an IPv4 header's checksum (RFC 1624). Returns false when the packet must be dropped:
 * congestion was experienced by one that cannot say so.
 */
export function carryEcn(bytes: Uint8Array, view: DataView, at: number, outer: number): boolean {
  const v4 = bytes[at] >>> 4 === 4;
  const inner = ecnOf(bytes, at);
  const ecn = DECAPSULATED[inner][outer];
  if (ecn === DROP) return false;
  if (ecn === inner) return true;
  if (!v4) {
    bytes[at + 1] = bytes[at + 1] & ~0x30 | ecn << 4;
    return true;
  }
  bytes[at + Ip.IPV4_TOS] = bytes[at + Ip.IPV4_TOS] & ~3 | ecn;
  const sum = (~view.getUint16(at + Ip.IPV4_CHECKSUM) & 0xffff) + (~inner & 0xffff) + ecn;
  view.setUint16(at + Ip.IPV4_CHECKSUM, ~fold16(sum));
  return true;
}
