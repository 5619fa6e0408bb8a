import { deepEqual, equal, throws } from "node:assert/strict";
import { ConfigError } from "../../lib/base/errors.ts";
import { formatIp } from "../../lib/base/ip_text.ts";
import { HELP as NETSTAT_HELP, parseNetstat } from "../../lib/cli/netstat/command.ts";
import { HELP as ROUTE_HELP } from "../../lib/cli/route/command.ts";
import { parseRoute, type RouteChangeCommand } from "../../lib/cli/route/words.ts";

function change(line: string): RouteChangeCommand {
  const { command } = parseRoute(line.split(" "));
  if (command.type !== "add" && command.type !== "change" && command.type !== "delete") throw new Error(command.type);
  return command;
}

const network = ({ destination }: RouteChangeCommand) => `${formatIp(destination.address)}/${destination.prefix}`;

Deno.test("route: destinations in OpenBSD's forms", () => {
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
  ];
  for (const [line, wanted] of forms) equal(network(change(line)), wanted, line);
});

Deno.test("route: gateways and the words around them", () => {
  deepEqual(change("add 10.5/16 -iface wg1").gateway, { type: "interface", name: "wg1" });
  deepEqual(change("add -inet6 fd01::/16 fe80::1%wg1").gateway, {
    type: "address",
    word: "fe80::1%wg1",
    address: Uint8Array.fromHex("fe800000000000000000000000000001"),
    zone: "wg1",
  });
  const full = change("change 10.5/16 10.0.0.2 -priority 9 -mtu 1300 -ifp wg1 -ifa 10.0.0.1");
  equal(full.type, "change");
  equal(full.priority, 9);
  equal(full.mtu, 1300);
  equal(full.interfaceName, "wg1");
  deepEqual(full.source, Uint8Array.of(10, 0, 0, 1));
  equal(change("add -blackhole 10.5/16").kind, "blackhole");
  equal(change("add 10.5/16 127.0.0.1 -reject").kind, "unreachable");
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
    command: { type: "show", family: 6, gateway: undefined, priority: undefined },
  });
  deepEqual(parseRoute(["flush", "-inet", "-iface", "wg1", "-priority", "8"]).command, {
    type: "flush",
    family: 4,
    interfaceName: "wg1",
    priority: 8,
  });
  deepEqual(parseRoute(["-n", "get", "-inet6", "fd00::9"]).command, {
    type: "get",
    address: Uint8Array.fromHex("fd000000000000000000000000000009"),
    word: "fd00::9",
  });
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
  ["add 10.5 10.0.0.2", "10.5"],
  ["add -net 10.5.0.0 10.0.0.2", "10.5.0.0"],
  ["add -host 10.5/16 10.0.0.2", "10.5/16"],
  ["add 10.5/16 nowhere", "nowhere"],
  ["add 10.5/16 10.0.0.2 10.0.0.3", "10.0.0.3"],
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
];

Deno.test("route: a wrong line names its word", () => {
  for (const [line, word] of WRONG) {
    throws(
      () => parseRoute(line === "" ? [] : line.split(" ")),
      (error) => error instanceof ConfigError && error.word === word && !error.problem.includes("\n"),
      line,
    );
  }
});

Deno.test("netstat: flags together and apart", () => {
  const plain = { interfaceName: undefined, family: undefined, protocol: undefined, rtable: undefined, json: false };
  deepEqual(parseNetstat(["-ln"]), { ...plain, show: "sockets", selection: "listening" });
  deepEqual(parseNetstat(["-l", "-n", "-a"]), { ...plain, show: "sockets", selection: "listening" });
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
  deepEqual(parseNetstat(["-lnp", "udp"]), { ...plain, show: "sockets", selection: "listening", protocol: "udp" });
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
  for (const word of ["exec", "show", "get", "add", "change", "delete", "flush", "-T", "-q", "--json", "-blackhole"]) {
    equal(ROUTE_HELP.includes(word), true, word);
  }
  for (const word of ["-l", "-a", "-r", "-i", "-I", "-f", "-p", "-T", "--json"]) {
    equal(NETSTAT_HELP.includes(`  ${word} `), true, word);
  }
});
