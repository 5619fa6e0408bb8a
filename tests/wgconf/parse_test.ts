import assert from "node:assert/strict";
import { formatEndpoint, formatRange } from "../../lib/base/ip_text.ts";
import { ConfigError } from "../../lib/base/errors.ts";
import { formatProblem, parseWgConfig, wipeConfig } from "../../lib/wgconf/parse.ts";
import type { ParseOptions, WgConfig } from "../../lib/wgconf/parse.ts";
import { isUtf16 } from "../../lib/wgconf/scan.ts";
import type { EndpointSetting } from "../../lib/wgconf/values.ts";

const KEY = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";
const PUBLIC = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";

const parse = (text: string, options: Partial<ParseOptions> = {}): WgConfig =>
  parseWgConfig(new TextEncoder().encode(text), { file: "wg1.conf", ...options });
const problems = (text: string, options: Partial<ParseOptions> = {}): string[] =>
  parse(text, options).problems.map(formatProblem);
const endpointText = (endpoint: EndpointSetting | undefined): string =>
  endpoint === undefined
    ? "-"
    : endpoint.type === "name"
    ? `name ${endpoint.name} ${endpoint.port}`
    : `${formatEndpoint({ ...endpoint, scope: 0 })}${endpoint.zone ?? ""}`;

Deno.test("wgconf: the keys of wg(8), in any case and with any white space", () => {
  const config = parse(
    `[ inter face ]\r\nPRIVATEKEY =\t${KEY}\r\n listenport=51820 # the port\r\nFwMark = 0xca6c\r\n` +
      `\r\n# Ann\n[Peer] # of the office\n# since May\nPublicKey = ${PUBLIC}\nPreshared Key=${KEY}\n` +
      `Allowed IPs = 10.0.0.0 / 8, fd00::/64\nAllowedIPs=192.0.2.7\n` +
      `Endpoint = example.org:51820\nPersistentKeepalive = OFF`,
  );
  assert.deepEqual(config.problems, []);
  assert.equal(config.interface.privateKey?.toBase64(), KEY);
  assert.equal(config.interface.listenPort, 51820);
  assert.equal(config.interface.fwmark, 0xca6c);
  const [peer] = config.peers;
  assert.equal(peer.publicKey.toBase64(), PUBLIC);
  assert.equal(peer.presharedKey?.toBase64(), KEY);
  assert.deepEqual(peer.allowedIps.map(({ range }) => formatRange(range)), [
    "10.0.0.0/8",
    "fd00::/64",
    "192.0.2.7/32",
  ]);
  assert.equal(endpointText(peer.endpoint), "name example.org 51820");
  assert.equal(peer.persistentKeepalive, 0);
  assert.equal(peer.replaceAllowedIps, true);
  assert.deepEqual(peer.comments, {
    above: ["Ann"],
    behind: "of the office",
    below: ["since May"],
  });
  assert.equal(peer.line, 7);
});

Deno.test("wgconf: all refused lines are told, with the file, the line and the word", () => {
  assert.deepEqual(
    problems(
      `ListenPort = 1\n[Interface]\nListenPort = 70000\nAddress = 10.0.0.1/24\nJc = 4\nnonsense\n` +
        `; a comment\nEndpoint = 192.0.2.1:1\nFwMark =\n[Peer]\nAllowedIPs = 10.0.0.0/8,\n[Peer]\n` +
        `Endpoint = 192.0.2.1\n[Peer]\nPersistentKeepalive = -1\nWhat = 1\n[NetDev]\nKind = wireguard\n` +
        `[Peer]\n`,
    ).map((line) => line.replace("wg1.conf:", "")),
    [
      "1: ListenPort: before any section; [Interface] or [Peer] is required",
      "3: ListenPort: 70000 is out of range; 0 to 65535 is required",
      "4: Address: unknown key of [Interface]: a key of wg-quick(8), which `wg quick` reads",
      "5: Jc: unknown key of [Interface]: a key of AmneziaWG, whose messages WireGuard cannot read; " +
      "a peer that requires it cannot be reached",
      "6: nonsense: the line is neither a section nor KEY = VALUE",
      "7: ;acomment: the line is neither a section nor KEY = VALUE; a comment begins with #",
      "8: Endpoint: not a key of [Interface]; it belongs in [Peer]",
      "9: FwMark: has no value, which is required",
      "11: AllowedIPs: a range is empty; one as 192.168.5.0/24 or fd00::/64 is required",
      '13: Endpoint: "192.0.2.1" has no port; ADDRESS:PORT, [ADDRESS]:PORT or NAME:PORT is required',
      "15: PersistentKeepalive: -1 is out of range; 0 to 65535 is required, or off",
      "16: What: unknown key of [Peer]",
      "17: [NetDev]: unknown section: a section of systemd.netdev(5); [Interface] or [Peer] is required",
      "18: Kind: of an unknown section",
      "19: [Peer]: the peer has no PublicKey, which is required",
    ],
  );
});

