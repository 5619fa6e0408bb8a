/**
 * What the data plane counts. Every packet that is dropped is counted in exactly one of these.
 * @module
 */

/** Plain counters since the start. They are numbers: exact up to 2^53. */
export class DataStats {
  /** Packets (super-packets count once) read from the TUN device, and writes to it. */
  tunReads = 0;
  tunWrites = 0;
  /** Inner packets sealed and opened, keepalives included. */
  sealed = 0;
  opened = 0;
  /** Calls of `UdpPort.send` and runs received. */
  udpSends = 0;
  udpReceives = 0;
  /** Datagrams received, of every kind. */
  datagrams = 0;

  /** Packets from the TUN that are neither IPv4 nor IPv6, or whose headers or offload fields are wrong. */
  outboundMalformed = 0;
  /** Packets that no datagram has room for: an MTU above 65475. */
  tooLong = 0;
  /** Packets that no peer's allowed IPs match, and those whose peer has no endpoint. */
  noPeer = 0;
  noEndpoint = 0;
  /** ICMP answers written for those. */
  icmpSent = 0;
  /** Staged packets that newer ones, the memory limit, or `staged-drop` pushed out. */
  stagedDropped = 0;
  /** Sends that failed, and those that worked only without the cached source address. */
  sendFailed = 0;
  sourceLost = 0;
  /** Our own messages that came back as packets and would have come back again: the way to the peer leads through the peer itself (loops.ts). */
  looped = 0;
  /** Packets dropped because the interface was down. */
  linkDown = 0;

  /** Datagrams whose type or length is none of the protocol's. */
  malformed = 0;
  /** Handshake messages whose mac1 is wrong or that came while there was no key to check it with. */
  mac1Invalid = 0;
  /** Handshake messages dropped because HANDSHAKE_QUEUE_MAX of them waited. */
  handshakeQueueFull = 0;
  /** Data messages for no session, for one that is too old, with a wrong tag, and seen before (or too far behind). */
  noSession = 0;
  expired = 0;
  unauthentic = 0;
  replayed = 0;
  /** Inner packets that are not IP or whose length is wrong; whose source is not the peer's; that RFC 6040 says to drop. */
  notIp = 0;
  unallowedSource = 0;
  ecnDropped = 0;

  /** Packets that went to the TUN merged with others, and merged writes that the device refused. */
  merged = 0;
  mergeRefused = 0;
}
