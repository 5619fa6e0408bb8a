import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { ConfigError } from "../../lib/base/errors.ts";
import { formatIp } from "../../lib/base/ip_text.ts";
import { parseNetstat } from "../../lib/cli/netstat/command.ts";
import { helpText } from "../../lib/cli/manual.ts";
import { NETSTAT_MANUAL } from "../../lib/cli/netstat/help.ts";
import { ROUTE_MANUAL } from "../../lib/cli/route/help.ts";
import type { Family } from "../../lib/cli/route/words/destination.ts";
import { settleRoute } from "../../lib/cli/route/words/hosts.ts";
import type { RouteChangeCommand, RouteLine } from "../../lib/cli/route/words/line.ts";
import { parseRoute } from "../../lib/cli/route/words/parse.ts";

/** The names that the tests' resolver knows. */
const HOSTS: Readonly<Record<string, readonly string[]>> = {
  "hub.example.org": ["0a050107", "fd000000000000000000000000000007"],
  "six.example.org": ["fd000000000000000000000000000009"],
  gate: ["0a000002", "fd000000000000000000000000000002"],
};

function settled(line: string): Promise<RouteLine> {
  return settleRoute(
    parseRoute(line === "" ? [] : line.split(" ")),
    (host: string, family: Family | undefined) => {
      const addresses = (HOSTS[host] ?? []).map((hex) => Uint8Array.fromHex(hex));
      const found = addresses.find((address) =>
        family === undefined || address.length === (family === 4 ? 4 : 16)
      );
      return found === undefined
        ? Promise.reject(new ConfigError(host, "is not known here"))
        : Promise.resolve(found);
    },
  );
}

async function change(line: string): Promise<RouteChangeCommand> {
  const { command } = await settled(line);
  if (command.type !== "add" && command.type !== "change" && command.type !== "delete") {
    throw new Error(command.type);
  }
  return command;
}

const network = ({ destination }: RouteChangeCommand) =>
  `${formatIp(destination.address)}/${destination.prefix}`;

Deno.test("route: destinations in OpenBSD's forms", async () => {
  const forms: readonly [string, string][] = [
    ["add default 10.0.0.2", "0.0.0.0/0"],
    ["add default fd00::2", "::/0"],
    ["add -inet6 default fd00::2", "::/0"],
    ["add -inet default 10.0.0.2", "0.0.0.0/0"],
    ["add 10.5.1.7 10.0.0.2", "10.5.1.7/32"],
    ["add -host 10.5.1.7 10.0.0.2", "10.5.1.7/32"],
    ["add 10.5/16 10.0.0.2", "10.5.0.0/16"],
    ["add 10/8 10.0.0.2", "10.0.0.0/8"],
    ["add 192.168.5/24 10.0.0.2", "192.168.5.0/24"],
    ["add -net 10.5.1.7/16 10.0.0.2", "10.5.0.0/16"],
    ["add -net 10.5.0.0 10.0.0.2 -netmask 255.255.0.0", "10.5.0.0/16"],
    ["add -net 10.5 10.0.0.2 -netmask 255.255.0.0", "10.5.0.0/16"],
    ["add -inet6 fd01:: fd00::2 -prefixlen 32", "fd01::/32"],
    ["add -inet6 -net fd01::/32 fd00::2", "fd01::/32"],
    ["add fd01::9 fe80::1%wg1", "fd01::9/128"],
    ["del 10.5/16", "10.5.0.0/16"],
    ["delete 10.5/16 10.0.0.2", "10.5.0.0/16"],
    // Without a prefix: of the class, and wide enough for the parts that are there.
    ["add -net 10.52 10.0.0.2", "10.52.0.0/16"],
    ["add 10.52 10.0.0.2", "10.52.0.0/16"],
    ["add 10 10.0.0.2", "10.0.0.0/8"],
    ["add 10.52.3 10.0.0.2", "10.52.3.0/24"],
    ["add 172.16 10.0.0.2", "172.16.0.0/16"],
    ["add 172 10.0.0.2", "172.0.0.0/16"],
    ["add 192.168 10.0.0.2", "192.168.0.0/24"],
    ["add 224 10.0.0.2", "224.0.0.0/4"],
    ["add 0/0 10.0.0.2", "0.0.0.0/0"],
    ["add -inet6 :: fd00::2", "::/0"],
    ["add -host :: fd00::2", "::/128"],
    // A mask after the gateway.
    ["add -net 10.52.0.0 10.0.0.2 255.255.0.0", "10.52.0.0/16"],
    ["add 10.52 10.0.0.2 255.0.0.0", "10.0.0.0/8"],
    ["add -net 0.0.0.0 10.0.0.2 0.0.0.0", "0.0.0.0/0"],
    ["add -net fd01:: fd00::2 ffff::", "fd01::/16"],
    // The words that name them.
    ["add -gateway 10.0.0.2 -dst 10.5/16", "10.5.0.0/16"],
    ["add -gateway fd00::2 default", "::/0"],
    // Names of hosts.
    ["add hub.example.org 10.0.0.2", "10.5.1.7/32"],
    ["add -inet6 hub.example.org fd00::2", "fd00::7/128"],
    ["add hub.example.org fd00::2", "fd00::7/128"],
    ["add -net hub.example.org 10.0.0.2 255.255.0.0", "10.5.0.0/16"],
    ["delete hub.example.org", "10.5.1.7/32"],
  ];
  for (const [line, wanted] of forms) equal(network(await change(line)), wanted, line);
});

