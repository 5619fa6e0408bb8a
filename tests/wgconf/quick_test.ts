/** The keys of wg-quick(8), excluded ranges, and descriptions from comments. */
import assert from "node:assert/strict";
import { formatIp, formatRange } from "../../lib/base/ip_text.ts";
import { descriptionOf } from "../../lib/wgconf/description.ts";
import { formatProblem } from "../../lib/wgconf/parse.ts";
import { parseQuickConfig, type QuickConfig } from "../../lib/wgconf/quick.ts";

const KEY = "A".repeat(43) + "=";
const PUBLIC = "B".repeat(42) + "A=";

const read = (text: string): QuickConfig =>
  parseQuickConfig(new TextEncoder().encode(text), { file: "wg0.conf" });

/** What an [Interface] with these lines says; none of them may be refused. */
function fine(lines: string): QuickConfig {
  const config = read(`[Interface]\n${lines}`);
  assert.deepEqual(config.problems, []);
  return config;
}

/** The lines with which a file is refused. */
const refused = (text: string): string[] => read(text).problems.map(formatProblem);

const addresses = (lines: string): string[] =>
  fine(lines).addresses.map(({ address, prefix }) => `${formatIp(address)}/${prefix}`);

Deno.test("addresses: lists, several lines, netmasks, and none is a single address", () => {
  assert.deepEqual(
    addresses(
      "Address = 10.0.0.1/24, fd00::1/64\naddress=10.1.0.1\nADDRESS = fd01::1 10.2.0.1/255.255.0.0",
    ),
    ["10.0.0.1/24", "fd00::1/64", "10.1.0.1/32", "fd01::1/128", "10.2.0.1/16"],
  );
  assert.deepEqual(addresses("Address =\nAddress = 192.0.2.7/0"), ["192.0.2.7/0"]);
});

Deno.test("name servers and search domains are told apart", () => {
  const { dns } = fine(
    "DNS = 10.0.0.53, fd00::53,example.org\nDNS = corp.example ~internal.example",
  );
  assert.deepEqual(dns, {
    servers: ["10.0.0.53", "fd00::53"],
    search: ["example.org", "corp.example", "~internal.example"],
  });
  assert.deepEqual(fine("DNS = fe80::1%eth0").dns.servers, ["fe80::1%eth0"]);
  const alone = read("[Interface]\nDNS = example.org\n");
  assert.match(alone.warnings.map(formatProblem).join(), /^wg0\.conf:2: DNS: search domains/);
});

Deno.test("the other keys, of which the last line counts", () => {
  const config = fine(
    "MTU = 1400\nmtu = 1380\nTable = Auto\nTABLE = vpn.1\nSaveConfig = TRUE\n" +
      "PreUp = echo one\nPostUp = a %i; b # a comment\npostup = c\nPreDown = d\nPostDown = e = f\n",
  );
  assert.equal(config.mtu, 1380);
  assert.equal(config.table, "vpn.1");
  assert.equal(config.saveConfig, true);
  assert.deepEqual(config.hooks, {
    PreUp: [{ line: 7, command: "echo one" }],
    PostUp: [{ line: 8, command: "a %i; b" }, { line: 9, command: "c" }],
    PreDown: [{ line: 10, command: "d" }],
    PostDown: [{ line: 11, command: "e = f" }],
  });
  assert.equal(fine("MTU = 1400\nMTU =\n").mtu, undefined);
  assert.equal(fine("Table = OFF\n").table, "off");
  assert.equal(fine("").table, "auto");
});

Deno.test("wrong values are refused with file, line and word, all at once, without keys", () => {
  assert.deepEqual(
    refused(
      "[Interface]\nAddress = 10.0.0.1/33\nAddress = host\nDNS = 10.0.0\nDNS = a/b\nMTU = 67\n" +
        `MTU = 65536\nTable = ../x\nSaveConfig = yes\nPrivateKey = ${KEY.slice(1)}\nJc = 4\n` +
        "Address = 10.0.0.1/255.0.255.0\nDNS = fe80::1%a;b\nFoo = 1\n",
    ).map((line) => line.split(": ").slice(0, 2).join(": ")),
    [
      "wg0.conf:2: Address",
      "wg0.conf:3: Address",
      "wg0.conf:4: DNS",
      "wg0.conf:5: DNS",
      "wg0.conf:6: MTU",
      "wg0.conf:7: MTU",
      "wg0.conf:8: Table",
      "wg0.conf:9: SaveConfig",
      "wg0.conf:10: PrivateKey",
      "wg0.conf:11: Jc",
      "wg0.conf:12: Address",
      "wg0.conf:13: DNS",
      "wg0.conf:14: Foo",
    ],
  );
  assert.match(refused("[Interface]\nJc = 4\n")[0], /AmneziaWG/);
  assert.match(
    refused(`[Peer]\nPublicKey = ${PUBLIC}\nAddress = 10.0.0.1\n`)[0],
    /^wg0\.conf:3: Address: /,
  );
  assert.ok(
    !refused(`[Interface]\nMTU = ${KEY}\nDNS = ${KEY}\nTable = ${KEY}\n`).join().includes("AAA"),
  );
});

