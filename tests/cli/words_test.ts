import assert from "node:assert/strict";
import { ConfigError } from "../../lib/base/errors.ts";
import type { PeerChange } from "../../lib/base/config.ts";
import { formatIp, formatRange, parseIp } from "../../lib/base/ip_text.ts";
import type { Command } from "../../lib/cli/ifconfig/words/draft.ts";
import { IFCONFIG_MANUAL, wordSynopsis } from "../../lib/cli/ifconfig/help.ts";
import { helpText } from "../../lib/cli/manual.ts";
import { parseWords } from "../../lib/cli/ifconfig/words/parse.ts";
import { spellings, WORDS } from "../../lib/cli/ifconfig/words/table.ts";
import { REFUSED_WORDS } from "../../lib/cli/ifconfig/words/refused.ts";
import { commandOf, KEY, KEY2, KEY3, testSources, words } from "./sources.ts";

const peerOf = (command: Command): PeerChange => command.change.peers!.at(-1)!;
const key = (text: string) => Uint8Array.fromBase64(text);

/** An example of each row of the table, and what it must come to. */
const EXAMPLES: Readonly<
  Record<string, readonly (readonly [string, (command: Command) => unknown, unknown])[]>
> = {
  create: [["wg1 create", (c) => c.create, true], ["wg create", (c) => c.name, "wg"]],
  destroy: [["wg1 destroy", (c) => c.destroy, true]],
  up: [["wg1 up", (c) => c.up, true], ["wg1 down up", (c) => c.up, true]],
  down: [["wg1 down", (c) => c.up, false], ["wg1 10.0.0.1 down", (c) => c.up, false]],
  mtu: [
    ["wg1 mtu 1280", (c) => c.mtu, 1280],
    ["wg1 mtu 65535", (c) => c.mtu, 65535],
    [
      "wg1 mtu 68",
      (c) => c.mtu,
      68,
    ],
    ["wg1 mtu 1300 mtu auto", (c) => [c.mtu, c.change.mtuAuto], [undefined, true]],
    [
      "wg1 mtu auto mtu 1300",
      (c) => [c.mtu, c.change.mtuAuto],
      [1300, undefined],
    ],
  ],
  description: [["wg1 description office", (c) => c.description, "office"], [
    "wg1 descr x",
    (c) => c.description,
    "x",
  ]],
  "-description": [["wg1 -description", (c) => c.description, ""], [
    "wg1 -descr",
    (c) => c.description,
    "",
  ]],
  group: [["wg1 group office group uplink group office", (c) => c.joinGroups, [
    "office",
    "uplink",
  ]]],
  "-group": [["wg1 -group office", (c) => c.leaveGroups, ["office"]]],
  rdomain: [["wg1 rdomain 1", (c) => c.rdomain, 1], ["wg1 rdomain 255", (c) => c.rdomain, 255]],
  "-rdomain": [["wg1 -rdomain", (c) => c.rdomain, 0]],
  priority: [["wg1 priority 40", (c) => c.change.priority, 40], [
    "wg1 metric 0",
    (c) => c.change.priority,
    0,
  ]],
  debug: [["wg1 debug", (c) => c.change.debug, true]],
  "-debug": [["wg1 -debug", (c) => c.change.debug, false], [
    "wg1 debug -debug",
    (c) => c.change.debug,
    false,
  ]],
  tso: [["wg1 tso", (c) => c.change.offloads, { tso: true }], [
    "wg1 -tso tso",
    (c) => c.change.offloads,
    {
      tso: true,
    },
  ]],
  "-tso": [
    ["wg1 -tso", (c) => c.change.offloads, { tso: false }],
    ["wg1 create -tso up -gro", (c) => c.change.offloads, { tso: false, gro: false }],
    ["wg1 up", (c) => c.change, {}],
  ],
  uso: [["wg1 uso -tso", (c) => c.change.offloads, { tso: false, uso: true }]],
  "-uso": [["wg1 -uso", (c) => c.change.offloads, { uso: false }]],
  gso: [["wg1 gso", (c) => c.change.offloads, { gso: true }]],
  "-gso": [["wg1 -gso", (c) => c.change.offloads, { gso: false }]],
  gro: [["wg1 gro", (c) => c.change.offloads, { gro: true }]],
  "-gro": [["wg1 gro -gro", (c) => c.change.offloads, { gro: false }]],
  inet: [
    ["wg1 inet 192.168.5.1/24", address, ["set 192.168.5.1/24"]],
    ["wg1 inet hub.example.org/30", address, ["set 192.0.2.7/30"]],
    ["wg1 inet 10.0.0.1 10.0.0.2", address, ["set 10.0.0.1/32 to 10.0.0.2"]],
    ["wg1 inet 10.0.0.1/24 10.0.0.2", address, ["set 10.0.0.1/24 to 10.0.0.2"]],
    ["wg1 inet 10.0.0.1/24 inet6 fd00::1/64", address, ["set 10.0.0.1/24", "set fd00::1/64"]],
  ],
  inet6: [
    ["wg1 inet6 fd00::1", address, ["set fd00::1/64"]],
    ["wg1 inet6 fd00::1/127", address, ["set fd00::1/127"]],
    ["wg1 inet6 fe80::1%wg1", address, ["set fe80::1/64"]],
    ["wg1 inet6 hub.example.org", address, ["set 2001:db8::7/64"]],
    ["wg1 inet6 fd00::1 fd00::2", address, ["set fd00::1/128 to fd00::2"]],
  ],
  netmask: [
    ["wg1 10.0.0.1 netmask 255.255.255.0", address, ["set 10.0.0.1/24"]],
    ["wg1 10.0.0.1 netmask 0xfffffffc", address, ["set 10.0.0.1/30"]],
    ["wg1 netmask 0.0.0.0 10.0.0.1", address, ["set 10.0.0.1/0"]],
    ["wg1 10.0.0.1/32 netmask 255.255.255.255", address, ["set 10.0.0.1/32"]],
  ],
  prefixlen: [
    ["wg1 inet6 fd00::1 prefixlen 48", address, ["set fd00::1/48"]],
    ["wg1 10.0.0.1 prefixlen 9", address, ["set 10.0.0.1/9"]],
  ],
  broadcast: [["wg1 10.0.0.1/24 broadcast 10.0.0.0", address, [
    "set 10.0.0.1/24 broadcast 10.0.0.0",
  ]]],
  alias: [
    ["wg1 10.0.0.2/24 alias", address, ["alias 10.0.0.2/24"]],
    ["wg1 inet alias 10.0.0.2/24", address, ["alias 10.0.0.2/24"]],
    ["wg1 alias 10.0.0.2/24", address, ["alias 10.0.0.2/24"]],
  ],
  delete: [
    ["wg1 inet 10.0.0.2 delete", address, ["remove inet 10.0.0.2"]],
    ["wg1 10.0.0.2 -alias", address, ["remove inet 10.0.0.2"]],
    ["wg1 inet6 fd00::1 delete", address, ["remove inet6 fd00::1"]],
    ["wg1 inet6 delete", address, ["remove inet6 first"]],
    ["wg1 delete", address, ["remove inet first"]],
  ],
  eui64: [
    [
      "wg1 inet6 fd00:: prefixlen 64 eui64",
      (c) => c.addresses[0].type === "set" && c.addresses[0].eui64,
      true,
    ],
    ["wg1 inet6 eui64", address, ["link-local fe80::5a5a:5a5a:5a5a:5a5a"]],
  ],
  "-inet": [["wg1 -inet", address, ["flush inet"]]],
  "-inet6": [["wg1 -inet6 inet6 fd00::1", address, ["flush inet6", "set fd00::1/64"]]],
  wgkey: [
    ["wg1 wgkey K", (c) => c.change, { privateKey: key(KEY) }],
    ["wg1 wgkey @/etc/wg/key", (c) => c.change.privateKey, key(KEY)],
    ["wg1 wgkey -", (c) => c.change.privateKey, key(KEY)],
  ],
  wgport: [
    ["wg1 wgport 7111", (c) => c.change, { listenPort: 7111 }],
    ["wg1 wgport 0", (c) => c.change, { listenPort: 0 }],
  ],
  wgworkers: [["wg1 wgworkers 4", (c) => c.change, { workers: 4 }]],
  wgfwmark: [
    ["wg1 wgfwmark 51820", (c) => c.change, { fwmark: 51820 }],
    ["wg1 wgfwmark 0xca6c", (c) => c.change, { fwmark: 0xca6c }],
    ["wg1 wgfwmark off", (c) => c.change, { fwmark: 0 }],
  ],
  wgrtable: [["wg1 wgrtable 3", (c) => c.change, { rtable: 3 }]],
  wgpeer: [
    ["wg1 wgpeer K", (c) => c.change, { peers: [{ publicKey: key(KEY) }] }],
    ["wg1 wgpeer K wgpeer K2", (c) => c.change.peers?.map((p) => p.publicKey), [
      key(KEY),
      key(KEY2),
    ]],
  ],
  "-wgpeer": [["wg1 -wgpeer K", (c) => peerOf(c), { publicKey: key(KEY), remove: true }]],
  "-wgpeerall": [["wg1 -wgpeerall", (c) => c.change, { replacePeers: true }]],
  wgdescription: [
    ["wg1 wgpeer K wgdescription Zoe", (c) => peerOf(c), {
      publicKey: key(KEY),
      description: "Zoe",
    }],
    ["wg1 wgpeer K wgdescr Zoe", (c) => peerOf(c).description, "Zoe"],
  ],
  "-wgdescription": [
    ["wg1 wgpeer K -wgdescription", (c) => peerOf(c), { publicKey: key(KEY), description: "" }],
    ["wg1 wgpeer K wgdescr x -wgdescr", (c) => peerOf(c).description, ""],
  ],
  wgaip: [
    ["wg1 wgpeer K wgaip 10.1.2.3/8 wgaip fd00::1/64", ranges, [true, "10.0.0.0/8", "fd00::/64"]],
    ["wg1 wgpeer K wgaip 192.168.5.2", ranges, [true, "192.168.5.2/32"]],
    ["wg1 wgpeer K wgaip 10/8 wgaip 172.16/12 wgaip 0/0", ranges, [
      true,
      "10.0.0.0/8",
      "172.16.0.0/12",
      "0.0.0.0/0",
    ]],
  ],
  wgendpoint: [
    ["wg1 wgpeer K wgendpoint 127.0.0.1 7222", endpoint, ["127.0.0.1", 7222, 0]],
    ["wg1 wgpeer K wgendpoint 2001:db8::1 1", endpoint, ["2001:db8::1", 1, 0]],
    ["wg1 wgpeer K wgendpoint fe80::1%eth0 5", endpoint, ["fe80::1", 5, 3]],
    ["wg1 wgpeer K wgendpoint hub.example.org 5", endpoint, ["hub.example.org", 5]],
    ["wg1 wgpeer K wgendpoint ::1 4 wgendpoint nosuch.invalid 5", endpoint, ["nosuch.invalid", 5]],
    ["wg1 wgpeer K wgendpoint hub.example.org 5 wgendpoint ::1 4", endpoint, ["::1", 4, 0]],
    ["wg1 wgpeer K wgendpoint ::ffff:192.0.2.1 5", endpoint, ["192.0.2.1", 5, 0]],
  ],
  wgdisabled: [
    ["wg1 wgpeer K wgdisabled", (c) => peerOf(c), {
      publicKey: key(KEY),
      disabled: { reason: "hand" },
    }],
  ],
  "-wgdisabled": [["wg1 wgpeer K -wgdisabled", (c) => peerOf(c).disabled, false]],
  wgexpires: [
    ["wg1 wgpeer K wgexpires 1970-01-02", (c) => peerOf(c), {
      publicKey: key(KEY),
      expiresUnixMs: 86_400_000,
    }],
    ["wg1 wgpeer K wgexpires 1970-01-01T01:00Z", (c) => peerOf(c).expiresUnixMs, 3_600_000],
  ],
  "-wgexpires": [["wg1 wgpeer K -wgexpires", (c) => peerOf(c).expiresUnixMs, 0]],
  wgpka: [
    ["wg1 wgpeer K wgpka 25", (c) => peerOf(c), { publicKey: key(KEY), persistentKeepalive: 25 }],
    ["wg1 wgpeer K wgpka 43200", (c) => peerOf(c).persistentKeepalive, 43200],
    ["wg1 wgpeer K wgpka 0", (c) => peerOf(c), { publicKey: key(KEY), persistentKeepalive: 0 }],
  ],
  wgpsk: [["wg1 wgpeer K wgpsk K2", (c) => peerOf(c), {
    publicKey: key(KEY),
    presharedKey: key(KEY2),
  }]],
  "-wgpsk": [["wg1 wgpeer K -wgpsk", (c) => peerOf(c), {
    publicKey: key(KEY),
    presharedKey: new Uint8Array(32),
  }]],
};

