/**
 * What this process may do (capabilities(7)), as /proc tells.
 * @module
 */

const CAP_NET_ADMIN = 12n;

/**
 * Whether the process may make and change network interfaces. Where it cannot be told it counts as
 * yes: the kernel's answer decides then.
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
