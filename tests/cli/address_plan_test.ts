import assert from "node:assert/strict";
import { ConfigError, OsError } from "../../lib/base/errors.ts";
import { formatIp, parseIp } from "../../lib/base/ip_text.ts";
import type { PlannedAddress } from "../../lib/cli/ifconfig/address_plan.ts";
import { planAddresses } from "../../lib/cli/ifconfig/address_plan.ts";
import { commandOf } from "./sources.ts";

/** `10.0.0.1/24`, with `>10.0.0.2` for the other end and `^10.0.0.255` for a broadcast address. */
function read(text: string): PlannedAddress {
  const match = /^([^/]+)\/([0-9]+)(?:>([^^]+))?(?:\^(.+))?$/.exec(text)!;
  return {
    address: parseIp(match[1])!,
    prefix: Number(match[2]),
    destination: match[3] === undefined ? undefined : parseIp(match[3]),
    broadcast: match[4] === undefined ? undefined : parseIp(match[4]),
  };
}

function write(address: PlannedAddress): string {
  const to = address.destination === undefined ? "" : `>${formatIp(address.destination)}`;
  const broadcast = address.broadcast === undefined ? "" : `^${formatIp(address.broadcast)}`;
  return `${formatIp(address.address)}/${address.prefix}${to}${broadcast}`;
}

async function plan(current: string, line: string) {
  const { addresses } = await commandOf(["wg1", ...line.split(" ")]);
  const made = planAddresses(current.split(" ").filter((text) => text !== "").map(read), addresses);
  return [
    made.remove.map(write).join(" "),
    made.add.map(write).join(" "),
    made.result.map(write).join(" "),
  ];
}

/** Made of what the tests' source of random bytes gives. */
const MADE = "fe80::5a5a:5a5a:5a5a:5a5a";
const HOST_PART = "fd00::5a5a:5a5a:5a5a:5a5a";

/** What is there, the words, what goes, what comes, what is there then. */
const CASES: readonly (readonly [string, string, string, string, string])[] = [
  ["", "192.168.5.1/24", "", "192.168.5.1/24^192.168.5.255", "192.168.5.1/24^192.168.5.255"],
  ["192.168.5.1/24", "192.168.5.1/24", "", "", "192.168.5.1/24"],
  ["192.168.5.1/24^192.168.5.255", "192.168.5.1/24", "", "", "192.168.5.1/24^192.168.5.255"],
  ["10.0.0.1/8 10.0.0.2/8", "10.0.0.1/8", "", "", "10.0.0.1/8 10.0.0.2/8"],
  [
    "10.0.0.1/8",
    "10.0.0.2/8 broadcast 10.0.0.255",
    "10.0.0.1/8",
    "10.0.0.2/8^10.0.0.255",
    "10.0.0.2/8^10.0.0.255",
  ],
  ["10.0.0.1/8 10.9.0.1/16", "10.9.0.1/16", "10.0.0.1/8", "", "10.9.0.1/16"],
  ["10.0.0.1/31", "10.0.0.2/31", "10.0.0.1/31", "10.0.0.2/31", "10.0.0.2/31"],
  ["10.0.0.1/32", "alias 10.0.0.2/32", "", "10.0.0.2/32", "10.0.0.1/32 10.0.0.2/32"],
  ["10.0.0.1/32", "alias 10.0.0.1/31", "10.0.0.1/32", "10.0.0.1/31", "10.0.0.1/31"],
  [
    "10.0.0.1/32",
    "10.0.0.1 10.0.0.2",
    "10.0.0.1/32",
    "10.0.0.1/32>10.0.0.2",
    "10.0.0.1/32>10.0.0.2",
  ],
  ["fd00::1/64", "inet6 fd00::2/64", "", "fd00::2/64", "fd00::1/64 fd00::2/64"],
  ["fd00::1/64", "inet6 fd00::1/64", "", "", "fd00::1/64"],
  ["10.0.0.1/8 fd00::1/64", "delete", "10.0.0.1/8", "", "fd00::1/64"],
  ["10.0.0.1/8 10.0.0.2/8", "inet 10.0.0.2 delete", "10.0.0.2/8", "", "10.0.0.1/8"],
  ["10.0.0.1/8 fd00::1/64", "inet6 delete", "fd00::1/64", "", "10.0.0.1/8"],
  ["10.0.0.1/8 10.0.0.2/8 fd00::1/64", "-inet", "10.0.0.1/8 10.0.0.2/8", "", "fd00::1/64"],
  [
    "10.0.0.1/8 fd00::1/64",
    "-inet6 inet6 fd00::2/128",
    "fd00::1/64",
    "fd00::2/128",
    "10.0.0.1/8 fd00::2/128",
  ],
  ["10.0.0.1/8", "-inet 10.0.0.1/8", "", "", "10.0.0.1/8^10.255.255.255"],
  [
    "fe80::12:34/64",
    "inet6 fd00:: prefixlen 64 eui64",
    "",
    "fd00::12:34/64",
    "fe80::12:34/64 fd00::12:34/64",
  ],
  ["fe80::12:34/64", "inet6 eui64", "", "", "fe80::12:34/64"],
  ["", "inet6 eui64", "", `${MADE}/64`, `${MADE}/64`],
  [
    "",
    "inet6 eui64 inet6 fd00:: eui64",
    "",
    `${MADE}/64 ${HOST_PART}/64`,
    `${MADE}/64 ${HOST_PART}/64`,
  ],
];

for (const [current, line, remove, add, result] of CASES) {
  Deno.test(`addresses [${current}] and \`${line}\``, async () => {
    assert.deepEqual(await plan(current, line), [remove, add, result]);
  });
}

Deno.test("doing it again changes nothing", async () => {
  for (const [current, line, , , result] of CASES) {
    if (/delete|-inet/.test(line)) continue;
    const [remove, add] = await plan(result, line);
    assert.deepEqual([remove, add], ["", ""], `${current}: ${line}`);
  }
});

Deno.test("what cannot be done is told", async () => {
  const notThere = (error: unknown) => error instanceof OsError && error.code === "EADDRNOTAVAIL";
  await assert.rejects(plan("10.0.0.1/8", "inet 10.0.0.2 delete"), notThere);
  await assert.rejects(plan("10.0.0.1/8", "inet6 delete"), notThere);
  await assert.rejects(plan("", "delete"), notThere);
  await assert.rejects(
    plan("10.0.0.1/8", "inet6 fd00:: eui64"),
    (error) => error instanceof ConfigError && error.word === "eui64",
  );
});