function address(command: Command): string[] {
  return command.addresses.map((change) => {
    if (change.type === "flush") return `flush ${change.family}`;
    if (change.type === "remove") {
      return `remove ${change.family} ${
        change.address === undefined ? "first" : formatIp(change.address)
      }`;
    }
    if (change.type === "link-local") return `link-local ${formatIp(change.address)}`;
    const to = change.destination === undefined ? "" : ` to ${formatIp(change.destination)}`;
    const broadcast = change.broadcast === undefined
      ? ""
      : ` broadcast ${formatIp(change.broadcast)}`;
    return `${change.alias ? "alias" : "set"} ${
      formatIp(change.address)
    }/${change.prefix}${to}${broadcast}`;
  });
}

function ranges(command: Command): unknown[] {
  const peer = peerOf(command);
  return [peer.replaceAllowedIps, ...peer.allowedIps!.map(formatRange)];
}

function endpoint(command: Command): unknown[] {
  const peer = peerOf(command);
  if (peer.endpointName !== undefined) {
    assert.equal(peer.endpoint, undefined);
    return [peer.endpointName.host, peer.endpointName.port];
  }
  const { address, port, scope } = peer.endpoint!;
  return [formatIp(address), port, scope];
}

for (const word of WORDS) {
  Deno.test(`ifconfig: ${wordSynopsis(word)}`, async () => {
    const examples = EXAMPLES[word.name];
    assert.ok(examples !== undefined, "every row of the table has an example here");
    for (const [line, look, expected] of examples) {
      assert.deepEqual(look(await commandOf(words(line))), expected, line);
    }
    assert.match(word.help, /^[A-Z].*\.$/s);
    for (const name of spellings(word)) {
      for (let given = 0; given < word.operands.length; given++) {
        const short = ["wg1", "wgpeer", KEY, name, "127.0.0.1"].slice(0, 4 + given);
        assert.throws(
          () => parseWords(short),
          (error) => error instanceof ConfigError && error.word === name,
          short.join(" "),
        );
      }
    }
  });
}