Deno.test("route: a name has the family of the other address", async () => {
  const gateway = async (line: string) => {
    const found = (await change(line)).gateway;
    return found?.type === "address" ? formatIp(found.address) : undefined;
  };
  equal(await gateway("add 10.5/16 gate"), "10.0.0.2");
  equal(await gateway("add fd01::/16 gate"), "fd00::2");
  equal(await gateway("add default gate"), "10.0.0.2");
  equal(await gateway("add -inet6 default gate"), "fd00::2");
  equal(await gateway("add six.example.org gate"), "fd00::2");
  const get = async (line: string) => {
    const { command } = await settled(line);
    return command.type === "get"
      ? `${formatIp(command.destination.address)}/${command.destination.prefix}`
      : "";
  };
  equal(await get("get hub.example.org"), "10.5.1.7/32");
  equal(await get("get -inet6 hub.example.org"), "fd00::7/128");
  equal(await get("get default"), "0.0.0.0/0");
  equal(await get("get -inet6 default"), "::/0");
  equal(await get("get 10.52"), "10.52.0.0/16");
});

Deno.test("route: gateways and the words around them", async () => {
  deepEqual((await change("add 10.5/16 -iface wg1")).gateway, { type: "interface", name: "wg1" });
  deepEqual((await change("add -inet6 fd01::/16 fe80::1%wg1")).gateway, {
    type: "address",
    word: "fe80::1%wg1",
    address: Uint8Array.fromHex("fe800000000000000000000000000001"),
    zone: "wg1",
  });
  const full = await change("change 10.5/16 10.0.0.2 -priority 9 -mtu 1300 -ifp wg1 -ifa 10.0.0.1");
  equal(full.type, "change");
  equal(full.priority, 9);
  equal(full.mtu, 1300);
  equal(full.interfaceName, "wg1");
  deepEqual(full.source, Uint8Array.of(10, 0, 0, 1));
  equal((await change("add -blackhole 10.5/16")).kind, "blackhole");
  equal((await change("add 10.5/16 127.0.0.1 -reject")).kind, "unreachable");
});

