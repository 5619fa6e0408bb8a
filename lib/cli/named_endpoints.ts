/**
 * Endpoints that a command names by their host. The daemon looks them up, now and later. A command
 * looks them up itself only for the daemon of another implementation, and tells of names that do
 * not resolve.
 * @module
 */
import type { DeviceChange, PeerChange, PeerStatus } from "../base/config.ts";
import { ConfigError } from "../base/errors.ts";
import { type NamedEndpoint, sameNamedEndpoint } from "../base/host_name.ts";
import { listNames, peerNameAndKey } from "../base/peer_name.ts";
import { quote } from "../base/quote.ts";
import { looksUpNames } from "../base/status.ts";
import { getDevice } from "../daemon/client.ts";
import { addressesOfHost } from "./host_names.ts";

/** How long a command waits for the daemon's first answers, so that it can tell of a mistake. */
const FIRST_ANSWER_MS = 2_000;
const POLL_MS = 40;

/** The names in a change. */
function namesOf(change: DeviceChange): NamedEndpoint[] {
  return (change.peers ?? []).map(({ endpointName }) => endpointName).filter((name) =>
    name !== undefined
  );
}

/**
 * The change as the interface's daemon takes it. A daemon of another implementation, or of an older
 * version, gets addresses in place of names.
 * @throws ConfigError if such a name does not resolve
 * @throws OsError as `getDevice`
 */
export async function changeForDaemon(name: string, change: DeviceChange): Promise<DeviceChange> {
  if (namesOf(change).length === 0 || looksUpNames(await getDevice(name))) return change;
  const peers: PeerChange[] = [];
  for (const { endpointName, ...peer } of change.peers ?? []) {
    if (endpointName === undefined) {
      peers.push(peer);
      continue;
    }
    const { host, port } = endpointName;
    const found = await addressesOfHost(host, undefined);
    if (typeof found === "string") throw new ConfigError("wgendpoint", `${quote(host)}: ${found}`);
    peers.push({ ...peer, endpoint: { address: found[0], port, scope: 0 } });
  }
  return { ...change, peers };
}

/**
 * Waits a moment until the daemon has looked up the names of changes, and returns a warning for
 * each that has no address, with the peers that have a description. Call it after the changes were
 * made.
 * @param word the word with which the endpoint was given
 * @throws OsError as `getDevice`
 */
export async function unresolvedWarnings(
  name: string,
  changes: readonly DeviceChange[],
  word = "wgendpoint",
): Promise<string[]> {
  const peersByProblem = new Map<string, string[]>();
  for (const peer of await unresolvedOf(name, changes.flatMap(namesOf))) {
    if (peer.endpointName === undefined) continue;
    const { host, problem } = peer.endpointName;
    const what = `${quote(host)} does not resolve: ${
      problem || `no answer for ${FIRST_ANSWER_MS / 1000} seconds`
    }; ${name} tries it again`;
    const peers = peersByProblem.get(what) ?? [];
    if (peer.description !== "") peers.push(peerNameAndKey(peer));
    peersByProblem.set(what, peers);
  }
  return [...peersByProblem].map(([what, peers]) =>
    `${word}${peers.length === 0 ? "" : ` of ${listNames(peers)}`}: ${what}`
  );
}

/** The peers with one of the names that has no address after a moment. */
async function unresolvedOf(
  name: string,
  names: readonly NamedEndpoint[],
): Promise<readonly PeerStatus[]> {
  if (names.length === 0) return [];
  const until = performance.now() + FIRST_ANSWER_MS;
  while (true) {
    const { peers } = await getDevice(name);
    const unresolved = peers.filter(({ endpointName: is }) =>
      is !== undefined && is.addresses.length === 0 &&
      names.some((one) => sameNamedEndpoint(one, is))
    );
    const isOpen = unresolved.some(({ endpointName }) => endpointName?.problem === "");
    if (!isOpen || performance.now() > until) return unresolved;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
