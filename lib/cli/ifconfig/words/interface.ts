/**
 * The words of ifconfig for the interface itself.
 * @module
 */
import { ConfigError } from "../../../base/errors.ts";
import type { OffloadName } from "../../../base/offloads.ts";
import { DESCRIPTION_SIZE, MTU_MAX, MTU_MIN, RDOMAIN_MAX } from "../../../base/constants.ts";
import { checkDescription, checkGroup } from "../../../base/labels.ts";
import { quote } from "../../../base/quote.ts";
import { PRIORITY_MAX } from "../../../uapi/keys.ts";
import type { Word } from "./draft.ts";
import { parseNumber } from "./values.ts";

/** The group of all wg interfaces. */
const CLASS_GROUP = "wg";

/** Checks that a group is not that of all wg interfaces, which cannot be joined or left. */
function notTheClass(word: string, name: string): string {
  if (name === CLASS_GROUP) {
    throw new ConfigError(
      word,
      `${quote(name)} holds every wg interface; it cannot be joined or left`,
    );
  }
  return name;
}

/** The two words of an offload: on and off. */
const offload = (name: OffloadName, on: string, off: string): readonly Word[] =>
  [true, false].map((value) => ({
    name: value ? name : `-${name}`,
    operands: [],
    section: "interface",
    help: value ? on : off,
    fill: (draft) => draft.setOffload(name, value),
  }));

export const INTERFACE_WORDS: readonly Word[] = [
  {
    name: "create",
    operands: [],
    section: "interface",
    help: "Create the interface and start its process. The name wg alone picks the lowest free " +
      "number; the name is printed.",
    fill(draft) {
      draft.create = true;
    },
  },
  {
    name: "destroy",
    operands: [],
    section: "interface",
    help: "Destroy the interface and end its process. No other word is allowed on the line.",
    fill(draft) {
      draft.destroy = true;
    },
  },
  {
    name: "up",
    operands: [],
    section: "interface",
    help: "Let packets through. Assigning an address does this too.",
    fill(draft) {
      draft.up = true;
    },
  },
  {
    name: "down",
    operands: [],
    section: "interface",
    help: "Let no packets through. Waiting packets are dropped, timers are stopped and sessions " +
      "are wiped. Addresses and routes come back with the next up. " +
      "Until then route(8) neither shows nor deletes the routes.",
    fill(draft) {
      draft.up = false;
    },
  },
  {
    name: "mtu",
    operands: ["value"],
    requires: `a number of bytes, ${MTU_MIN} to ${MTU_MAX}, or auto`,
    section: "interface",
    help:
      `The largest packet in bytes, ${MTU_MIN} to ${MTU_MAX}. The default is 1420. IPv6 requires ` +
      "1280. With auto it follows the narrowest path to a peer that has a session, and is never " +
      "below 1280: datagrams that must not be fragmented ask the paths every minute. It becomes " +
      "smaller at once, and larger when the path was wider for two minutes. An MTU that is set by " +
      "hand ends this. It is refused with a wgrtable other than 0.",
    fill(draft, [value], word) {
      if (value === "auto") {
        draft.mtu = undefined;
        draft.change.mtuAuto = true;
        return;
      }
      draft.mtu = parseNumber(word, value, MTU_MIN, MTU_MAX);
      delete draft.change.mtuAuto;
    },
  },
  {
    name: "description",
    also: ["descr"],
    operands: ["text"],
    requires: `a text of at most ${DESCRIPTION_SIZE - 1} bytes`,
    section: "interface",
    help: "Describe the interface in at most 63 bytes. ip link shows the text as the alias.",
    fill(draft, [text], word) {
      draft.description = checkDescription(word, text);
    },
  },
  {
    name: "-description",
    also: ["-descr"],
    operands: [],
    section: "interface",
    help: "Remove the description.",
    fill(draft) {
      draft.description = "";
    },
  },
  {
    name: "group",
    operands: ["name"],
    requires: "the name of a group",
    section: "interface",
    help:
      "Add the interface to a group. The name of a group selects interfaces to show. Every wg " +
      "interface is in the group wg.",
    fill(draft, [name], word) {
      draft.joinGroups.push(notTheClass(word, checkGroup(word, name)));
    },
  },
  {
    name: "-group",
    operands: ["name"],
    requires: "the name of a group",
    section: "interface",
    help: "Remove the interface from a group.",
    fill(draft, [name], word) {
      draft.leaveGroups.push(notTheClass(word, checkGroup(word, name)));
    },
  },
  {
    name: "rdomain",
    operands: ["number"],
    requires: `a routing domain, 0 to ${RDOMAIN_MAX}`,
    section: "interface",
    help:
      `Move the interface to routing domain N, 0 to ${RDOMAIN_MAX}: the network namespace rdomainN, ` +
      "which is created if needed. 0 is the namespace in which the interface was created. The " +
      "interface loses its addresses. Its UDP socket stays where wgrtable says.",
    fill(draft, [number], word) {
      draft.rdomain = parseNumber(word, number, 0, RDOMAIN_MAX);
    },
  },
  {
    name: "-rdomain",
    operands: [],
    section: "interface",
    help: "Move the interface back to routing domain 0.",
    fill(draft) {
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
      "The metric of the routes that the interface's addresses add. 0 leaves it to the kernel. " +
      "Linux uses the route with the lowest metric.",
    fill(draft, [number], word) {
      draft.change.priority = parseNumber(word, number, 0, PRIORITY_MAX);
    },
  },
  {
    name: "debug",
    operands: [],
    section: "interface",
    help: "Write the messages that wg(4) lists in DIAGNOSTICS to the system log and to wg dmesg.",
    fill(draft) {
      draft.change.debug = true;
    },
  },
  {
    name: "-debug",
    operands: [],
    section: "interface",
    help: "Stop writing these messages.",
    fill(draft) {
      draft.change.debug = false;
    },
  },
  ...offload(
    "tso",
    "Read TCP super-packets of up to 64 KiB from the TUN device (TUNSETOFFLOAD), and write " +
      "consecutive TCP packets as one. Like the other offloads it is on by default where the " +
      "kernel has it. hwfeatures shows the offloads in use.",
    "Read and write TCP packets one by one. This turns off uso too: Linux has no USO without TSO.",
  ),
  ...offload(
    "uso",
    "Do the same for UDP super-packets. It requires tso and Linux 6.2.",
    "Read and write UDP packets one by one.",
  ),
  ...offload(
    "gso",
    "Send several of the tunnel's datagrams with one system call (UDP_SEGMENT).",
    "Send the tunnel's datagrams one by one.",
  ),
  ...offload(
    "gro",
    "Receive several of the tunnel's datagrams with one system call (UDP_GRO).",
    "Receive the tunnel's datagrams one by one. Datagrams that wait at this moment may be lost.",
  ),
];