Deno.test("route: flags before the command, exec takes all that follows", () => {
  deepEqual(parseRoute(["-T", "3", "exec", "ls", "-T", "--json"]), {
    rtable: 3,
    quiet: false,
    json: false,
    command: { type: "exec", command: ["ls", "-T", "--json"] },
  });
  deepEqual(parseRoute(["-nqT7", "--json", "show", "-inet6"]), {
    rtable: 7,
    quiet: true,
    json: true,
    command: {
      type: "show",
      family: 6,
      gateway: undefined,
      priority: undefined,
      table: undefined,
    },
  });
  deepEqual(parseRoute(["flush", "-inet", "-iface", "wg1", "-priority", "8"]).command, {
    type: "flush",
    family: 4,
    interfaceName: "wg1",
    priority: 8,
    table: undefined,
  });
  deepEqual(parseRoute(["-n", "get", "-inet6", "fd00::9"]).command, {
    type: "get",
    destination: {
      address: Uint8Array.fromHex("fd000000000000000000000000000009"),
      prefix: 128,
      word: "fd00::9",
    },
    family: 6,
  });
});

Deno.test("route: options after the command, but for exec", () => {
  const options = (line: string) => {
    const { rtable, quiet, json } = parseRoute(line.split(" "));
    return [rtable, quiet, json];
  };
  deepEqual(options("show --json"), [undefined, false, true]);
  deepEqual(options("show -n -inet -T 3"), [3, false, false]);
  deepEqual(options("get 10.0.0.1 --json -T3"), [3, false, true]);
  deepEqual(options("add -q 10.5/16 10.0.0.2 -n"), [undefined, true, false]);
  deepEqual(options("flush -q -T 255"), [255, true, false]);
  deepEqual(options("-n exec ls -q --json"), [undefined, false, false]);
  const show = (line: string) => parseRoute(line.split(" ")).command;
  deepEqual(show("show -gateway"), {
    type: "show",
    family: undefined,
    gateway: "any",
    priority: undefined,
    table: undefined,
  });
  deepEqual(show("show -gateway -inet"), {
    type: "show",
    family: 4,
    gateway: "any",
    priority: undefined,
    table: undefined,
  });
});

Deno.test("route: rules in the words of ip-rule, and tables of routes", () => {
  const rule = (line: string) => parseRoute(`rule ${line}`.split(" ")).command;
  deepEqual(rule("add not fwmark 51820 table 51820"), {
    type: "rule",
    verb: "add",
    rule: { family: undefined, inverted: true, mark: 51820 },
    table: "51820",
  });
  deepEqual(rule("delete -inet6 lookup main suppress_prefixlength 0"), {
    type: "rule",
    verb: "delete",
    rule: { family: 6, suppressPrefixLength: 0 },
    table: "main",
  });
  deepEqual(
    rule("add from 10.1.0.0/16 to 10.2.0.7 iif wg1 oif lo fwmark 0x1/0xf pref 9 table vpn"),
    {
      type: "rule",
      verb: "add",
      rule: {
        family: 4,
        source: { address: Uint8Array.of(10, 1, 0, 0), prefix: 16 },
        destination: { address: Uint8Array.of(10, 2, 0, 7), prefix: 32 },
        incomingInterface: "wg1",
        outgoingInterface: "lo",
        mark: 1,
        markMask: 15,
        priority: 9,
      },
      table: "vpn",
    },
  );
  deepEqual(rule("add from fd00::/8 prohibit"), {
    type: "rule",
    verb: "add",
    rule: {
      family: 6,
      source: { address: Uint8Array.fromHex("fd" + "00".repeat(15)), prefix: 8 },
      action: "prohibit",
    },
    table: undefined,
  });
  const line = parseRoute(["rule", "show", "-inet", "--json", "-T", "3"]);
  deepEqual([line.rtable, line.json, line.command], [3, true, {
    type: "rule",
    verb: "show",
    rule: { family: 4 },
    table: undefined,
  }]);
  const table = (line: string) => {
    const { command } = parseRoute(line.split(" "));
    return "table" in command ? command.table : command.type;
  };
  equal(table("add default -iface wg1 -table vpn"), "vpn");
  equal(table("delete default -table 7"), "7");
  equal(table("show -table 0x10"), "0x10");
  equal(table("flush -table vpn"), "vpn");
});

