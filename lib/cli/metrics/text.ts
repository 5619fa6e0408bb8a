/**
 * The metrics of interfaces and peers as text, in the two formats that Prometheus reads. Pure: a
 * function of the statuses and the time.
 * @module
 */
import type { PeerStatus } from "../../base/config.ts";
import { type CounterName, COUNTERS, PEER_COUNTERS } from "../../base/counters.ts";
import { formatNamedEndpoint } from "../../base/host_name.ts";
import { formatEndpoint, formatRange } from "../../base/ip_text.ts";
import { OFFLOAD_NAMES } from "../../base/offloads.ts";
import { peerName } from "../../base/peer_name.ts";
import { QUEUES } from "../../base/queues.ts";
import type { InterfaceStatus } from "../../base/status.ts";

/** `openmetrics` is OpenMetrics 1.0, `prometheus` the text format 0.0.4, which is older. */
export type MetricsFormat = "openmetrics" | "prometheus";

/** The content type of each format for HTTP. */
export const CONTENT_TYPES: Readonly<Record<MetricsFormat, string>> = {
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
};

/** An interface that was asked. */
export interface Scraped {
  readonly name: string;
  /** Undefined when its process did not answer, or this user may not ask it. */
  readonly status: InterfaceStatus | undefined;
}

/** The labels of a sample without braces, and its value. */
type Sample = readonly [labels: string, value: number];

/** The samples of one name. A counter's name ends in `_total` and an info's in `_info`. */
interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge" | "info";
  readonly help: string;
  readonly samples: readonly Sample[];
}

interface LabelledInterface {
  readonly labels: string;
  readonly status: InterfaceStatus;
}

interface LabelledPeer {
  readonly labels: string;
  readonly peer: PeerStatus;
}

/**
 * The metrics as text.
 * @param nowUnixMs the wall clock: Unix time in ms
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatMetrics } from "./text.ts";
 *
 * const text = formatMetrics([{ name: "wg1", status: undefined }], Date.now(), "openmetrics");
 * assert.ok(text.includes('wg_interface_answered{interface="wg1"} 0\n'));
 * assert.ok(text.endsWith("# EOF\n"));
 * ```
 */
export function formatMetrics(
  scraped: readonly Scraped[],
  nowUnixMs: number,
  format: MetricsFormat,
): string {
  const interfaces: LabelledInterface[] = [];
  const peers: LabelledPeer[] = [];
  for (const { name, status } of scraped) {
    if (status === undefined) continue;
    interfaces.push({ labels: labelText({ interface: name }), status });
    for (const peer of status.peers) peers.push({ labels: peerLabels(name, peer), peer });
  }
  const answered: Family = {
    name: "wg_interface_answered",
    type: "gauge",
    help: "Whether the process of the interface answered",
    samples: scraped.map(({ name, status }) => [
      labelText({ interface: name }),
      status === undefined ? 0 : 1,
    ]),
  };
  let text = familyText(answered, format);
  for (const family of interfaceFamilies(interfaces)) text += familyText(family, format);
  for (const family of peerFamilies(peers, nowUnixMs)) text += familyText(family, format);
  return format === "openmetrics" ? `${text}# EOF\n` : text;
}

function familyText({ name, type, help, samples }: Family, format: MetricsFormat): string {
  if (samples.length === 0) return "";
  const full = type === "gauge" ? name : `${name}_${type === "counter" ? "total" : "info"}`;
  const isOpen = format === "openmetrics";
  const [shown, shownType] = isOpen ? [name, type] : [full, type === "info" ? "gauge" : type];
  let text = `# HELP ${shown} ${help}.\n# TYPE ${shown} ${shownType}\n`;
  for (const [labels, value] of samples) text += `${full}{${labels}} ${value}\n`;
  return text;
}

function* interfaceFamilies(interfaces: readonly LabelledInterface[]): Generator<Family> {
  // The kernel and other implementations report none of the facts of our processes.
  const ours = interfaces.filter(({ status }) => status.pid !== 0);
  const gauge = (
    name: string,
    help: string,
    of: readonly LabelledInterface[],
    value: (status: InterfaceStatus) => number | undefined,
  ): Family => ({
    name: `wg_interface_${name}`,
    type: "gauge",
    help,
    samples: of.flatMap(({ labels, status }): Sample[] => {
      const known = value(status);
      return known === undefined ? [] : [[labels, known]];
    }),
  });
  yield {
    name: "wg_interface",
    type: "info",
    help: "Key, version and cryptography of the interface",
    samples: interfaces.map(({ labels, status }) => [
      `${labels}${
        more({
          public_key: status.publicKey?.toBase64() ?? "",
          version: status.version,
          suite: status.suite,
          cipher: status.cipher,
        })
      }`,
      1,
    ]),
  };
  yield gauge("up", "Whether the link is up", ours, (status) => Number(status.up));
  yield gauge("mtu_bytes", "The MTU of the link", ours, (status) => status.mtu);
  yield gauge("listen_port", "The UDP port", interfaces, (status) => status.listenPort);
  yield gauge("peers", "The number of peers", interfaces, (status) => status.peers.length);
  yield gauge("workers", "Threads that move packets", ours, (status) => status.workers);
  yield {
    name: "wg_interface_offload",
    type: "gauge",
    help: "Whether an offload is on",
    samples: ours.flatMap(({ labels, status }) => {
      const on = status.offloads.split(" ");
      return OFFLOAD_NAMES.map((offload): Sample => [
        labels + more({ offload }),
        Number(on.includes(offload)),
      ]);
    }),
  };
  for (const [name, help] of QUEUES) {
    yield gauge(`queue_${name}`, sentence(help), ours, (status) => status.queues?.[name]);
  }
  for (const [name, , help] of COUNTERS) {
    yield counterFamily(
      "interface",
      name,
      help,
      ours.map(({ labels, status }) => [labels, status.counters?.[name] ?? 0]),
    );
  }
}

