import assert from "node:assert/strict";
import { ConfigError } from "../../lib/base/errors.ts";
import { spellings, WORDS } from "../../lib/cli/ifconfig/words/table.ts";
import { REFUSED_WORDS } from "../../lib/cli/ifconfig/words/refused.ts";
import { commandOf, KEY, KEY2, words } from "./sources.ts";

/** A wrong line and the word that its error names. */
type Wrong = readonly [readonly string[], string];

const by = (line: string, word: string): Wrong => [words(line), word];

/** Written by hand: what people type. */
const BY_HAND: readonly Wrong[] = [
  [[], '""'],
  [[""], '""'],
  by("wg1234567890123456 create", "wg1234567890123456"),
  by("wg/1 create", "wg/1"),
  by("../wg1 create", "../wg1"),
  [["wg 1", "create"], '"wg 1"'],
  [["wg1\n", "up"], '"wg1\\n"'],
  by(". up", "."),
  by("home create", "home"),
  by("0 create", "0"),
  by("wg1x create", "wg1x"),
  by("wg01 create", "wg01"),
  by("wg1 inet6 fd00::1/64 prefixlen 65", "prefixlen"),
  by("wg1 prefixlen 48 fd00::1/64", "fd00::1/64"),
  by("wg1 inet 10.0.0.1/24 prefixlen 8", "prefixlen"),
  by("wg1 destroy up", "destroy"),
  by("wg1 create destroy", "destroy"),
  by("wg1 upp", "upp"),
  by("wg1 inet6 fe80::1%wg2", "fe80::1%wg2"),
  by("wg1 inet6 fe80::1%lo prefixlen 64", "fe80::1%lo"),
  by("wg1 UP", "UP"),
  by("wg1 -up", "-up"),
  by("wg1 -lro", "-lro"),
  by("wg1 -tso -lso", "-lso"),
  by("wg1 gro on", "on"),
  by("wg1 --gso", "--gso"),
  by("wg1 TSO", "TSO"),
  by("wg1 hwfeatures -tso", "hwfeatures"),
  by("wg1 --help", "--help"),
  [["wg1", ""], ""],
  by("wg1 frobnicate 1", "frobnicate"),
  by("wg1 wgkye K", "wgkye"),
  by("wg1 wgpublickey K", "wgpublickey"),
  by("wg1 mtu 1e3", "mtu"),
  by("wg1 mtu 67", "mtu"),
  by("wg1 mtu 65536", "mtu"),
  by("wg1 mtu 1279 inet6 fd00::1", "mtu"),
  by("wg1 mtu 1420bytes", "mtu"),
  [["wg1", "mtu", ""], "mtu"],
  [["wg1", "mtu", " 1420"], "mtu"],
  [["wg1", "description", "a\nb"], "description"],
  [["wg1", "description", "x".repeat(64)], "description"],
  [["wg1", "descr", "é".repeat(32)], "descr"],
  by("wg1 group office1", "group"),
  by("wg1 group office/two", "group"),
  by("wg1 group wg", "group"),
  by("wg1 -group wg", "-group"),
  [["wg1", "group", ""], "group"],
  [["wg1", "group", "abcdefghijklmnop"], "group"],
  by("wg1 rdomain 256", "rdomain"),
  by("wg1 rdomain -1", "rdomain"),
  by("wg1 rdomain one", "rdomain"),
  by("wg1 priority 4294967296", "priority"),
  by("wg1 metric low", "metric"),
  by("wg1 10.0.0", "10.0.0"),
  by("wg1 10.0.0.256", "10.0.0.256"),
  by("wg1 10.0.0.1.2", "10.0.0.1.2"),
  by("wg1 010.0.0.1", "010.0.0.1"),
  by("wg1 10.0.0.1/33", "10.0.0.1/33"),
  by("wg1 10.0.0.1/", "10.0.0.1/"),
  by("wg1 10.0.0.1/x", "10.0.0.1/x"),
  by("wg1 10.0.0.1/-1", "10.0.0.1/-1"),
  by("wg1 10.0.0.1/24/24", "10.0.0.1/24/24"),
  by("wg1 10.0.0.1/255.255.255.0", "10.0.0.1/255.255.255.0"),
  by("wg1 10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 up extra", "extra"),
  by("wg1 10.0.0.1 10.0.0.2/24", "10.0.0.2/24"),
  by("wg1 10.0.0.1 fd00::1", "fd00::1"),
  by("wg1 inet fd00::1", "fd00::1"),
  by("wg1 inet6 10.0.0.1", "10.0.0.1"),
  by("wg1 inet6 fd00::1 10.0.0.1", "10.0.0.1"),
  by("wg1 inet6 fd00:::1", "fd00:::1"),
  by("wg1 inet6 fd00::1::2", "fd00::1::2"),
  by("wg1 inet6 1:2:3:4:5:6:7", "1:2:3:4:5:6:7"),
  by("wg1 inet6 1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8:9"),
  by("wg1 inet6 fd00::12345", "fd00::12345"),
  by("wg1 inet6 fd00::g", "fd00::g"),
  by("wg1 inet6 fd00::1/129", "fd00::1/129"),
  by("wg1 inet", "inet"),
  by("wg1 inet6 up", "inet6"),
  by("wg1 inet alias", "inet"),
  by("wg1 inet nosuch.example.org", "inet"),
  by("wg1 inet six.example.org", "inet"),
  by("wg1 inet -host", "-host"),
  by("wg1 inet 10.0.0.1 upp", "upp"),
  by("wg1 inet 10.0.0.1 nosuch.example.org", "inet"),
  by("wg1 inet host..name", "host..name"),
  by("wg1 10.0.0.1 netmask 255.0.255.0", "netmask"),
  by("wg1 10.0.0.1 netmask 0xff00ff00", "netmask"),
  by("wg1 10.0.0.1 netmask 24", "netmask"),
  by("wg1 10.0.0.1 netmask 0x1ffffffff", "netmask"),
  by("wg1 10.0.0.1/24 netmask 255.0.0.0", "netmask"),
  by("wg1 inet6 fd00::1 netmask 255.0.0.0", "netmask"),
  by("wg1 netmask 255.255.255.0", "netmask"),
  by("wg1 10.0.0.1 prefixlen 33", "prefixlen"),
  by("wg1 inet6 fd00::1 prefixlen 129", "prefixlen"),
  by("wg1 inet6 fd00::1 prefixlen ffff", "prefixlen"),
  by("wg1 10.0.0.1 broadcast 10.0.0", "broadcast"),
  by("wg1 10.0.0.1 broadcast fd00::1", "broadcast"),
  by("wg1 inet6 fd00::1 broadcast 10.0.0.1", "broadcast"),
  by("wg1 10.0.0.1 eui64", "eui64"),
  by("wg1 0.0.0.0/0", "0.0.0.0"),
  by("wg1 inet 224.0.0.1/4", "224.0.0.1"),
  by("wg1 alias 239.255.255.255", "239.255.255.255"),
  by("wg1 255.255.255.255", "255.255.255.255"),
  by("wg1 inet6 ::/64", "::"),
  by("wg1 inet6 ff02::1", "ff02::1"),
  by("wg1 eui64", "eui64"),
  by("wg1 alias", "alias"),
  by("wg1 wgport -1", "wgport"),
  by("wg1 wgport 65536", "wgport"),
  by("wg1 wgport 0x1b", "wgport"),
  by("wg1 wgport http", "wgport"),
  by("wg1 wgport 7111.0", "wgport"),
  by("wg1 wgfwmark 4294967296", "wgfwmark"),
  by("wg1 wgworkers 0", "wgworkers"),
  by("wg1 wgworkers 33", "wgworkers"),
  by("wg1 wgfwmark 0x", "wgfwmark"),
  by("wg1 wgrtable 256", "wgrtable"),
  by("wg1 wgrtable -1", "wgrtable"),
  by("wg1 wgkey @", "wgkey"),
  by("wg1 wgkey @/nonexistent", "wgkey"),
  by("wg1 wgkey @junk", "wgkey (key)"),
  by("wg1 wgpeer K wgpsk @junk", "wgpsk (key)"),
  by("wg1 wgpeer @junk", "wgpeer (key)"),
  by("wg1 wgkey - wgpeer K wgpsk - wgpeer K2 wgpsk -", "wgpsk"),
  by("wg1 wgaip 10.0.0.0/8", "wgaip"),
  by("wg1 wgport 7 wgpka 25", "wgpka"),
  by("wg1 -wgpeer K wgaip 10.0.0.0/8", "wgaip"),
  by("wg1 wgpeer K -wgpeer K2 wgpka 5", "wgpka"),
  by("wg1 wgpeer K wgaip 10.0.0.0/33", "wgaip"),
  by("wg1 wgpeer K wgaip 10.0.0", "wgaip"),
  by("wg1 wgpeer K wgaip 10.0.0.0.0/8", "wgaip"),
  by("wg1 wgpeer K wgaip 300/8", "wgaip"),
  by("wg1 wgpeer K wgaip 10/33", "wgaip"),
  by("wg1 wgpeer K wgaip fd00::/129", "wgaip"),
  by("wg1 wgpeer K wgaip host/32", "wgaip"),
  by("wg1 wgpeer K wgaip 10.0.0.0/255.0.0.0", "wgaip"),
  by("wg1 wgpeer K wgaip 10.0.0.0/8,11.0.0.0/8", "wgaip"),
  by("wg1 wgpeer K wgendpoint 127.0.0.1", "wgendpoint"),
  by("wg1 wgpeer K wgendpoint 127.0.0.1:7222 up", "wgendpoint"),
  by("wg1 wgpeer K wgendpoint 127.0.0.1 0", "wgendpoint"),
  by("wg1 wgpeer K wgendpoint 127.0.0.1 65536", "wgendpoint"),
  by("wg1 wgpeer K wgendpoint 127.0.0.1 wgaip", "wgendpoint"),
  by("wg1 wgpeer K wgendpoint 127.0.0 5", "wgendpoint"),
  by("wg1 wgpeer K wgendpoint [::1] 5", "wgendpoint"),
  by("wg1 wgpeer K wgendpoint fe80::1%nosuch0 5", "wgendpoint"),
  by("wg1 wgpeer K wgendpoint 1.2.3.4%eth0 5", "wgendpoint"),
  by("wg1 wgpeer K wgendpoint a/b 5", "wgendpoint"),
  by("wg1 wgpeer K wgpka 43201", "wgpka"),
  by("wg1 wgdisabled", "wgdisabled"),
  by("wg1 wgpeer K wgexpires", "wgexpires"),
  by("wg1 wgpeer K wgexpires tomorrow", "wgexpires"),
  by("wg1 wgpeer K wgexpires 2026-02-30", "wgexpires"),
  by("wg1 wgpeer K wgpka -1", "wgpka"),
  by("wg1 wgpeer K wgpka off", "wgpka"),
  [["wg1", "wgpeer", KEY, "wgdescr", "x".repeat(64)], "wgdescr"],
  [["wg1", "wgpeer", KEY, "wgdescription", "\x1b[31m"], "wgdescription"],
  // A key in the wrong place is not shown.
  [[KEY, "create"], "a name of 44 characters"],
  [["wg1", "wgpeer", KEY2, KEY], "(what may be a key)"],
  [["wg1", KEY], "(what may be a key)"],
  [["wg1", "inet", KEY], "(what may be a key)"],
  [["wg1", "10.0.0.1", KEY], "(what may be a key)"],
  [["wg1", "inet", "10.0.0.1", KEY], "(what may be a key)"],
  [["wg1", "wgport", KEY], "wgport"],
  [["wg1", "mtu", KEY], "mtu"],
  [["wg1", "wgpeer", KEY2, "wgaip", KEY], "wgaip"],
  [["wg1", "wgpeer", KEY2, "wgendpoint", KEY, "5"], "wgendpoint"],
  [["wg1", "wgpeer", KEY2, "wgendpoint", "10.0.0.1", KEY], "wgendpoint"],
  [["wg1", "group", KEY], "group"],
  [["wg1", "10.0.0.1", "netmask", KEY], "netmask"],
];

