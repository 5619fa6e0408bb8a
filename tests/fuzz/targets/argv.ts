/**
 * Command lines. An input has a word on each line.
 * @module
 */
import assert from "node:assert/strict";
import { parseWords, passOverHarmless } from "../../../lib/cli/ifconfig/words/parse.ts";
import { parseOptions as parseNetstart } from "../../../lib/cli/netstart/command.ts";
import { parseMetrics } from "../../../lib/cli/metrics/words.ts";
import { parseNetstat } from "../../../lib/cli/netstat/command.ts";
import { parseRoute } from "../../../lib/cli/route/words/parse.ts";
import { parseShow } from "../../../lib/cli/show/command.ts";
import { parseClientLine } from "../../../lib/cli/client/words.ts";
import { parseTcpdump } from "../../../lib/cli/tcpdump/words.ts";
import { REFUSED_WORDS } from "../../../lib/cli/ifconfig/words/refused.ts";
import { WORDS } from "../../../lib/cli/ifconfig/words/table.ts";
import { parseUsage } from "../../../lib/cli/usage/words.ts";
import { KEY, KEY2, KEY3 } from "../../cli/sources.ts";
import type { Chance } from "../../random.ts";
import { parsed, type Target, textTarget } from "../target.ts";

const lines = (words: readonly string[]) => words.join("\n");

/** A target for the words of one command. */
function commandLine(
  name: string,
  covers: readonly string[],
  words: readonly string[],
  samples: readonly string[],
  parse: (args: readonly string[]) => unknown,
): Target {
  return textTarget({
    name,
    covers: [...covers, "lib/base/"],
    bytesMax: 4_096,
    words: words.map((word) => `${word}\n`),
    make: (chance) => madeOf(chance, samples, words),
    feed: (text) => parsed(() => parse(text.split("\n")), () => "accepted", text),
  });
}

function madeOf(chance: Chance, samples: readonly string[], words: readonly string[]): string {
  if (chance.once(2)) return lines(chance.oneOf(samples).split(" "));
  return lines(Array.from({ length: 1 + chance.int(8) }, () => chance.oneOf(words)));
}

const IFCONFIG_NAMES = [...WORDS, ...REFUSED_WORDS].map(({ name }) => name);

/** The words of ifconfig after the options. */
export const ifconfig: Target = commandLine(
  "argv-ifconfig",
  ["lib/cli/ifconfig/words/"],
  [
    ...IFCONFIG_NAMES,
    ..."wg1 10.0.0.1 10.0.0.1/24 fd00::1/64 fe80::1%wg1 255.255.255.0 0xffffff00 1420 0 65536 -"
      .split(" "),
    ..."192.0.2.1 hub.example.org 51820 10/8 ::/0 @/etc/wg/key office -1 4294967296".split(" "),
    KEY,
    KEY2,
    KEY3,
  ],
  [
    `wg1 create wgkey ${KEY} wgport 7111 10.0.0.1/24`,
    `wg1 wgpeer ${KEY2} wgendpoint 192.0.2.1 51820 wgaip 10/8 wgaip ::/0 wgpka 25 wgpsk ${KEY3}`,
    "wg1 inet 10.0.0.1 netmask 255.255.255.0 broadcast 10.0.0.255 alias",
    "wg1 inet6 fe80::1%wg1 prefixlen 64 eui64",
    "wg1 destroy",
    "wg1 -inet6 mtu 1300 description office group office rdomain 3 up",
    `wg1 -wgpeer ${KEY2} -wgpeerall wgrtable 4 wgkey - tso -gro`,
  ],
  (args) => {
    const { words, passedOver } = passOverHarmless(args);
    assert.ok(words.length + passedOver.length <= args.length);
    return parseWords(args);
  },
);

/** The words of route. */
export const route: Target = commandLine(
  "argv-route",
  ["lib/cli/route/words/"],
  (`-n -q -v -T -T1 --json add change delete del get show flush exec monitor -inet -inet6 -net ` +
    `-host -prefixlen -netmask -dst -gateway -iface -link -blackhole -reject -ifp -ifa -priority ` +
    `-mtu -static -mpath -expire default 10.0.0.0/8 10.52 192.0.2.1 fd00::/64 fe80::%wg1/64 ` +
    `fe80::1%wg1 255.255.0.0 ffff:: hub.example.org wg1 24 4294967296 - % 0x10`).split(" "),
  [
    "-T1 exec ping -c 3 192.168.5.2",
    "add -inet 10.0.0.0/8 192.0.2.1 -priority 7 -mtu 1300",
    "add -net 10.52.0.0 10.0.0.2 255.255.0.0",
    "-qn add -host -inet6 default fe80::1%wg1",
    "delete -inet6 fe80::%wg1/64",
    "get -host hub.example.org",
    "show -inet -gateway 192.0.2.1 -priority 8 --json",
    "flush -inet6 -iface wg1",
  ],
  parseRoute,
);

/** The commands with few words, chosen by the first line. */
const OTHERS: Readonly<Record<string, (args: readonly string[]) => unknown>> = {
  netstat: parseNetstat,
  show: parseShow,
  netstart: parseNetstart,
  metrics: parseMetrics,
  usage: parseUsage,
  client: parseClientLine,
  tcpdump: parseTcpdump,
};

/** The words of commands with few words. */
export const others: Target = commandLine(
  "argv-others",
  [
    ...["netstat", "show", "netstart"].map((name) => `lib/cli/${name}/command.ts`),
    "lib/cli/metrics/words.ts",
    "lib/cli/usage/",
    "lib/cli/client/words.ts",
    "lib/cli/tcpdump/words.ts",
  ],
  (`netstat show netstart -a -i -l -n -r -v -I -Iwg1 -f inet inet6 -p tcp udp -T -T3 3 --json all ` +
    `interfaces wg1 dump peers public-key -d /etc -nr wg0 wg99999999999999 metrics usage ` +
    `--listen --prometheus [::1]:9586 9586 unix:/run/x.sock 0.0.0.0:0 --record --every --month ` +
    `--file --quota --per day month none 1.5G 99999T 5KiB -1 client add list expire never ` +
    `--endpoint [::1]:7 a.example:0 --dns --allowed-ips 10/8 --address --expires 2026-02-30 -o --qr`)
    .split(" ").concat(
      "tcpdump -w -c -s --secrets peer net host inner outer 10.0.0.0/8".split(" "),
    ),
  [
    "netstat -rnf inet6 -T 3 --json",
    "netstat -I wg1 -l -ptcp",
    "show wg1 dump",
    "show interfaces --json",
    "netstart -nr -d /etc/ wg0 wg7",
    "metrics wg1 --listen [::1]:9586",
    "metrics --listen unix:/run/wg-metrics.sock",
    "usage wg1 office --quota 1.5GiB --per day --file /x",
    "usage --record --every 60",
    "usage wg1 --month --json",
    "client add wg1 ann --endpoint [fd00::1]:7 --dns 10.0.0.1,example.org --address 10.0.0.2",
    "client expire wg1 ann 2026-12-31T18:00+01:00",
    "client add --all --mtu 1300 --keepalive 0 --expires 2026-12-31 Zoë",
    "tcpdump wg1 -w - -c 5 -s 96 --secrets peer anna net 10.0.0.0/8 host fd00::1 outer",
  ],
  ([command, ...args]) => OTHERS[command]?.(args),
);