/** Each wrong line, and the word that its error must name. */
const WRONG: readonly [string, string][] = [
  ["", "route"],
  ["fly", "fly"],
  ["-x show", "-x"],
  ["- show", "-"],
  ["-T", "-T"],
  ["-T 256 show", "-T"],
  ["-T -1 show", "-T"],
  ["-Tx show", "-T"],
  ["-T 1.5 show", "-T"],
  ["exec", "exec"],
  ["monitor", "monitor"],
  ["add", "add"],
  ["add 10.5/16", "10.5/16"],
  ["add 10.5/33 10.0.0.2", "10.5/33"],
  ["add 10.5/ 10.0.0.2", "10.5/"],
  ["add 10.5/-1 10.0.0.2", "10.5/-1"],
  ["add 10.5.0.0.0/8 10.0.0.2", "10.5.0.0.0/8"],
  ["add 10.256/16 10.0.0.2", "10.256/16"],
  ["add somewhere 10.0.0.2", "somewhere"],
  ["add some_where/24 10.0.0.2", "some_where/24"],
  ["add -host 10.5 10.0.0.2", "10.5"],
  ["add -net hub.example.org 10.0.0.2", "hub.example.org"],
  ["add six.example.org 10.0.0.2", "six.example.org"],
  ["add -net 10.52.0.0 10.0.0.2 255.0.255.0", "255.0.255.0"],
  ["add 10.52/16 10.0.0.2 255.255.0.0", "255.255.0.0"],
  ["add 10.5/16 10.0.0.2 255.255.0.0 extra", "255.255.0.0"],
  ["add -net 10.5.0.0 10.0.0.2 255.255.0.0 extra", "extra"],
  ["add -net 10.5.0.0 10.0.0.2", "10.5.0.0"],
  ["add -host 10.5/16 10.0.0.2", "10.5/16"],
  ["add 10.5/16 nowhere", "nowhere"],
  ["add 10.5/16 10.0.0.2 10.0.0.3", "10.0.0.3"],
  ["add -net 10.5.0.0 10.0.0.2 mask", "mask"],
  ["add fd00::/16 10.0.0.2", "10.0.0.2"],
  ["add -inet6 10.5/16 10.0.0.2", "10.5/16"],
  ["add -inet fd00::/16 fd00::1", "fd00::/16"],
  ["add fd00::/129 fd00::1", "fd00::/129"],
  ["add fd00::/16 fe80::1%", "fe80::1%"],
  ["add 10.5/16 10.0.0.2 -mtu", "-mtu"],
  ["add 10.5/16 10.0.0.2 -mtu many", "-mtu"],
  ["add 10.5/16 10.0.0.2 -priority -4", "-priority"],
  ["add 10.5/16 10.0.0.2 -ifa here", "-ifa"],
  ["add 10.5/16 10.0.0.2 -ifa fd00::1", "-ifa"],
  ["add 10.5/16 10.0.0.2 -netmask 255.255.0.0", "-netmask"],
  ["add -net 10.5.0.0 10.0.0.2 -netmask 255.0.255.0", "-netmask"],
  ["add -net 10.5.0.0 10.0.0.2 -netmask ffff::", "-netmask"],
  ["add -net 10.5.0.0 10.0.0.2 -prefixlen 33", "-prefixlen"],
  ["add default 10.0.0.2 -prefixlen 3", "-prefixlen"],
  ["add 10.5/16 -iface", "-iface"],
  ["add 10.5/16 10.0.0.2 -label home", "-label"],
  ["add 10.5/16 10.0.0.2 -mpath", "-mpath"],
  ["add 10.5/16 10.0.0.2 -wings", "-wings"],
  ["get", "get"],
  ["get here", "here"],
  ["get 10.0.0.1 10.0.0.2", "10.0.0.2"],
  ["get -x 10.0.0.1", "-x"],
  ["show all", "all"],
  ["show -gateway home", "-gateway"],
  ["flush 10/8", "10/8"],
  ["flush -iface", "-iface"],
  ["add 10.5/16 10.0.0.2 -table", "-table"],
  ["show -table", "-table"],
  ["rule", "rule"],
  ["rule fly", "fly"],
  ["rule add", "add"],
  ["rule add fwmark 7", "add"],
  ["rule delete", "delete"],
  ["rule add table", "table"],
  ["rule add fwmark", "fwmark"],
  ["rule add fwmark 0x table 7", "fwmark"],
  ["rule add fwmark 1/2/3 table 7", "fwmark"],
  ["rule add fwmark 7/ table 7", "fwmark"],
  ["rule add fwmark 4294967296 table 7", "fwmark"],
  ["rule add from here table 7", "from"],
  ["rule add from 10.0.0.0/33 table 7", "from"],
  ["rule add -inet6 from 10.0.0.0/8 table 7", "from"],
  ["rule add from 10.0.0.0/8 to fd00::/8 table 7", "to"],
  ["rule add iif a/b table 7", "iif"],
  ["rule add priority -1 table 7", "priority"],
  ["rule add table main suppress 33", "suppress"],
  ["rule add -inet6 table main suppress 129", "suppress"],
  ["rule add suppress 0", "add"],
  ["rule add prohibit suppress 0", "suppress"],
  ["rule add prohibit table 7", "prohibit"],
  ["rule add table 7 wings", "wings"],
  ["rule show table", "table"],
];