/** Keys that are none, for each word that takes one. */
const BAD_KEYS: readonly string[] = [
  "",
  "A",
  KEY.slice(1),
  `${KEY}A`,
  KEY.slice(0, 43),
  `${KEY.slice(0, 43)}A`,
  `${KEY.slice(0, 42)}==`,
  KEY.replace("+", "-"),
  `!${KEY.slice(1)}`,
  ` ${KEY.slice(1)}`,
  `${KEY.slice(0, 20)}\n${KEY.slice(21)}`,
];

function* generated(): Generator<Wrong> {
  for (const word of WORDS) {
    for (const name of spellings(word)) {
      const before = word.section === "peer" ? ["wg1", "wgpeer", KEY2] : ["wg1"];
      for (let given = 0; given < word.operands.length; given++) {
        yield [[...before, name, ...Array<string>(given).fill("127.0.0.1")], name];
      }
      if (word.section === "peer") yield [["wg1", name, ...word.operands.map(() => "10")], name];
      if (/key$/.test(word.operands[0] ?? "")) {
        for (const bad of BAD_KEYS) yield [[...before, name, bad], `${name} (key)`];
      }
    }
  }
  for (const { name } of REFUSED_WORDS) yield [["wg1", name, "1"], name];
}

const ALL = [...BY_HAND, ...generated()];

