/**
 * `wg mtu`: finds the largest packet that passes to a peer.
 * @module
 */
import { type PeerStatus, wipeStatus } from "../../base/config.ts";
import { IPV6_MTU_MIN } from "../../base/constants.ts";
import type { IpBytes } from "../../base/endpoint.ts";
import { ConfigError, OsError } from "../../base/errors.ts";
import { innerMtu, ipHeaderBytes } from "../../base/inner_mtu.ts";
import { formatEndpoint, formatIp, parseIp } from "../../base/ip_text.ts";
import { findPeer, peerName } from "../../base/peer_name.ts";
import { displayValue, quote } from "../../base/quote.ts";
import type { InterfaceStatus } from "../../base/status.ts";
import { getDevice } from "../../daemon/client.ts";
import { EchoProbe, outerPathMtu } from "../../linux/path_probe.ts";
import { RouteSocket } from "../../linux/route_socket.ts";
import type { Command } from "../command.ts";
import { namespaceOf } from "../ifconfig/kernel.ts";
import { complain } from "../output.ts";
import { ownerOf } from "../why/facts.ts";
import { adviceOf, largestPassing, type MtuFindings } from "./verdict.ts";

/** The size of the first request, which also begins a session. */
const FIRST_BYTES = 84;
const FIRST_TRIES = 3;
const FIRST_TIMEOUT_MS = 2_000;
/** How long an answer is waited for: so many times as the first one took, within bounds. */
const TIMES_FIRST = 4;
const TIMEOUT_MIN_MS = 250;
const TIMEOUT_MAX_MS = 2_000;
/** Requests of one size, of which one answer is enough. */
const TRIES = 3;

/** A command line. */
interface MtuLine {
  readonly name: string;
  readonly peer: string;
  readonly to: IpBytes | undefined;
  readonly json: boolean;
}

/** The command `mtu`. */
export const command: Command = {
  async run(args) {
    const line = parseLine(args);
    const status = await getDevice(line.name);
    try {
      const peer = findPeer("mtu", line.peer, status.peers);
      return tell(line, peer, await measure(line, status, peer));
    } finally {
      wipeStatus(status);
    }
  },
};

/** Reads `mtu [--json] [--to ADDRESS] INTERFACE PEER`. @throws ConfigError */
function parseLine(args: readonly string[]): MtuLine {
  const words: string[] = [];
  let to: IpBytes | undefined;
  let json = false;
  for (let at = 0; at < args.length; at++) {
    const word = args[at];
    if (word === "--json") json = true;
    else if (word === "--to") {
      const text = args[++at] ?? "";
      to = parseIp(text);
      if (to === undefined) {
        throw new ConfigError(word, `${quote(text)} is not an address; one inside is required`);
      }
    } else if (word.startsWith("-")) {
      throw new ConfigError(displayValue(word), "unknown option; `wg help mtu` lists the options");
    } else words.push(word);
  }
  const [name, peer, more] = words;
  if (peer === undefined) throw new ConfigError("mtu", "an interface and a peer are required");
  if (more !== undefined) {
    throw new ConfigError(displayValue(more), "unexpected word; mtu takes INTERFACE PEER");
  }
  return { name, peer, to, json };
}

/** What was measured, and what kept the rest from being measured. */
interface Measured extends MtuFindings {
  readonly to: IpBytes | undefined;
  readonly problems: readonly string[];
}

