/**
 * Reads the capabilities of this process from /proc (capabilities(7)).
 * @module
 */

const CAP_NET_ADMIN = 12n;

/**
 * Whether this process may make and change network interfaces (CAP_NET_ADMIN). True also when /proc
 * cannot be read; the kernel then decides.
 */
export function mayAdministerNetwork(): boolean {
  try {
    const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(
      Deno.readTextFileSync("/proc/thread-self/status"),
    )?.[1];
    return effective === undefined || (BigInt(`0x${effective}`) >> CAP_NET_ADMIN & 1n) === 1n;
  } catch {
    return true;
  }
}
