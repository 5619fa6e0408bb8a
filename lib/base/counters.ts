/**
 * The counters of an interface: one ordered list of names, from which everything that counts, tells or explains them follows.
 * A new counter is one line here and the line that counts.
 *
 * Names: `tun_` is the TUN device, `udp_` the sockets, `tx_` packets from the TUN device to a peer, `rx_` datagrams from
 * a peer, `handshake_` and `cookie_` the messages of the handshake.
 * @module
 */

/** `peer`: counted for the interface, and for the peer where the event has one. `interface`: for the interface only. */
export type CounterScope = "interface" | "peer";

type Row = readonly [name: string, scope: CounterScope, text: string];

/** Name, scope and one line of help of each, in the order in which they are shown. */
export const COUNTERS = [
  ["tun_reads", "interface", "packets read from the TUN device; a super-packet is one"],
  ["tun_writes", "interface", "packets written to the TUN device; a super-packet is one"],
  ["tun_write_failed", "interface", "packets that the TUN device did not take"],
  [
    "tun_merged",
    "interface",
    "packets that were written to the TUN device as parts of super-packets",
  ],
  [
    "tun_merge_refused",
    "interface",
    "super-packets that the TUN device refused, and whose packets went one by one",
  ],
  ["udp_sends", "interface", "sends to the UDP sockets, of one or several datagrams"],
  ["udp_receives", "interface", "receives from the UDP sockets, of one or several datagrams"],
  [
    "udp_gso_refused",
    "interface",
    "sends of several datagrams that the kernel or the path refused, and that went one by one",
  ],
  ["udp_part_failed", "interface", "datagrams that failed while others of the same send were sent"],

  ["tx_sealed", "interface", "packets encrypted, keepalives included"],
  ["tx_keepalives", "peer", "keepalives sent"],
  ["tx_link_down", "interface", "packets dropped because the interface was down"],
  ["tx_malformed", "interface", "packets that are not IP, or have wrong headers or offload fields"],
  ["tx_no_peer", "interface", "packets to an address in no peer's allowed IPs"],
  ["tx_no_endpoint", "peer", "packets to a peer without an endpoint"],
  [
    "tx_looped",
    "peer",
    "our own messages that came back and were dropped: the endpoint is routed into the tunnel",
  ],
  ["tx_too_long", "peer", "packets longer than fits into a datagram"],
  ["tx_staged_dropped", "peer", "packets dropped while they waited for a handshake"],
  [
    "tx_send_failed",
    "peer",
    "datagrams that the kernel did not send: no route, no memory, refused by a firewall",
  ],
  [
    "tx_source_lost",
    "peer",
    "sends that worked only after the cached source address was forgotten",
  ],
  [
    "icmp_unreachable_sent",
    "interface",
    "ICMP unreachable messages written for packets without peer or endpoint",
  ],
  [
    "icmp_unreachable_limited",
    "interface",
    "ICMP unreachable messages not written because there were too many",
  ],

  ["rx_datagrams", "interface", "datagrams received, of every kind"],
  ["rx_opened", "interface", "packets decrypted, keepalives included"],
  ["rx_keepalives", "peer", "keepalives received"],
  ["rx_link_down", "interface", "datagrams dropped because the interface was down"],
  ["rx_malformed", "interface", "datagrams that are no message of the protocol, by type or length"],
  ["rx_no_session", "interface", "data messages for an unknown session"],
  ["rx_expired", "peer", "data messages for a session that is too old, or was used too often"],
  ["rx_unauthentic", "peer", "data messages that could not be decrypted"],
  ["rx_replayed", "peer", "data messages seen before, or too far behind"],
  ["rx_not_ip", "peer", "decrypted packets that are not IP, or whose length is wrong"],
  [
    "rx_unallowed_source",
    "peer",
    "decrypted packets whose source is not in the peer's allowed IPs",
  ],
  ["rx_own_source", "peer", "decrypted IPv4 packets whose source is an address of this machine"],
  [
    "rx_ecn_dropped",
    "peer",
    "decrypted packets whose ECN bits contradict the datagram's (RFC 6040)",
  ],
  ["session_no_room", "interface", "sessions that the receiving side had no room for"],

  ["handshake_initiation_sent", "peer", "initiations made and handed to the socket"],
  ["handshake_response_sent", "peer", "responses made and handed to the socket"],
  ["handshake_initiation_accepted", "peer", "initiations received and answered"],
  ["handshake_response_accepted", "peer", "responses received that gave a session"],
  ["handshake_completed", "peer", "handshakes that both sides are known to have completed"],
  ["handshake_retried", "peer", "initiations repeated because no response came"],
  ["handshake_given_up", "peer", "handshakes given up after the last retry"],
  ["handshake_unanswered", "peer", "handshakes begun because nothing came back for data sent"],
  ["handshake_no_endpoint", "peer", "initiations not sent because the peer has no endpoint"],
  [
    "handshake_send_failed",
    "peer",
    "handshake messages and cookie replies that the kernel did not send",
  ],
  [
    "handshake_source_lost",
    "peer",
    "handshake messages sent only after the cached source address was forgotten",
  ],
  ["handshake_queue_full", "interface", "handshake messages dropped because too many waited"],
  ["handshake_malformed", "interface", "handshake messages of the wrong type or length"],
  ["handshake_link_down", "interface", "handshake messages that came while the interface was down"],
  [
    "handshake_no_private_key",
    "interface",
    "handshake messages that came while no private key was set",
  ],
  [
    "handshake_mac1_wrong",
    "interface",
    "handshake messages whose mac1 is wrong: not made for our public key",
  ],
  [
    "handshake_under_load",
    "interface",
    "handshake messages that came under load, when mac2 is required too",
  ],
  [
    "handshake_mac2_wrong",
    "interface",
    "handshake messages under load with no mac2, or a wrong one",
  ],
  [
    "handshake_rate_limited",
    "interface",
    "handshake messages under load dropped because their source sent too many",
  ],
  ["handshake_initiation_forged", "peer", "initiations that could not be decrypted"],
  ["handshake_unknown_peer", "interface", "initiations whose sender is not a peer"],
  ["handshake_weak_key", "peer", "handshakes with a peer whose public key is of small order"],
  [
    "handshake_replayed",
    "peer",
    "initiations with an old timestamp: replayed, or the peer's clock is behind",
  ],
  ["handshake_too_often", "peer", "initiations dropped because the peer sent too many"],
  ["handshake_no_index", "peer", "handshakes for which no session index was free"],
  ["handshake_unknown_index", "interface", "responses to no initiation of ours that waits for one"],
  [
    "handshake_response_forged",
    "peer",
    "responses that could not be decrypted: often another preshared key",
  ],
  ["cookie_sent", "interface", "cookie replies made and handed to the socket"],
  ["cookie_accepted", "peer", "cookie replies received and kept"],
  ["cookie_unknown_index", "interface", "cookie replies to no message of ours"],
  ["cookie_forged", "peer", "cookie replies that could not be decrypted"],
] as const satisfies readonly Row[];

