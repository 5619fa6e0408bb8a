/** The source addresses of ICMP answers. */
import assert from "node:assert/strict";
import { parseIp } from "../../lib/base/ip_text.ts";
import { chooseOwnAddresses } from "../../lib/linux/own_addresses.ts";
import { type InterfaceAddress, RT_SCOPE_HOST, RT_SCOPE_LINK } from "../../lib/netlink/address.ts";
import {
  IFA_F_DADFAILED,
  IFA_F_DEPRECATED,
  IFA_F_SECONDARY,
  IFA_F_TENTATIVE,
} from "../../lib/netlink/flags.ts";

const WG = 5;
const ip = (text: string) => parseIp(text)!;

function address(text: string, more: Partial<InterfaceAddress> = {}): InterfaceAddress {
  const base = {
    address: ip(text),
    prefix: 24,
    interfaceIndex: WG,
    label: "",
    scope: 0,
    flags: 0,
    metric: 0,
  };
  return { ...base, peer: undefined, broadcast: undefined, protocol: 0, ...more };
}

const LO = [
  address("127.0.0.1", { interfaceIndex: 1, scope: RT_SCOPE_HOST }),
  address("::1", { interfaceIndex: 1, scope: RT_SCOPE_HOST }),
];
const choose = (...addresses: readonly InterfaceAddress[]) =>
  chooseOwnAddresses([...LO, ...addresses], WG, true);

Deno.test("IPv4: the interface's first address that is not secondary, and none of another link", () => {
  const other = address("10.0.0.1", { interfaceIndex: 2 });
  assert.equal(choose(other).answersFrom4, undefined);
  const secondary = address("192.168.5.2", { flags: IFA_F_SECONDARY });
  const link = address("169.254.1.1", { scope: RT_SCOPE_LINK });
  const chosen = choose(other, link, secondary, address("192.168.5.1"), address("192.168.6.1"));
  assert.deepEqual(chosen.answersFrom4, ip("192.168.5.1"));
  assert.deepEqual(choose(other, link).answersFrom4, link.address);
});

Deno.test("IPv6: a global address of the interface, then of another link, then a link-local one", () => {
  const linkLocal = address("fe80::1", { scope: RT_SCOPE_LINK });
  const foreign = address("fe80::2", { scope: RT_SCOPE_LINK, interfaceIndex: 2 });
  const other = address("2001:db8::2", { interfaceIndex: 2 });
  const old = address("fd05::2", { flags: IFA_F_DEPRECATED });
  const unusable = [
    address("fd05::3", { flags: IFA_F_TENTATIVE }),
    address("fd05::4", { flags: IFA_F_DADFAILED }),
  ];
  const from = (...addresses: readonly InterfaceAddress[]) =>
    choose(foreign, ...addresses).answersFrom6;
  assert.equal(from(...unusable), undefined);
  assert.deepEqual(from(...unusable, linkLocal), linkLocal.address);
  assert.deepEqual(from(linkLocal, other), other.address);
  assert.deepEqual(from(linkLocal, other, old, address("fd05::1")), ip("fd05::1"));
  assert.deepEqual(from(linkLocal, old), old.address);
});

Deno.test("without accept_local, IPv4 has no address for answers, and no source is refused", () => {
  const addresses = [
    ...LO,
    address("192.168.5.1"),
    address("10.0.0.1", { interfaceIndex: 2 }),
    address("fd05::1"),
  ];
  assert.deepEqual(chooseOwnAddresses(addresses, WG, false), {
    answersFrom4: undefined,
    answersFrom6: ip("fd05::1"),
    refused4: [],
  });
  const { refused4 } = chooseOwnAddresses(addresses, WG, true);
  assert.deepEqual(refused4, ["127.0.0.1", "192.168.5.1", "10.0.0.1"].map(ip));
});
