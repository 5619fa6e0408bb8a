/** The layouts of headers, beside packets of which every byte is known. */
import assert from "node:assert/strict";
import * as Ip from "../../lib/wire/ip.ts";
import * as Vnet from "../../lib/wire/vnet.ts";

const u16 = (bytes: Uint8Array, at: number) => bytes[at] << 8 | bytes[at + 1];

Deno.test("the fields of an IPv4 packet with TCP", () => {
  // RFC 791: 10.1.2.3 to 10.4.5.6, TOS 0x2b, length 40, id 0x1234, DF, TTL 61. RFC 9293: ports
  // 0x0102 and 0x0304, CWR, ACK, PSH and FIN.
  const packet = Uint8Array.fromHex(
    "452b002812344000" + "3d06abcd0a010203" + "0a040506" +
      "0102030411223344" + "5566778850993fff" + "beef0000",
  );
  assert.equal(packet[Ip.IPV4_TOS], 0x2b);
  assert.equal(u16(packet, Ip.IPV4_LENGTH), 40);
  assert.equal(u16(packet, Ip.IPV4_ID), 0x1234);
  assert.equal(packet[Ip.IPV4_FLAGS], 0x40);
  assert.equal(packet[Ip.IPV4_TTL], 61);
  assert.equal(packet[Ip.IPV4_PROTOCOL], Ip.PROTOCOL_TCP);
  assert.equal(u16(packet, Ip.IPV4_CHECKSUM), 0xabcd);
  assert.equal(packet.subarray(Ip.IPV4_SOURCE).subarray(0, 4).toHex(), "0a010203");
  assert.equal(packet.subarray(Ip.IPV4_DESTINATION).subarray(0, 4).toHex(), "0a040506");
  const tcp = packet.subarray(Ip.IPV4_HEADER_BYTES);
  assert.equal(tcp.length, Ip.TCP_HEADER_BYTES);
  assert.equal(tcp.subarray(Ip.TCP_SEQUENCE).subarray(0, 4).toHex(), "11223344");
  assert.equal(tcp[Ip.TCP_OFFSET] >>> 4, 5);
  assert.equal(tcp[Ip.TCP_FLAGS], 0x99);
  assert.equal(Ip.TCP_CWR | Ip.TCP_ACK | Ip.TCP_PSH | Ip.TCP_FIN, 0x99);
  assert.deepEqual([Ip.TCP_FIN, Ip.TCP_PSH, Ip.TCP_ACK], [1, 8, 16]);
  assert.equal(u16(tcp, Ip.TCP_CHECKSUM), 0xbeef);
});

Deno.test("the fields of an IPv6 packet with UDP", () => {
  // RFC 8200: payload of 9 bytes, hop limit 62, fd00::1 to fd00::2. RFC 768.
  const packet = Uint8Array.fromHex(
    "60000000" + "0009113e" + "fd000000000000000000000000000001" +
      "fd000000000000000000000000000002" + "010203040009cafe" + "aa",
  );
  assert.equal(u16(packet, Ip.IPV6_LENGTH), 9);
  assert.equal(packet[Ip.IPV6_NEXT], Ip.PROTOCOL_UDP);
  assert.equal(packet[Ip.IPV6_HOP_LIMIT], 62);
  assert.equal(packet[Ip.IPV6_SOURCE + 15], 1);
  assert.equal(packet[Ip.IPV6_DESTINATION + 15], 2);
  const udp = packet.subarray(Ip.IPV6_HEADER_BYTES);
  assert.equal(u16(udp, Ip.UDP_LENGTH), 9);
  assert.equal(u16(udp, Ip.UDP_CHECKSUM), 0xcafe);
  assert.equal(udp[Ip.UDP_HEADER_BYTES], 0xaa);
});

Deno.test("numbers of protocols (IANA), lengths of ICMP, and codepoints of ECN (RFC 3168)", () => {
  const protocols = [Ip.PROTOCOL_ICMP, Ip.PROTOCOL_TCP, Ip.PROTOCOL_UDP, Ip.PROTOCOL_ICMPV6];
  assert.deepEqual(protocols, [1, 6, 17, 58]);
  assert.equal(Ip.ICMP_HEADER_BYTES, 8);
  assert.deepEqual([Ip.ECN_NOT_ECT, Ip.ECN_ECT1, Ip.ECN_ECT0, Ip.ECN_CE], [0, 1, 2, 3]);
});

Deno.test("the fields of a virtio_net_hdr as Linux gives it with a TCP super-packet", () => {
  // flags 1, gso_type TCPV4 with ECN, hdr_len 0x0054, gso_size 0x05a8, csum_start 20, offset 16.
  const header = Uint8Array.fromHex("0181" + "5400" + "a805" + "1400" + "1000");
  const view = new DataView(header.buffer);
  assert.equal(header[Vnet.VNET_FLAGS], Vnet.VNET_NEEDS_CHECKSUM);
  assert.equal(header[Vnet.VNET_GSO_TYPE], Vnet.GSO_TCPV4 | Vnet.GSO_ECN);
  assert.equal(view.getUint16(Vnet.VNET_HEADER_LENGTH, true), 0x54);
  assert.equal(view.getUint16(Vnet.VNET_GSO_SIZE, true), 0x5a8);
  assert.equal(view.getUint16(Vnet.VNET_CHECKSUM_START, true), 20);
  assert.equal(view.getUint16(Vnet.VNET_CHECKSUM_OFFSET, true), 16);
  const types = [Vnet.GSO_NONE, Vnet.GSO_TCPV4, Vnet.GSO_TCPV6, Vnet.GSO_UDP_L4, Vnet.GSO_ECN];
  assert.deepEqual(types, [0, 1, 4, 5, 128]);
});
