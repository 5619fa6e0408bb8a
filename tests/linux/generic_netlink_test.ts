/**
 * Generic netlink on this kernel. WireGuard's family is asked for; where the kernel lacks it, there
 * is no interface of it.
 * @module
 */
import assert from "node:assert/strict";
import { ENOENT, ENXIO } from "../../lib/base/errno.ts";
import { OsError } from "../../lib/base/errors.ts";
import { getKernelDevice, kernelInterfaceNames } from "../../lib/linux/kernel_wireguard.ts";
import { NETLINK_GENERIC, NetlinkSocket } from "../../lib/linux/netlink_socket.ts";
import { decodeFamily, encodeFamilyGet, GENL_ID_CTRL } from "../../lib/netlink/generic.ts";

function familyNumber(name: string): number | undefined {
  using socket = new NetlinkSocket(0, NETLINK_GENERIC);
  let found: number | undefined;
  socket.request(
    (sequence) => encodeFamilyGet(sequence, name),
    "CTRL_CMD_GETFAMILY",
    name,
    (message) => found = decodeFamily(message, name),
  );
  return found;
}

Deno.test("the controller's own family has its number, and an unknown one has none", () => {
  assert.equal(familyNumber("nlctrl"), GENL_ID_CTRL);
  assert.throws(
    () => familyNumber("nosuchfamily"),
    (error) => error instanceof OsError && error.errno === ENOENT,
  );
});

Deno.test("an interface that the kernel does not have as WireGuard's is no interface", () => {
  for (const name of ["lo", "wgnosuch"]) {
    assert.ok(!kernelInterfaceNames().includes(name));
    assert.throws(
      () => getKernelDevice(name),
      (error) => error instanceof OsError && error.errno === ENXIO,
    );
  }
});
