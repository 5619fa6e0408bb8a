/**
 * The counters of an interface: one ordered list of names. Blocks of memory, status output and help
 * are all made from this list. To add a counter, add a row here and the statement that counts.
 *
 * The beginning of a name says what is counted: `tun_` calls of the TUN device, `udp_` calls of the
 * sockets, `tx_` packets from the TUN device to a peer, `rx_` datagrams from a peer, `handshake_`
 * and `cookie_` handshake messages.
 * @module
 */

/** `peer` counters are kept for the interface and for each peer, `interface` ones for it alone. */
export type CounterScope = "interface" | "peer";

type Row = readonly [name: string, scope: CounterScope, text: string];

/** Name, scope and help of each counter, in the order in which they are shown. */
export const COUNTERS = [
  ["tun_reads", "interface", "packets read from the TUN device; a super-packet is one"],
  ["tun_writes", "interface", "packets written to the TUN device; a super-packet is one"],
  ["tun_write_failed", "interface", "packets that could not be written to the TUN device"],
  [
    "tun_merged",
    "interface",
    "packets that were written to the TUN device as parts of super-packets",
  ],
  [
    "tun_merge_refused",
    "interface",
    "super-packets that the TUN device refused; their packets were written one by one",
  ],
  ["udp_sends", "interface", "sends to the UDP sockets, of one or several datagrams"],
  ["udp_receives", "interface", "receives from the UDP sockets, of one or several datagrams"],
  [
    "udp_gso_refused",
    "interface",
    "sends of several datagrams that the kernel or the path refused; they were sent one by one",
  ],
  ["udp_icmp_errors", "interface", "ICMP errors received for datagrams of this interface"],
  ["udp_part_failed", "interface", "datagrams that failed while others of the same send were sent"],
  [
    "udp_overflowed",
    "interface",
    "datagrams that the kernel dropped: the queue of the UDP socket was full",
  ],

  ["tx_sealed", "interface", "packets encrypted, keepalives included"],
  ["tx_keepalives", "peer", "keepalives sent"],
  ["tx_link_down", "interface", "packets dropped because the interface was down"],
  ["tx_malformed", "interface", "packets that are not IP, or have wrong headers or offload fields"],
  ["tx_no_peer", "interface", "packets to an address outside all peers' allowed IPs"],
  ["tx_no_endpoint", "peer", "packets to a peer without an endpoint"],
  ["tx_disabled", "peer", "packets to a disabled peer"],
  [
    "tx_looped",
    "peer",
    "our own messages that came back and were dropped: the endpoint is routed into the tunnel",
  ],
  ["tx_too_long", "peer", "packets too long for a datagram"],
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
    "ICMP unreachable messages not written because of their rate limit",
  ],

  ["rx_datagrams", "interface", "datagrams received, of every kind"],
  ["rx_opened", "interface", "packets decrypted, keepalives included"],
  ["rx_keepalives", "peer", "keepalives received"],
  ["rx_link_down", "interface", "datagrams dropped because the interface was down"],
  ["rx_malformed", "interface", "datagrams with a wrong type or length, or from port 0"],
  ["rx_no_session", "interface", "data messages for an unknown session"],
  ["rx_expired", "peer", "data messages of a session past its limit of time or messages"],
  ["rx_unauthentic", "peer", "data messages that could not be decrypted"],
  ["rx_replayed", "peer", "data messages received before, or too far behind the newest"],
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
  ["session_no_room", "interface", "sessions not installed because the session table was full"],

  ["handshake_initiation_sent", "peer", "initiations sent"],
  ["handshake_response_sent", "peer", "responses sent"],
  ["handshake_initiation_accepted", "peer", "initiations received and answered"],
  ["handshake_response_accepted", "peer", "responses received that began a session"],
  ["handshake_completed", "peer", "handshakes that both sides are known to have completed"],
  ["handshake_retried", "peer", "initiations repeated because no response came"],
  ["handshake_given_up", "peer", "handshakes given up after the last retry"],
  ["handshake_unanswered", "peer", "handshakes begun because data sent got no answer"],
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
  ["handshake_link_down", "interface", "handshake messages received while the interface was down"],
  [
    "handshake_no_private_key",
    "interface",
    "handshake messages received while no private key was set",
  ],
  [
    "handshake_mac1_wrong",
    "interface",
    "handshake messages whose mac1 is wrong: not made for our public key",
  ],
  [
    "handshake_under_load",
    "interface",
    "handshake messages received under load, when mac2 is required too",
  ],
  [
    "handshake_under_load_ms",
    "interface",
    "milliseconds under load, with the second after it that belongs to it",
  ],
  [
    "handshake_mac2_wrong",
    "interface",
    "handshake messages received under load whose mac2 is missing or wrong",
  ],
  [
    "handshake_rate_limited",
    "interface",
    "handshake messages dropped under load because their source sent too many",
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
  ["handshake_disabled", "peer", "initiations of a peer that is disabled"],
  ["handshake_no_index", "peer", "handshakes for which no session index or key slot was free"],
  ["handshake_unknown_index", "interface", "responses that answer no initiation under way"],
  [
    "handshake_response_forged",
    "peer",
    "responses that could not be decrypted: often the preshared keys differ",
  ],
  ["cookie_sent", "interface", "cookie replies made and handed to the socket"],
  ["cookie_withheld", "interface", "cookie replies not made because too many datagrams waited"],
  ["cookie_accepted", "peer", "cookie replies received and kept"],
  ["cookie_unknown_index", "interface", "cookie replies that answer no message of this side"],
  ["cookie_forged", "peer", "cookie replies that could not be decrypted"],
] as const satisfies readonly Row[];

/** The name of a counter. */
export type CounterName = typeof COUNTERS[number][0];
/** The name of a counter that is kept for each peer too. */
export type PeerCounterName = Extract<
  typeof COUNTERS[number],
  readonly [string, "peer", string]
>[0];

/** The index of a counter in the list. */
export type CounterIndex = number & { readonly __scope?: CounterScope };
/** The index in the list of a counter that is kept for each peer too. */
export type PeerCounterIndex = number & { readonly __scope: "peer" };

/**
 * The class of COUNTER. V8 gives objects of a class a shape of their own. In the shape that COUNTER
 * would share with `Counts`, large counts change the representation of its fields. V8 then discards
 * code that reads COUNTER, compiles it again, and so on for ever.
 */
class CounterIndices {}

/** The index of each counter, by name. */
export const COUNTER: {
  readonly [N in CounterName]: N extends PeerCounterName ? PeerCounterIndex : CounterIndex;
} = Object.freeze(
  Object.assign(
    new CounterIndices(),
    Object.fromEntries(COUNTERS.map(([name], index) => [name, index])),
  ),
) as never;

/** The counters that are kept for each peer, in the order of the list. */
export const PEER_COUNTERS: readonly PeerCounterName[] = COUNTERS
  .filter((row): row is Extract<typeof COUNTERS[number], readonly [string, "peer", string]> =>
    row[1] === "peer"
  )
  .map(([name]) => name);

/** Values by name. An absent one is 0. */
export type Counts = Readonly<Partial<Record<CounterName, number>>>;

/** Whether there is a counter of this name. */
export const isCounterName = (name: string): name is CounterName => Object.hasOwn(COUNTER, name);