async function measure(
  { name, to }: MtuLine,
  status: InterfaceStatus,
  peer: PeerStatus,
): Promise<Measured> {
  const problems: string[] = [];
  if (to !== undefined && ownerOf(status, to)?.peer !== peer) {
    throw new ConfigError("--to", `${formatIp(to)} is in no range of the peer ${peerName(peer)}`);
  }
  const address = to ?? insideOf(peer);
  if (address === undefined) {
    problems.push("the peer has no range of one address; --to gives one to ask for an echo");
  }
  const device = status.name || name;
  const place = await namespaceOf(name, status);
  let link = status.mtu;
  let inner: number | undefined;
  try {
    place.run(() => {
      using routes = RouteSocket.open();
      link = routes.requireLink(device).mtu;
      if (address === undefined) return;
      inner = largestEcho(address, device, link);
      if (inner === undefined) problems.push(`${formatIp(address)} answers no echo request`);
    });
  } finally {
    place.close();
  }
  const { endpoint } = peer;
  let outer: number | undefined;
  if (endpoint === undefined) problems.push("the peer has no endpoint");
  else if (status.rtable !== 0) problems.push(`the way to it is in rtable ${status.rtable}`);
  else {
    try {
      outer = outerPathMtu(endpoint, status.fwmark);
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      problems.push(error.message);
    }
  }
  const outerHeader = ipHeaderBytes(endpoint?.address ?? new Uint8Array(4));
  return { link, inner, outer, outerHeader, to: address, problems };
}

/** An address of the peer inside the tunnel; undefined when it has no range of one address. */
const insideOf = ({ allowedIps }: PeerStatus): IpBytes | undefined =>
  allowedIps.find(({ address, prefix }) => prefix === address.length * 8)?.address;

/** The largest packet that is answered; undefined when none is. */
function largestEcho(address: IpBytes, device: string, link: number): number | undefined {
  using probe = new EchoProbe(address, device);
  let first: number | undefined;
  for (let i = 0; i < FIRST_TRIES && first === undefined; i++) {
    first = probe.echo(FIRST_BYTES, FIRST_TIMEOUT_MS);
  }
  if (first === undefined) return undefined;
  // The first one may have waited for a handshake.
  const way = probe.echo(FIRST_BYTES, FIRST_TIMEOUT_MS) ?? first;
  const timeout = Math.min(TIMEOUT_MAX_MS, Math.max(TIMEOUT_MIN_MS, way * TIMES_FIRST));
  return largestPassing(FIRST_BYTES, link, (size) => {
    for (let i = 0; i < TRIES; i++) if (probe.echo(size, timeout) !== undefined) return true;
    return false;
  });
}

/** Prints what was found. Returns 0 when the interface's MTU is right, and otherwise 1. */
function tell(line: MtuLine, peer: PeerStatus, measured: Measured): number {
  const { link, inner, outer, outerHeader, to, problems } = measured;
  const advice = adviceOf(measured);
  if (line.json) {
    console.log(JSON.stringify(
      {
        interface: line.name,
        peer: peerName(peer),
        mtu: link,
        ...(inner !== undefined && { answered: inner }),
        ...(outer !== undefined && { path: outer, fitsPath: innerMtu(outer, outerHeader) }),
        ...(advice.mtu !== undefined && { advice: advice.mtu }),
        fits: advice.fits ?? null,
        problems,
      },
      undefined,
      2,
    ));
    return advice.fits === true ? 0 : 1;
  }
  console.log(`${line.name}: mtu ${link}`);
  if (inner !== undefined && to !== undefined) {
    const end = inner < link ? ", longer ones are not" : "";
    console.log(`through the tunnel: ${inner} bytes are answered by ${formatIp(to)}${end}`);
  }
  if (outer !== undefined && peer.endpoint !== undefined) {
    console.log(
      `path to ${formatEndpoint(peer.endpoint)}: ${outer} bytes, which is ` +
        `${innerMtu(outer, outerHeader)} in the tunnel`,
    );
  }
  for (const problem of problems) complain(`warning: ${problem}`);
  if (advice.fits === true) console.log("advice: the MTU is right");
  else if (advice.mtu !== undefined) console.log(`advice: ifconfig ${line.name} mtu ${advice.mtu}`);
  else if (advice.fits === false) {
    const least = `IPv6 requires ${IPV6_MTU_MIN} in the tunnel`;
    console.log(`advice: none; ${least}, and the path must carry more, or fragments`);
  } else console.log("advice: none; it is unknown whether packets of this size pass");
  return advice.fits === true ? 0 : 1;
}