Deno.test("wgconf: no message and no comment shows a key", () => {
  const texts = [
    `[Interface]\nPrivateKey = ${KEY}x\n`,
    `[Interface]\nPrivateKe = ${KEY}\n`,
    `[Interface]\n${KEY}\n`,
    `[Interface]\nPrivateKey\n${KEY.slice(0, 30)}\n`,
    `[Peer]\nPublicKey = ${KEY.slice(1)}\n`,
    `[${KEY}]\n`,
    `[Peer]\nPresharedKey = ${KEY.replace("=", "")}\n`,
    `[Interface]\nPrivateKey = ${KEY}\nPrivateKey = ${KEY.replace("k=", "l=")}\n`,
  ];
  for (const text of texts) {
    const told = problems(text).join("\n");
    assert.notEqual(told, "");
    assert.ok(!told.includes(KEY.slice(2, 20)), told);
  }
  const { lines } = parse(`[Peer]\n# Private Key = ${KEY}\n#PresharedKey=${KEY}\n`);
  for (const { comment } of lines) assert.ok(!(comment ?? "").includes(KEY.slice(0, 9)));
});

Deno.test("wgconf: wiping a file's values erases every key, also one that a later line replaced", () => {
  const config = parse(`[Interface]\nPrivateKey=${KEY}\nPrivateKey=${KEY}\n`);
  const secrets = config.lines.map((line) => line.type === "entry" ? line.secret : undefined)
    .filter((secret) => secret instanceof Uint8Array);
  assert.equal(secrets.length, 2);
  assert.ok(secrets.every((secret) => secret.some((byte) => byte !== 0)));
  wipeConfig(config);
  assert.ok(secrets.every((secret) => secret.every((byte) => byte === 0)));
});

Deno.test("wgconf: a byte order mark is read and told", () => {
  const config = parse("\ufeff[Interface]\nListenPort = 7\n");
  assert.deepEqual(config.problems, []);
  assert.equal(config.interface.listenPort, 7);
  assert.deepEqual(config.warnings.map(formatProblem), [
    "wg1.conf:1: byte order mark: the file begins with one; wg(8) refuses it",
  ]);
});

Deno.test("wgconf: the port 0 of an endpoint is refused where it is of no use", () => {
  const text = (port: string) => `[Peer]\nPublicKey = ${PUBLIC}\nEndpoint = 192.0.2.1:${port}\n`;
  assert.deepEqual(problems(text("0")), []);
  for (const port of ["0", "99999"]) {
    assert.deepEqual(problems(text(port), { endpointPortMin: 1 }), [
      `wg1.conf:3: Endpoint: the port ${port} is out of range; 1 to 65535 is required`,
    ]);
  }
});

Deno.test("wgconf: a file in UTF-16 is told once, whatever its byte order and mark", () => {
  const utf16 = (text: string, swapped: boolean) =>
    Uint8Array.from(text, (letter) => letter.charCodeAt(0)).reduce<number[]>(
      (bytes, code) => bytes.concat(swapped ? [0, code] : [code, 0]),
      [],
    );
  const text = "[Interface]\nListenPort = 7\n";
  for (
    const bytes of [
      [0xff, 0xfe, ...utf16(text, false)],
      [0xfe, 0xff, ...utf16(text, true)],
      utf16(text, false),
      utf16(text, true),
    ]
  ) {
    const config = parseWgConfig(Uint8Array.from(bytes), { file: "wg1.conf" });
    assert.deepEqual(config.problems.map(formatProblem), [
      "wg1.conf:1: encoding: the file is in UTF-16, as editors of Windows write it; " +
      "UTF-8 is required",
    ]);
    assert.deepEqual(config.lines, []);
  }
  for (const bytes of [[], [0], [0, 0], [0x5b], [0xff], [0xc3, 0xa4]]) {
    assert.equal(isUtf16(Uint8Array.from(bytes)), false);
  }
});

