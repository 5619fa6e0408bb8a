/**
 * A dozen hostname.if(5) files as people have them. `KEY` stands for the interface's private key,
 * `PEER` for the other's public key, `PSK` for a preshared key.
 * @module
 */

/** A file and what it comes to. */
export interface HostnameSample {
  readonly what: string;
  readonly text: string;
  /** The steps as `netstart -n` prints them, for wg0. */
  readonly steps: readonly string[];
}

const HUB_PEERS = Array.from({ length: 49 }, (_, i) => ({
  key: new Uint8Array(32).fill(i + 1).toBase64(),
  range: `10.50.0.${i + 10}/32`,
}));
const PEER = "wgpeer PEER wgendpoint 127.0.0.1 7999";

export const SAMPLES: readonly HostnameSample[] = [
  {
    what: "road warrior",
    text: `wgkey KEY
${PEER} wgaip 0.0.0.0/0 wgaip ::/0 wgpka 25
inet 10.1.0.2/24
up
`,
    steps: [
      "ifconfig wg0 wgkey KEY",
      `ifconfig wg0 ${PEER} wgaip 0.0.0.0/0 wgaip ::/0 wgpka 25`,
      "ifconfig wg0 inet 10.1.0.2/24",
      "ifconfig wg0 up",
    ],
  },
  {
    what: "hub of 50 peers",
    text: `wgkey KEY wgport 7010\ninet 10.50.0.1 255.255.255.0\n${PEER} wgaip 10.50.0.2/32\n${
      HUB_PEERS.map(({ key, range }) => `wgpeer ${key} wgaip ${range}\n`).join("")
    }`,
    steps: [
      "ifconfig wg0 wgkey KEY wgport 7010",
      "ifconfig wg0 inet 10.50.0.1 netmask 255.255.255.0",
      `ifconfig wg0 ${PEER} wgaip 10.50.0.2/32`,
      ...HUB_PEERS.map(({ key, range }) => `ifconfig wg0 wgpeer ${key} wgaip ${range}`),
    ],
  },
  {
    what: "site to site with IPv6",
    text: `inet6 fd00:1::1 64
inet6 alias fd00:2::1 48
wgkey KEY wgport 7011
wgpeer PEER wgendpoint ::1 7999 wgaip fd00:1::/64 wgaip fd00:9::/48
`,
    steps: [
      "ifconfig wg0 inet6 fd00:1::1 prefixlen 64",
      "ifconfig wg0 inet6 alias fd00:2::1 prefixlen 48",
      "ifconfig wg0 wgkey KEY wgport 7011",
      "ifconfig wg0 wgpeer PEER wgendpoint ::1 7999 wgaip fd00:1::/64 wgaip fd00:9::/48",
    ],
  },
  {
    what: "preshared key, continued lines",
    text: `wgkey KEY \\
    wgport 7012
wgpeer PEER \\
	wgpsk PSK \\
	wgaip 10.3.0.0/16 wgendpoint 127.0.0.1 7999
inet 10.3.0.1/16
`,
    steps: [
      "ifconfig wg0 wgkey KEY wgport 7012",
      "ifconfig wg0 wgpeer PEER wgpsk PSK wgaip 10.3.0.0/16 wgendpoint 127.0.0.1 7999",
      "ifconfig wg0 inet 10.3.0.1/16",
    ],
  },
  {
    what: "descriptions",
    text: `description "the office's tunnel"
wgkey KEY
${PEER} wgdescr 'Zoë # laptop' wgaip 10.4.0.2/32
group office
inet 10.4.0.1/24
`,
    steps: [
      "ifconfig wg0 description 'the office'\\''s tunnel'",
      "ifconfig wg0 wgkey KEY",
      `ifconfig wg0 ${PEER} wgdescr 'Zoë # laptop' wgaip 10.4.0.2/32`,
      "ifconfig wg0 group office",
      "ifconfig wg0 inet 10.4.0.1/24",
    ],
  },
  {
    what: "!route",
    text: `wgkey KEY
${PEER} wgaip 10.5.0.0/24 wgaip 10.99.0.0/16
inet 10.5.0.1/24
!/bin/true $if
!route add -inet 10.99.0.0/16 10.5.0.2
!test -n "\${if}" && echo $if >/dev/null
`,
    steps: [
      "ifconfig wg0 wgkey KEY",
      `ifconfig wg0 ${PEER} wgaip 10.5.0.0/24 wgaip 10.99.0.0/16`,
      "ifconfig wg0 inet 10.5.0.1/24",
      "/bin/true wg0",
      "route add -inet 10.99.0.0/16 10.5.0.2",
      'test -n "wg0" && echo wg0 >/dev/null',
    ],
  },
  {
    what: "rdomain",
    text: `rdomain 3\nwgkey KEY wgport 7013\n${PEER} wgaip 10.6.0.0/24\ninet 10.6.0.1/24\n`,
    steps: [
      "ifconfig wg0 rdomain 3",
      "ifconfig wg0 wgkey KEY wgport 7013",
      `ifconfig wg0 ${PEER} wgaip 10.6.0.0/24`,
      "ifconfig wg0 inet 10.6.0.1/24",
    ],
  },
  {
    what: "wgrtable",
    text: `wgkey KEY wgport 7014 wgrtable 4\n${PEER} wgaip 10.7.0.0/24\ninet 10.7.0.1/24\n`,
    steps: [
      "ifconfig wg0 wgkey KEY wgport 7014 wgrtable 4",
      `ifconfig wg0 ${PEER} wgaip 10.7.0.0/24`,
      "ifconfig wg0 inet 10.7.0.1/24",
    ],
  },
  {
    what: "aliases",
    text: `inet 10.8.0.1 0xffffff00 NONE
inet alias 10.8.0.2 255.255.255.255
inet alias 10.8.1.1/24
wgkey KEY
${PEER} wgaip 10.8.0.0/16
`,
    steps: [
      "ifconfig wg0 inet 10.8.0.1 netmask 0xffffff00",
      "ifconfig wg0 inet alias 10.8.0.2 netmask 255.255.255.255",
      "ifconfig wg0 inet alias 10.8.1.1/24",
      "ifconfig wg0 wgkey KEY",
      `ifconfig wg0 ${PEER} wgaip 10.8.0.0/16`,
    ],
  },
  {
    what: "mtu and options behind an address",
    text: `inet 10.9.0.1 255.255.0.0 10.9.255.255 mtu 1380 description nine
inet6 fd00:9::1 64 debug
-tso -gro
inet 10.9.0.2 255.255.255.255 NONE alias gso
wgkey KEY
${PEER} wgaip 10.9.0.0/16
`,
    steps: [
      "ifconfig wg0 inet 10.9.0.1 netmask 255.255.0.0 broadcast 10.9.255.255 mtu 1380 description nine",
      "ifconfig wg0 inet6 fd00:9::1 prefixlen 64 debug",
      "ifconfig wg0 -tso -gro",
      "ifconfig wg0 inet 10.9.0.2 netmask 255.255.255.255 alias gso",
      "ifconfig wg0 wgkey KEY",
      `ifconfig wg0 ${PEER} wgaip 10.9.0.0/16`,
    ],
  },
  {
    what: "dest",
    text: `inet 10.10.0.1 255.255.255.255
dest 10.10.0.2
inet6 alias fd00:a::1 128
dest fd00:a::2
wgkey KEY
${PEER} wgaip 10.10.0.2/32 wgaip fd00:a::2/128
`,
    steps: [
      "ifconfig wg0 inet 10.10.0.1 10.10.0.2 netmask 255.255.255.255",
      "ifconfig wg0 inet6 alias fd00:a::1 fd00:a::2 prefixlen 128",
      "ifconfig wg0 wgkey KEY",
      `ifconfig wg0 ${PEER} wgaip 10.10.0.2/32 wgaip fd00:a::2/128`,
    ],
  },
  {
    what: "comments and blanks",
    text:
      "# the key\n\n   # indented \\\n\twgkey KEY   # behind a line\r\n\n#wgport 7\n  inet   10.11.0.1/24  \n" +
      `${PEER} wgaip 10.11.0.0/24\nwgport 7015`,
    steps: [
      "ifconfig wg0 wgkey KEY",
      "ifconfig wg0 inet 10.11.0.1/24",
      `ifconfig wg0 ${PEER} wgaip 10.11.0.0/24`,
      "ifconfig wg0 wgport 7015",
    ],
  },
];