Deno.test(`${ALL.length} wrong command lines, each refused in one line that names the word and no key`, async () => {
  assert.ok(BY_HAND.length >= 120);
  assert.ok(ALL.length >= 250);
  for (const [args, word] of ALL) {
    const line = args.join(" ");
    await assert.rejects(() => commandOf(args), (error) => {
      assert.ok(error instanceof ConfigError, `${line}: ${error}`);
      assert.equal(error.word, word, `${line}: ${error.message}`);
      assert.ok(!error.message.includes("\n"), line);
      assert.ok(error.problem.length > 8, `${line}: ${error.message}`);
      for (const secret of [KEY, KEY2]) {
        assert.ok(!error.message.includes(secret.slice(4, 16)), line);
      }
      return true;
    }, line);
  }
});

Deno.test("OpenBSD's own words for the mistakes that its sources name", async () => {
  const message = async (line: string) => {
    try {
      await commandOf(words(line));
      return "";
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.equal(await message("wg1 wgaip 10.0.0.0/8"), "wgaip: wgpeer not set");
  assert.match(await message("wg1 wgkey abc"), /^wgkey \(key\): invalid length/);
  // The last character has two bits that no byte takes.
  const misspelt = `${"A".repeat(42)}B=`;
  assert.match(await message(`wg1 wgkey ${misspelt}`), /^wgkey \(key\): invalid base64$/);
  assert.match(await message(`wg1 wgkey ${"!".repeat(44)}`), /^wgkey \(key\): invalid base64/);
});