Deno.test("route: a wrong line names its word", async () => {
  for (const [line, word] of WRONG) {
    await rejects(
      async () => await settled(line),
      (error) =>
        error instanceof ConfigError && error.word === word && !error.problem.includes("\n"),
      line,
    );
  }
});

Deno.test("netstat: flags together and apart", () => {
  const plain = {
    interfaceName: undefined,
    family: undefined,
    protocol: undefined,
    rtable: undefined,
    json: false,
  };
  deepEqual(parseNetstat(["-ln"]), { ...plain, show: "sockets", selection: "listening" });
  deepEqual(parseNetstat(["-l", "-n", "-a"]), {
    ...plain,
    show: "sockets",
    selection: "listening",
  });
  deepEqual(parseNetstat(["-an"]), { ...plain, show: "sockets", selection: "all" });
  deepEqual(parseNetstat([]), { ...plain, show: "sockets", selection: "connected" });
  deepEqual(parseNetstat(["-rnf", "inet6", "-T2"]), {
    ...plain,
    show: "routes",
    selection: "connected",
    family: 6,
    rtable: 2,
  });
  deepEqual(parseNetstat(["-I", "wg1", "--json"]), {
    ...plain,
    show: "interfaces",
    selection: "connected",
    interfaceName: "wg1",
    json: true,
  });
  deepEqual(parseNetstat(["-lnp", "udp"]), {
    ...plain,
    show: "sockets",
    selection: "listening",
    protocol: "udp",
  });
});

Deno.test("netstat: a wrong line names its word", () => {
  const wrong: readonly [string, string][] = [
    ["-x", "-x"],
    ["-lx", "-lx"],
    ["wg1", "wg1"],
    ["--jsn", "--jsn"],
    ["-", "-"],
    ["-I", "-I"],
    ["-I a/b", "a/b"],
    ["-I abcdefghijklmnop", "abcdefghijklmnop"],
    ["-T", "-T"],
    ["-T 300", "-T"],
    ["-f", "-f"],
    ["-f ipx", "-f"],
    ["-p icmp", "-p"],
  ];
  for (const [line, word] of wrong) {
    throws(
      () => parseNetstat(line.split(" ")),
      (error) => error instanceof ConfigError && error.word === word,
      line,
    );
  }
});

Deno.test("the help names every command and flag", () => {
  for (
    const word of [
      "exec",
      "show",
      "get",
      "add",
      "change",
      "delete",
      "flush",
      "rule",
      "fwmark",
      "suppress",
      "-table",
      "-T",
      "-q",
      "--json",
      "-blackhole",
    ]
  ) {
    equal(helpText(ROUTE_MANUAL).includes(word), true, word);
  }
  for (const word of ["-l", "-a", "-r", "-i", "-I", "-f", "-p", "-T", "--json"]) {
    equal(new RegExp(`^  ${word}( |$)`, "m").test(helpText(NETSTAT_MANUAL)), true, word);
  }
});