/** The name of a counter. */
export type CounterName = typeof COUNTERS[number][0];
/** The name of a counter that is kept for each peer too. */
export type PeerCounterName = Extract<
  typeof COUNTERS[number],
  readonly [string, "peer", string]
>[0];

/** The place of a counter in the list. */
export type CounterIndex = number & { readonly __scope?: CounterScope };
/** The place in the list of a counter that is kept for each peer too. */
export type PeerCounterIndex = number & { readonly __scope: "peer" };

/** The place of each counter, by name. */
export const COUNTER: {
  readonly [N in CounterName]: N extends PeerCounterName ? PeerCounterIndex : CounterIndex;
} = Object.freeze(Object.fromEntries(COUNTERS.map(([name], index) => [name, index]))) as never;

/** The counters that are kept for each peer, in the order of the list. */
export const PEER_COUNTERS: readonly PeerCounterName[] = COUNTERS
  .filter((row): row is Extract<typeof COUNTERS[number], readonly [string, "peer", string]> =>
    row[1] === "peer"
  )
  .map(([name]) => name);

/** Values by name. What is absent is 0. */
export type Counts = Readonly<Partial<Record<CounterName, number>>>;

/** Whether there is a counter of this name. */
export const isCounterName = (name: string): name is CounterName => Object.hasOwn(COUNTER, name);
