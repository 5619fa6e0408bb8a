/**
 * Events of the kernel's devices (lib/kobject_uevent.c): `ACTION@PATH`, then `NAME=VALUE` strings,
 * each with a zero byte behind it.
 * @module
 */

/** The string of drivers/virt/vmgenid.c when a virtual machine goes on as a copy. */
const NEW_GENERATION = new TextEncoder().encode("NEW_VMGENID=1");

/**
 * Whether an event says that this virtual machine is a clone, or was restored from a snapshot: the
 * hypervisor has given it another generation id.
 */
export function tellsOfClone(event: Uint8Array): boolean {
  for (let at = 0; at < event.length;) {
    const zero = event.indexOf(0, at);
    const end = zero < 0 ? event.length : zero;
    if (isNewGeneration(event.subarray(at, end))) return true;
    at = end + 1;
  }
  return false;
}

function isNewGeneration(text: Uint8Array): boolean {
  return text.length === NEW_GENERATION.length &&
    text.every((byte, i) => byte === NEW_GENERATION[i]);
}