function* peerFamilies(peers: readonly LabelledPeer[], nowUnixMs: number): Generator<Family> {
  const ofPeers = (value: (peer: PeerStatus) => number): Sample[] =>
    peers.map(({ labels, peer }) => [labels, value(peer)]);
  const met = peers.filter(({ peer }) => peer.lastHandshakeUnixMs !== 0);
  yield {
    name: "wg_peer",
    type: "info",
    help: "Endpoint and allowed IPs of the peer, and why it is disabled",
    samples: peers.map(({ labels, peer }) => [labels + more(placeOf(peer)), 1]),
  };
  yield {
    name: "wg_peer_receive_bytes",
    type: "counter",
    help: "Bytes on the wire received from the peer",
    samples: ofPeers((peer) => peer.rxBytes),
  };
  yield {
    name: "wg_peer_transmit_bytes",
    type: "counter",
    help: "Bytes on the wire sent to the peer",
    samples: ofPeers((peer) => peer.txBytes),
  };
  yield {
    name: "wg_peer_last_handshake_timestamp_seconds",
    type: "gauge",
    help: "When the last handshake completed, in Unix time; absent when none has",
    samples: met.map(({ labels, peer }) => [labels, peer.lastHandshakeUnixMs / 1000]),
  };
  yield {
    name: "wg_peer_handshake_age_seconds",
    type: "gauge",
    help: "Time since the last handshake completed; absent when none has",
    samples: met.map(({ labels, peer }) => [
      labels,
      Math.max(0, nowUnixMs - peer.lastHandshakeUnixMs) / 1000,
    ]),
  };
  yield {
    name: "wg_peer_persistent_keepalive_seconds",
    type: "gauge",
    help: "The interval of persistent keepalives; 0 when they are off",
    samples: ofPeers((peer) => peer.persistentKeepalive),
  };
  yield {
    name: "wg_peer_disabled",
    type: "gauge",
    help: "Whether the peer takes part in nothing: by hand, because it expired, or by its quota",
    samples: ofPeers((peer) => Number(peer.disabled !== undefined)),
  };
  const expiring = peers.filter(({ peer }) => peer.expiresUnixMs !== undefined);
  yield {
    name: "wg_peer_expires_timestamp_seconds",
    type: "gauge",
    help: "When the peer is disabled, in Unix time; absent when it does not expire",
    samples: expiring.map(({ labels, peer }) => [labels, (peer.expiresUnixMs ?? 0) / 1000]),
  };
  const counted = peers.filter(({ peer }) => peer.counters !== undefined);
  for (const [name, , help] of COUNTERS) {
    if (!IS_OF_PEER.has(name)) continue;
    const samples: Sample[] = [];
    for (const { labels, peer } of counted) {
      const value = peer.counters?.[name];
      if (value !== undefined) samples.push([labels, value]);
    }
    yield counterFamily("peer", name, `${help}; absent while 0`, samples);
  }
}

const IS_OF_PEER: ReadonlySet<CounterName> = new Set(PEER_COUNTERS);

/** Times are in seconds, as Prometheus has them. */
function counterFamily(
  of: "interface" | "peer",
  name: CounterName,
  help: string,
  samples: readonly Sample[],
): Family {
  const text = sentence(help);
  if (!name.endsWith("_ms")) {
    return { name: `wg_${of}_${name}`, type: "counter", help: text, samples };
  }
  return {
    name: `wg_${of}_${name.replace(/_ms$/, "_seconds")}`,
    type: "counter",
    help: text.replace(/^Milliseconds/, "Seconds"),
    samples: samples.map(([labels, value]) => [labels, value / 1000]),
  };
}

const sentence = (help: string) => `${help[0].toUpperCase()}${help.slice(1)}`;

/** A peer without a description has its public key as its name. */
function peerLabels(name: string, peer: PeerStatus): string {
  return labelText({
    interface: name,
    public_key: peer.publicKey.toBase64(),
    name: peerName(peer),
  });
}

function placeOf(peer: PeerStatus): Record<string, string> {
  return {
    endpoint: peer.endpoint === undefined ? "" : formatEndpoint(peer.endpoint),
    endpoint_name: peer.endpointName === undefined ? "" : formatNamedEndpoint(peer.endpointName),
    allowed_ips: peer.allowedIps.map(formatRange).join(","),
    disabled: peer.disabled?.reason ?? "",
  };
}

const more = (labels: Readonly<Record<string, string>>) => {
  const text = labelText(labels);
  return text === "" ? "" : `,${text}`;
};

/** The labels that are not empty: an empty one means the same as none. */
function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name}="${value.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`)
    .join(",");
}
