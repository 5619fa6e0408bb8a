/**
 * ifconfig's words for the interface itself.
 * @module
 */
import { ConfigError } from "../../../base/errors.ts";
import type { OffloadName } from "../../../base/offloads.ts";
import { DESCRIPTION_SIZE, RDOMAIN_MAX } from "../../../base/constants.ts";
import { checkDescription, checkGroup } from "../../../base/labels.ts";
import { quote } from "../../../base/quote.ts";
import { PRIORITY_MAX } from "../../../uapi/keys.ts";
import type { Word } from "./draft.ts";
import { parseNumber } from "./values.ts";

/** The least MTU a TUN device takes, and the greatest (drivers/net/tun.c: MIN_MTU, 65535 less no header). */
const MTU_MIN = 68;
const MTU_MAX = 65_535;
/** Every wg interface is in this group. */
const CLASS_GROUP = "wg";

/** The group of the kind of interface, which cannot be left. */
function notTheClass(word: string, name: string): string {
  if (name === CLASS_GROUP) {
    throw new ConfigError(
      word,
      `${quote(name)} holds every wg interface; it cannot be joined or left`,
    );
  }
  return name;
}

/** The two words of an offload. */
const offload = (name: OffloadName, on: string, off: string): readonly Word[] =>
  [true, false].map((value) => ({
    name: value ? name : `-${name}`,
    operands: [],
    section: "interface",
    help: value ? on : off,
    take: (draft) => draft.setOffload(name, value),
  }));

export const INTERFACE_WORDS: readonly Word[] = [
  {
    name: "create",
    operands: [],
    section: "interface",
    help:
      "Make the interface and start the process behind it. For the name wg alone the lowest free number is taken and the name printed.",
    take(draft) {
      draft.create = true;
    },
  },
  {
    name: "destroy",
    operands: [],
    section: "interface",
    help:
      "End the process behind the interface; the interface goes with it. No other word may stand beside it.",
    take(draft) {
      draft.destroy = true;
    },
  },
  {
    name: "up",
    operands: [],
    section: "interface",
    help: "Let packets through. Assigning an address does it too.",
    take(draft) {
      draft.up = true;
    },
  },
  {
    name: "down",
    operands: [],
    section: "interface",
    help: "Let no packets through: waiting packets are dropped, timers stopped, sessions wiped. " +
      "Addresses and routes are kept for the next up.",
    take(draft) {
      draft.up = false;
    },
  },
  {
    name: "mtu",
    operands: ["value"],
    requires: `a number of bytes, ${MTU_MIN} to ${MTU_MAX}`,
    section: "interface",
    help: `The largest packet in bytes, ${MTU_MIN} to ${MTU_MAX}; 1420 at first. IPv6 needs 1280.`,
    take(draft, [value], word) {
      draft.mtu = parseNumber(word, value, MTU_MIN, MTU_MAX);
    },
  },
  {
    name: "description",
    also: ["descr"],
    operands: ["text"],
    requires: `a text of at most ${DESCRIPTION_SIZE - 1} bytes`,
    section: "interface",
    help: "Describe the interface in at most 63 bytes; ip link shows it as the alias.",
    take(draft, [text], word) {
      draft.description = checkDescription(word, text);
    },
  },
  {
    name: "-description",
    also: ["-descr"],
    operands: [],
    section: "interface",
    help: "Remove the description.",
    take(draft) {
      draft.description = "";
    },
  },
  {
    name: "group",
    operands: ["name"],
    requires: "the name of a group",
    section: "interface",
    help:
      "Put the interface into a group, whose name selects interfaces to show. Every wg interface is in the group wg.",
    take(draft, [name], word) {
      draft.joinGroups.push(notTheClass(word, checkGroup(word, name)));
    },
  },
  {
    name: "-group",
    operands: ["name"],
    requires: "the name of a group",
    section: "interface",
    help: "Take the interface out of a group.",
    take(draft, [name], word) {
      draft.leaveGroups.push(notTheClass(word, checkGroup(word, name)));
    },
  },
  {
    name: "rdomain",
    operands: ["number"],
    requires: `a routing domain, 0 to ${RDOMAIN_MAX}`,
    section: "interface",
    help:
      `Move the interface to routing domain 0 to ${RDOMAIN_MAX}, the network namespace rdomainN (made when it is not there); 0 is where it was created. ` +
      "Its addresses go. The UDP socket stays where wgrtable says.",
    take(draft, [number], word) {
      draft.rdomain = parseNumber(word, number, 0, RDOMAIN_MAX);
    },
  },
  {
    name: "-rdomain",
    operands: [],
    section: "interface",
    help: "Move the interface back to routing domain 0.",
    take(draft) {
      draft.rdomain = 0;
    },
  },
  {
    name: "priority",
    also: ["metric"],
    operands: ["number"],
    requires: `a metric, 0 to ${PRIORITY_MAX}`,
    section: "interface",
    help:
      "The metric of the routes that the interface's addresses make; 0 leaves it to the kernel. A lower one wins.",
    take(draft, [number], word) {
      draft.change.priority = parseNumber(word, number, 0, PRIORITY_MAX);
    },
  },
  {
    name: "debug",
    operands: [],
    section: "interface",
    help: "Write the messages of wg(4), DIAGNOSTICS, to the system log and to wg dmesg.",
    take(draft) {
      draft.change.debug = true;
    },
  },
  {
    name: "-debug",
    operands: [],
    section: "interface",
    help: "Stop doing so.",
    take(draft) {
      draft.change.debug = false;
    },
  },
  ...offload(
    "tso",
    "Take TCP super-packets of up to 64 KiB from the TUN device (TUNSETOFFLOAD), and write TCP packets that follow each " +
      "other as one. Like the other offloads it is used from the beginning where the kernel has it; hwfeatures shows which run.",
    "Take and write TCP packets one by one; those of UDP too, as Linux has no USO without TSO.",
  ),
  ...offload(
    "uso",
    "The same for UDP super-packets, while TSO may be used. Linux has it from 6.2 on.",
    "Take and write UDP packets one by one.",
  ),
  ...offload(
    "gso",
    "Send several of the tunnel's datagrams with one system call (UDP_SEGMENT).",
    "Send the tunnel's datagrams one by one.",
  ),
  ...offload(
    "gro",
    "Receive several of the tunnel's datagrams with one system call (UDP_GRO).",
    "Receive the tunnel's datagrams one by one. Some that wait at that moment may be lost.",
  ),
];