Deno.test("wgconf: values as wireguard-tools reads and refuses them", () => {
  const value = (section: string, key: string, text: string, options: Partial<ParseOptions> = {}) =>
    parse(
      `[${section}]\n${section === "Peer" ? `PublicKey=${PUBLIC}\n` : ""}${key}=${text}`,
      options,
    );
  const mark = (text: string) => value("Interface", "FwMark", text).interface.fwmark;
  assert.deepEqual(["0", "off", "Off", "0x0", "0xFFffFFff", "4294967295", "010"].map(mark), [
    0,
    0,
    0,
    0,
    0xffff_ffff,
    0xffff_ffff,
    10,
  ]);
  assert.deepEqual(["", "0x", "0X1", "4294967296", "0x100000000", "-1", "+1", "1a"].map(mark), [
    ...new Array(8).fill(undefined),
  ]);
  const endpoint = (text: string, options: Partial<ParseOptions> = {}) =>
    endpointText(value("Peer", "Endpoint", text, options).peers[0].endpoint);
  const servicePort = (name: string) => name === "domain" ? 53 : undefined;
  assert.deepEqual(
    [
      "192.0.2.1:1",
      "[2001:db8::1]:2",
      "2001:db8::1:3",
      "[fe80::1%eth0]:4",
      "[192.0.2.1]:5",
      "1.2:6",
      "0x7f000001:7",
      "010.0.0.1:8",
      "[::ffff:192.0.2.1]:9",
      "[host]:10",
      "256.1:11",
      "host:",
      "host:65536",
      "[::1:5",
      "[::1]5",
      ":5",
      "a b:00012",
    ].map((text) => endpoint(text)),
    [
      "192.0.2.1:1",
      "[2001:db8::1]:2",
      "[2001:db8::1]:3",
      "[fe80::1]:4eth0",
      "192.0.2.1:5",
      "1.0.0.2:6",
      "127.0.0.1:7",
      "8.0.0.1:8",
      "192.0.2.1:9",
      "name host 10",
      "-",
      "-",
      "-",
      "-",
      "-",
      "-",
      "name ab 12",
    ],
  );
  assert.equal(endpoint("192.0.2.1:domain", { servicePort }), "192.0.2.1:53");
  assert.equal(endpoint("192.0.2.1:nosuch", { servicePort }), "-");
});

Deno.test("wgconf: signs of AllowedIPs", () => {
  const ranges = (text: string, options: Partial<ParseOptions> = {}) => {
    const config = parse(`[Peer]\nPublicKey=${PUBLIC}\nAllowedIPs=${text}\n`, options);
    const [peer] = config.peers;
    return config.problems.length > 0
      ? "refused"
      : `${peer.replaceAllowedIps} ${
        peer.allowedIps.map(({ sign, range }) => sign + formatRange(range))
      }`;
  };
  assert.equal(ranges("+10.0.0.0/8,-10.1.0.0/16"), "false +10.0.0.0/8,-10.1.0.0/16");
  assert.equal(ranges("10.0.0.0/8,+10.1.0.0/16"), "false 10.0.0.0/8,+10.1.0.0/16");
  assert.equal(ranges("0.0.0.0/0,!192.0.2.0/24"), "refused");
  assert.equal(
    ranges("0.0.0.0/0,!192.0.2.0/24", { exclusions: true }),
    "true 0.0.0.0/0,!192.0.2.0/24",
  );
  assert.equal(ranges("++10.0.0.0/8"), "refused");
  assert.equal(ranges("10.0.0.0/33"), "refused");
  assert.equal(ranges("10.0.0.0/"), "refused");
  assert.equal(ranges("10.0.0.0/8/8"), "refused");
  assert.equal(ranges("10.0.0/8"), "refused");
  assert.equal(ranges("10.0.0.0/008"), "true 10.0.0.0/8");
  const { warnings } = parse(`[Peer]\nPublicKey=${PUBLIC}\nAllowedIPs=10.0.0.1/8\n`);
  assert.deepEqual(warnings.map(formatProblem), [
    "wg1.conf:3: AllowedIPs: 10.0.0.0/8 is used: the address has host bits",
  ]);
});

Deno.test("wgconf: more keys of [Interface] for wg-quick's files", () => {
  const seen: string[] = [];
  const interfaceKeys = new Map([
    ["postup", ({ key, value }: { key: string; value: string }) => void seen.push(key, value)],
    ["mtu", ({ value }: { value: string }) => {
      throw new ConfigError("MTU", `${value} is wrong`);
    }],
  ]);
  assert.deepEqual(
    problems("[Interface]\nPostUp =  echo  a = b  # c\nMTU = 7\nPostDown = x\n", { interfaceKeys }),
    [
      "wg1.conf:3: MTU: 7 is wrong",
      "wg1.conf:4: PostDown: unknown key of [Interface]: a key of wg-quick(8), which `wg quick` reads",
    ],
  );
  assert.deepEqual(seen, ["PostUp", "echo  a = b"]);
});