Deno.test("a table that does not exist is refused, an MTU too small for IPv6 is told", () => {
  const bytes = new TextEncoder().encode("[Interface]\nTable = vpn\nTable = lan\n");
  const hasTable = (name: string) => name === "vpn";
  const { problems } = parseQuickConfig(bytes, { file: "wg0.conf", hasTable });
  assert.match(problems.map(formatProblem).join(), /^wg0\.conf:3: Table: "lan" is not a table/);
  const { warnings } = read("[Interface]\nAddress = 10.0.0.1, fd00::1\nMTU = 1279\n");
  assert.match(warnings.map(formatProblem).join(), /^wg0\.conf:3: MTU: IPv6 requires/);
  assert.deepEqual(read("[Interface]\nAddress = 10.0.0.1\nMTU = 1279\n").warnings, []);
});

Deno.test("CRLF, a byte order mark and any case are read", () => {
  const config = read("\ufeff[INTERFACE]\r\naddress = 10.0.0.1/24\r\nPOSTUP = echo %i\r\n");
  assert.deepEqual(config.problems, []);
  assert.equal(config.hooks.PostUp[0].command, "echo %i");
  assert.match(config.warnings.map(formatProblem).join(), /^wg0\.conf:1: byte order mark/);
});

/** The ranges of a peer with these lines of AllowedIPs. */
function ranges(...lines: string[]): string[] {
  const { peers, problems } = read(
    `[Peer]\nPublicKey = ${PUBLIC}\n${lines.map((line) => `AllowedIPs = ${line}\n`).join("")}`,
  );
  assert.deepEqual(problems, []);
  return peers[0].allowedIps.map(({ range }) => formatRange(range));
}

Deno.test("excluded ranges are taken out of the others, over all lines of a peer", () => {
  assert.deepEqual(ranges("0.0.0.0/0, !64.0.0.0/2"), ["0.0.0.0/2", "128.0.0.0/1"]);
  assert.deepEqual(ranges("!128.0.0.0/1", "0.0.0.0/0", "::/0"), ["0.0.0.0/1", "::/0"]);
  const all = ranges("0.0.0.0/0, !192.0.2.0/24");
  assert.equal(all.length, 24);
  assert.ok(!all.includes("0.0.0.0/0") && all.includes("192.0.0.0/23"));
});

Deno.test("what cannot be excluded is refused", () => {
  const peer = (line: string) => refused(`[Peer]\nPublicKey = ${PUBLIC}\nAllowedIPs = ${line}\n`);
  assert.match(peer("!10.0.0.0/8")[0], /AllowedIPs: .* there are no others$/);
  assert.match(peer("+10.0.0.0/8, !10.1.0.0/16")[0], /must not have \+ or -$/);
  assert.match(peer("0.0.0.0/0, !10.0.0.0/33")[0], /^wg0\.conf:3: AllowedIPs/);
});

Deno.test("a comment behind, below or above [Peer] describes it", () => {
  const described = (text: string) => descriptionOf(read(text).peers[0].comments);
  const peer = `PublicKey = ${PUBLIC}\n`;
  const cases: readonly (readonly [string, string])[] = [
    [`[Peer] # Ann\n${peer}`, "Ann"],
    [`# Bob's phone\n[Peer]\n${peer}`, "Bob's phone"],
    [`[Peer]\n# Cy\n${peer}`, "Cy"],
    [`# of the file\n\n[Peer]\n${peer}`, ""],
    [`# above\n[Peer] # behind\n# below\n${peer}`, "behind"],
    [`### end ann ###\n### begin bob ###\n[Peer]\n${peer}`, "bob"],
    [`# Client: Dora (1b2c)\n[Peer]\n${peer}`, "Dora (1b2c)"],
    [`### Client emil\n[Peer]\n${peer}`, "emil"],
    [`[Peer]\n# friendly_name = Fay\n${peer}`, "Fay"],
    [`# ------\n[Peer]\n${peer}`, ""],
    [`# Gil\n[Peer]\n# PersistentKeepalive = 25\n${peer}`, "Gil"],
    [`[Peer] # ${"ä".repeat(60)}\n${peer}`, "ä".repeat(31)],
    [`[Peer] # a\tb\u0007c\n${peer}`, "a b c"],
    [`# PresharedKey = ${KEY}\n[Peer]\n${peer}`, ""],
    [`# secret: ${KEY}\n[Peer]\n${peer}`, ""],
  ];
  for (const [text, wanted] of cases) assert.equal(described(text), wanted, text);
});

Deno.test("keys of [Interface] below [Peer] are told where they belong, and NUL is refused", () => {
  for (const line of ["Address = 10.0.0.1", "MTU = 1400", "PostUp = a", "FwMark = 1"]) {
    const [key] = line.split(" ");
    assert.deepEqual(refused(`[Peer]\nPublicKey = ${PUBLIC}\n${line}\n`), [
      `wg0.conf:3: ${key}: not a key of [Peer]; it belongs in [Interface]`,
    ]);
  }
  assert.match(refused("[Interface]\nPostUp = a\0b\n").join(), /^wg0\.conf:2: PostUp: .*NUL/);
});
