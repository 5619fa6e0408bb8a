/**
 * What `wg mtu` finds, and what it advises.
 * @module
 */
import { IPV6_MTU_MIN } from "../../base/constants.ts";
import { innerMtu } from "../../base/inner_mtu.ts";

/** What was measured. */
export interface MtuFindings {
  /** The interface's MTU. */
  readonly link: number;
  /**
   * The largest packet that was answered through the tunnel; undefined when the peer answers no
   * echo request.
   */
  readonly inner: number | undefined;
  /** The MTU of the path to the endpoint; undefined when it could not be asked for. */
  readonly outer: number | undefined;
  /** Bytes of the outer IP header: 20 or 40. */
  readonly outerHeader: number;
}

/** The advice. */
export interface MtuAdvice {
  /** The MTU that the interface should have at most; undefined when nothing tells it. */
  readonly mtu: number | undefined;
  /**
   * Whether the interface's MTU is right: no packet is too long for the path. Undefined when
   * nothing came back, so that nothing shows that packets of this size pass.
   */
  readonly fits: boolean | undefined;
}

/**
 * The advice. What the path says about datagrams counts as well as what the peer answered, because
 * a long datagram is sent in fragments, which many paths drop under load. IPv6 requires 1280.
 */
export function adviceOf({ link, inner, outer, outerHeader }: MtuFindings): MtuAdvice {
  const limits: number[] = [];
  // A peer that answers at the interface's MTU may be able to answer more.
  if (inner !== undefined && inner < link) limits.push(inner);
  if (outer !== undefined) limits.push(innerMtu(outer, outerHeader));
  const limit = Math.min(...limits);
  if (limit < link) {
    // One that has the least MTU already cannot be helped by another.
    const mtu = Math.max(limit, IPV6_MTU_MIN);
    return { mtu: mtu < link ? mtu : undefined, fits: false };
  }
  if (inner === undefined) return { mtu: undefined, fits: undefined };
  return { mtu: limits.length === 0 ? link : limit, fits: true };
}

/**
 * The largest size from `least` to `most` that passes, if all smaller ones pass too.
 * @param least a size that passes
 */
export function largestPassing(
  least: number,
  most: number,
  passes: (size: number) => boolean,
): number {
  if (passes(most)) return most;
  let [good, bad] = [least, most];
  while (bad - good > 1) {
    const middle = good + bad >> 1;
    if (passes(middle)) good = middle;
    else bad = middle;
  }
  return good;
}
