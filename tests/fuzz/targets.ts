/**
 * All targets.
 * @module
 */
import type { Target } from "./target.ts";
import { addresses, socketTable } from "./targets/addresses.ts";
import { ifconfig, others, route } from "./targets/argv.ts";
import { captureRecord, uapiCapture } from "./targets/capture.ts";
import { environment } from "./targets/environment.ts";
import { eventLines } from "./targets/events.ts";
import { hostnameIf, mygate, shellLine } from "./targets/files.ts";
import { handshake } from "./targets/handshake.ts";
import { lookUps } from "./targets/look_ups.ts";
import { netlink } from "./targets/netlink.ts";
import { datagrams, innerPackets, superPacket } from "./targets/packets.ts";
import { ring } from "./targets/ring.ts";
import { logText, uapiGet, uapiSet } from "./targets/uapi.ts";
import { udpMessage } from "./targets/udp_message.ts";
import { wgData } from "./targets/wg_data.ts";
import { wgconf } from "./targets/wgconf.ts";

/** All targets, in the order in which they are listed. */
export const TARGETS: readonly Target[] = [
  handshake,
  datagrams,
  innerPackets,
  superPacket,
  uapiSet,
  uapiGet,
  uapiCapture,
  captureRecord,
  logText,
  eventLines,
  wgconf,
  hostnameIf,
  mygate,
  shellLine,
  ifconfig,
  route,
  others,
  addresses,
  lookUps,
  netlink,
  socketTable,
  wgData,
  ring,
  environment,
  udpMessage,
];

/** The target of a name. */
export const targetOf = (name: string): Target | undefined =>
  TARGETS.find((target) => target.name === name);