Deno.test("a word without its operand says what it requires", () => {
  for (const word of WORDS) {
    assert.equal(word.requires !== undefined, word.operands.length > 0, word.name);
  }
  const message = (line: string) => {
    try {
      parseWords(words(line));
      return "";
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.equal(message("wg1 wgport"), "wgport: requires a port number, 0 to 65535");
  assert.equal(
    message("wg1 wgpeer K wgendpoint 10.0.0.1"),
    "wgendpoint: requires a host and a port number, 1 to 65535",
  );
  assert.equal(message("wg1 wgpeer K wgpka"), "wgpka: requires a number of seconds, 0 to 43200");
  assert.equal(message("wg1 inet"), "inet: requires an address");
  assert.equal(message("wg1 wgkey @"), "wgkey: @ requires the name of a file");
});

Deno.test("no word stands twice in the tables", () => {
  const all = [...WORDS.flatMap(spellings), ...REFUSED_WORDS.map((word) => word.name)];
  assert.deepEqual(all.filter((name, i) => all.indexOf(name) !== i), []);
  assert.deepEqual(
    Object.keys(EXAMPLES).filter((name) => !WORDS.some((word) => word.name === name)),
    [],
  );
});

Deno.test("the help has every word with its operands", () => {
  const help = helpText(IFCONFIG_MANUAL);
  for (const word of WORDS) assert.ok(help.includes(`\n  ${wordSynopsis(word)}\n`), word.name);
  for (const line of help.split("\n")) assert.ok(line.length <= 80, line);
  assert.match(help, /Other\s+users\s+can\s+see\s+a\s+key\s+on\s+the\s+command\s+line/);
});

Deno.test("the manual's lines", async () => {
  const create = await commandOf(words("wg1 create wgport 7111 wgkey K rdomain 1"));
  assert.equal(create.create, true);
  assert.equal(create.rdomain, 1);
  assert.equal(create.up, undefined);
  assert.deepEqual(create.change, { listenPort: 7111, privateKey: key(KEY) });
  const peer = await commandOf(
    words("wg1 wgpeer K2 wgendpoint 127.0.0.1 7222 wgaip 192.168.5.2/32"),
  );
  assert.deepEqual(Object.keys(peerOf(peer)).sort(), [
    "allowedIps",
    "endpoint",
    "publicKey",
    "replaceAllowedIps",
  ]);
  const assigned = await commandOf(words("wg1 192.168.5.1/24"));
  assert.equal(assigned.up, true);
  assert.deepEqual(assigned.change, {});
  assert.deepEqual(address(assigned), ["set 192.168.5.1/24"]);
});

Deno.test("an address without a mask gets that of its class", async () => {
  for (
    const [text, prefix] of [
      ["10.0.0.1", 8],
      ["127.0.0.1", 8],
      ["128.0.0.1", 16],
      ["191.1.1.1", 16],
      ["192.0.0.1", 24],
      ["223.1.1.1", 24],
    ]
  ) {
    assert.deepEqual(address(await commandOf(["wg1", String(text)])), [`set ${text}/${prefix}`]);
  }
});

Deno.test("each peer's words reach that peer only", async () => {
  const { change } = await commandOf(
    words("wg1 wgpeer K wgpka 5 wgdescr one wgpeer K2 wgaip 10.0.0.0/8 -wgpeer K3"),
  );
  assert.deepEqual(change.peers, [
    { publicKey: key(KEY), persistentKeepalive: 5, description: "one" },
    {
      publicKey: key(KEY2),
      replaceAllowedIps: true,
      allowedIps: [{ address: parseIp("10.0.0.0"), prefix: 8 }],
    },
    { publicKey: key(KEY3), remove: true },
  ]);
});

Deno.test("standard input gives a line for each -, in order", async () => {
  const { change } = await commandOf(words("wg1 wgkey - wgpeer K3 wgpsk -"));
  assert.deepEqual(change.privateKey, key(KEY));
  assert.deepEqual(change.peers?.[0].presharedKey, key(KEY2));
});

Deno.test("nothing is read or looked up when a later word is wrong", () => {
  const sources = testSources();
  assert.throws(
    () => parseWords(words("wg1 wgkey - wgpeer K wgendpoint hub.example.org 5 wgpka x")),
    ConfigError,
  );
  assert.deepEqual(sources.asked, []);
});
