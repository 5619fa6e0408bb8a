import assert from "node:assert/strict";
import type { PresharedKey } from "../../lib/base/brands.ts";
import { OFFLOAD_NAMES } from "../../lib/base/offloads.ts";
import { NO_FACTS } from "../../lib/base/status.ts";
import {
  differenceOf,
  type RunningInterface,
  wantedLike,
} from "../../lib/cli/ifconfig/difference.ts";
import { type WantedInterface, wantedOf } from "../../lib/cli/ifconfig/wanted.ts";
import type { Command } from "../../lib/cli/ifconfig/words/draft.ts";
import { commandOf, KEY, KEY2, KEY3, words } from "./sources.ts";
import { asyncProperty } from "../random.ts";

const commands = async (lines: readonly string[]): Promise<Command[]> =>
  await Promise.all(lines.map((line) => commandOf(["wg1", ...words(line)])));

const wantedFrom = async (...lines: readonly string[]) => wantedOf(await commands(lines));

/** An interface that is what somebody wanted. */
function running(wanted: WantedInterface, seconds = 0): RunningInterface {
  const { addresses, peers, ...rest } = wanted;
  return {
    status: {
      ...NO_FACTS,
      ...rest,
      publicKey: undefined,
      workers: wanted.workers ?? 1,
      fwmark: wanted.fwmark,
      listenPort: wanted.listenPort ?? 50000,
      offloads: "",
      offloadsOff: OFFLOAD_NAMES.filter((name) => !wanted.offloads[name]).join(" "),
      peers: peers.map(({ endpointName, disabled, expiresUnixMs, ...peer }) => ({
        ...peer,
        ...(endpointName && { endpointName: { ...endpointName, addresses: [], problem: "" } }),
        ...(disabled && { disabled: { sinceUnixMs: 0, ...disabled } }),
        ...(expiresUnixMs !== 0 && { expiresUnixMs }),
        presharedKey: peer.presharedKey ?? new Uint8Array(32) as PresharedKey,
        txBytes: seconds,
        rxBytes: seconds,
        lastHandshakeUnixMs: seconds * 1000,
      })),
      up: wanted.up ?? false,
    },
    link: {
      flags: wanted.up === true ? 1 : 0,
      mtu: wanted.mtu,
      alias: wanted.description,
      addresses: addresses.map(({ destination, ...address }) => ({
        ...address,
        peer: destination,
        flags: 0,
      })),
    },
    rdomain: wanted.rdomain ?? 0,
  };
}

const compare = (is: WantedInterface, wanted: WantedInterface, spare?: ReadonlySet<string>) =>
  differenceOf("wg1", running(is), wanted, spare);

Deno.test("lines add up as if they had been done one after the other", async () => {
  const wanted = await wantedFrom(
    "-wgpeerall wgkey K wgport 7111 mtu 1400",
    "wgpeer K2 wgaip 10.0.0.0/8 wgaip 10.1.0.0/16 wgpka 25 wgpsk K",
    "wgpeer K3 wgaip 10.1.0.0/16 wgdescr x",
    "wgpeer K2 -wgpsk wgendpoint 192.0.2.1 7",
    "inet 10.0.0.1/24",
    "inet 10.0.0.2/24",
    "inet alias 10.0.1.1/24",
    "inet6 fd00::1/64",
    "inet6 fd00::1/64 delete",
    "inet 10.9.9.9 delete",
    "group a",
    "group b",
    "-group a",
    "-tso debug priority 7",
    "-debug",
  );
  assert.deepEqual(wanted.peers.map(({ publicKey }) => publicKey.toBase64()), [KEY2, KEY3]);
  const [first, second] = wanted.peers;
  assert.deepEqual(first.allowedIps.map(({ prefix }) => prefix), [8]);
  assert.deepEqual(second.allowedIps.map(({ prefix }) => prefix), [16]);
  assert.deepEqual([first.presharedKey, first.persistentKeepalive, first.endpoint?.port], [
    undefined,
    25,
    7,
  ]);
  assert.deepEqual(wanted.addresses.map(({ address }) => [...address].join(".")).sort(), [
    "10.0.0.2",
    "10.0.1.1",
  ]);
  assert.deepEqual(wanted.groups, ["b"]);
  assert.deepEqual([wanted.debug, wanted.priority, wanted.mtu, wanted.up], [false, 7, 1400, true]);
  assert.deepEqual(OFFLOAD_NAMES.filter((name) => !wanted.offloads[name]), ["tso"]);
  assert.equal(
    (await wantedFrom("wgpeer K2", "-wgpeerall", "wgpeer K3", "-wgpeer K3")).peers.length,
    0,
  );
  // The host part of `eui64` comes from the address that runs, which stays out of the sum.
  const own = Uint8Array.fromHex("fe800000000000001111222233334444");
  const [eui] = wantedOf(await commands(["inet6 fd00:: eui64"]), own).addresses;
  assert.equal(eui.address.toHex(), "fd000000000000001111222233334444");
  await assert.rejects(wantedFrom("inet6 fd00:: eui64"), /eui64/);
});

const FULL = [
  "wgkey K wgport 7111 wgrtable 2 wgfwmark 81 mtu 1400 description a'b group g priority 5 debug -gso",
  "wgpeer K2 wgaip 10.0.0.0/8 wgaip fd00::/64 wgpka 25 wgpsk K wgdescr laptop wgendpoint 192.0.2.1 7",
  "wgpeer K3 wgaip 10.1.0.0/16",
  "inet 10.0.0.1/24",
  "inet alias 10.0.1.1/32 10.0.1.2",
  "inet6 fd00::1/64",
];

Deno.test("names of endpoints are compared with names, wherever the peer is", async () => {
  const named = await wantedFrom("wgpeer K2 wgendpoint vpn.example.org 7");
  const address = await wantedFrom("wgpeer K2 wgendpoint 192.0.2.1 7");
  const at = (wanted: WantedInterface, endpoint = wanted.peers[0].endpoint) => {
    const is = running(wanted);
    const peers = is.status.peers.map((peer) => ({ ...peer, endpoint }));
    return { ...is, status: { ...is.status, peers } };
  };
  const somewhere = { address: Uint8Array.of(10, 9, 9, 9), port: 99, scope: 0 };
  assert.deepEqual(differenceOf("wg1", at(named, somewhere), named).plan, []);
  const shouted = await wantedFrom("wgpeer K2 wgendpoint VPN.example.org 7");
  assert.deepEqual(differenceOf("wg1", at(named), shouted).plan, []);
  const other = await wantedFrom("wgpeer K2 wgendpoint vpn.example.org 8");
  const { plan, command } = differenceOf("wg1", at(named), other);
  assert.deepEqual(plan, [`wgpeer ${KEY2} wgendpoint vpn.example.org 8`]);
  assert.deepEqual(command?.change.peers?.[0].endpointName, { host: "vpn.example.org", port: 8 });
  // The same address without the name is another configuration.
  const took = differenceOf("wg1", at(named, address.peers[0].endpoint), address);
  assert.deepEqual(took.plan, [`wgpeer ${KEY2} wgendpoint 192.0.2.1 7`]);
  assert.deepEqual(differenceOf("wg1", at(address), named).plan, [
    `wgpeer ${KEY2} wgendpoint vpn.example.org 7`,
  ]);
  // The last line counts, and a file without the word leaves the endpoint as it is.
  const last = await wantedFrom(
    "wgpeer K2 wgendpoint vpn.example.org 7",
    "wgpeer K2 wgendpoint 192.0.2.1 7 wgendpoint a.example 9",
  );
  assert.deepEqual(last.peers[0].endpointName, { host: "a.example", port: 9 });
  assert.equal(last.peers[0].endpoint, undefined);
  assert.deepEqual(differenceOf("wg1", at(named), await wantedFrom("wgpeer K2")).plan, []);
});

Deno.test("what is the same is in no change, and counters do not count", async () => {
  const full = await wantedFrom(...FULL);
  assert.deepEqual(differenceOf("wg1", running(full, 77), full), {
    extra: [],
    plan: [],
    command: undefined,
  });
  // Also when the file begins by taking everything away.
  const again = await wantedFrom("-wgpeerall", "-inet6", ...FULL);
  assert.equal(differenceOf("wg1", running(full, 77), again).command, undefined);
  // A private key as Curve25519 uses it is the same one.
  const clamped = running(full);
  const key = Uint8Array.fromBase64(KEY);
  key[0] ^= 1;
  key[31] ^= 128;
  const other = {
    ...clamped,
    status: { ...clamped.status, privateKey: key as typeof clamped.status.privateKey },
  };
  assert.equal(differenceOf("wg1", other, full).command, undefined);
});

Deno.test("what runs and is not wanted goes, each thing by its name; key and port stay", async () => {
  const { extra, plan, command } = compare(
    await wantedFrom(...FULL),
    await wantedFrom("wgpeer K2", "up"),
  );
  assert.deepEqual(extra, [
    "wgkey",
    "wgrtable 2",
    "wgfwmark 81",
    "priority 5",
    "debug",
    "-gso",
    "group g",
    `wgpeer ${KEY2} wgdescr laptop`,
    `wgpeer ${KEY2} wgpsk`,
    `wgpeer ${KEY2} wgpka 25`,
    `wgpeer ${KEY2} wgaip 10.0.0.0/8`,
    `wgpeer ${KEY2} wgaip fd00::/64`,
    `wgpeer ${KEY3}`,
    "mtu 1400",
    "description a'b",
    "inet 10.0.0.1/24",
    "inet 10.0.1.1/32 10.0.1.2",
    "inet6 fd00::1/64",
  ]);
  assert.deepEqual(plan, [
    "wgrtable 0",
    "wgfwmark 0",
    "priority 0",
    "-debug",
    "gso",
    "-group g",
    `wgpeer ${KEY2} -wgdescr -wgpsk wgpka 0 # laptop, all wgaip are removed`,
    `-wgpeer ${KEY3}`,
    "mtu 1420",
    "-description",
    "inet 10.0.0.1/24 delete",
    "inet 10.0.1.1/32 10.0.1.2 delete",
    "inet6 fd00::1/64 delete",
  ]);
  assert.deepEqual([command?.change.privateKey, command?.change.listenPort], [
    undefined,
    undefined,
  ]);
});

Deno.test("an MTU that follows the paths is compared with auto alone", async () => {
  const auto = { ...await wantedFrom("mtu auto"), mtu: 1340 };
  const plan = async (is: WantedInterface, ...lines: readonly string[]) => {
    const { extra, plan, command } = compare(is, await wantedFrom(...lines));
    return [extra, plan, command?.mtu, command?.change.mtuAuto];
  };
  const fixed = await wantedFrom("mtu 1400");
  assert.deepEqual(await plan(auto, "mtu auto"), [[], [], undefined, undefined]);
  assert.deepEqual(await plan(auto), [["mtu auto"], ["mtu 1420"], 1420, false]);
  assert.deepEqual(await plan(auto, "mtu 1340"), [[], ["mtu 1340"], 1340, false]);
  assert.deepEqual(await plan(auto, "mtu auto", "mtu 1300"), [
    [],
    ["mtu 1300"],
    1300,
    false,
  ]);
  assert.deepEqual(await plan(fixed, "mtu 1400", "mtu auto"), [[], ["mtu auto"], undefined, true]);
  // A restart keeps what was found.
  const { plan: lines, command } = compare(await wantedFrom(), wantedLike(running(auto)));
  assert.deepEqual([lines, command?.mtu, command?.change.mtuAuto], [
    ["mtu 1340", "mtu auto"],
    1340,
    true,
  ]);
});

Deno.test("what is spared is told and stays, beside what goes", async () => {
  const spare = [
    "mtu 1400",
    `wgpeer ${KEY3}`,
    `wgpeer ${KEY2} wgaip fd00::/64`,
    "inet6 fd00::1/64",
    "-gso",
    "group g",
  ];
  const { extra, command } = compare(
    await wantedFrom(...FULL),
    await wantedFrom("wgpeer K2 wgaip 10.7.0.0/16", "inet 10.0.0.1/24"),
    new Set(spare),
  );
  for (const words of spare) assert.ok(extra.includes(words), words);
  assert.equal(command?.mtu, undefined);
  assert.deepEqual(command?.leaveGroups, []);
  assert.equal(command?.change.offloads, undefined);
  const [peer, ...others] = command?.change.peers ?? [];
  assert.deepEqual(others, []);
  assert.deepEqual(peer.allowedIps?.map(({ prefix }) => prefix), [64, 16]);
  assert.deepEqual(command?.addresses.map(({ type }) => type), ["remove"]);
});

const DATE = "2026-12-31T00:00:00Z";

Deno.test("a reload enables what the file does not disable, and leaves quotas alone", async () => {
  const plain = await wantedFrom("wgpeer K2");
  const disabled = await wantedFrom(`wgpeer K2 wgdisabled wgexpires ${DATE}`);
  const { extra, plan } = compare(disabled, plain);
  assert.deepEqual(extra, [`wgpeer ${KEY2} wgdisabled`, `wgpeer ${KEY2} wgexpires ${DATE}`]);
  assert.deepEqual(plan, [`wgpeer ${KEY2} -wgdisabled -wgexpires`]);
  assert.deepEqual(compare(disabled, disabled).plan, []);
  const by = (reason: "quota" | "expired") => {
    const is = running(plain);
    const peers = is.status.peers.map((peer) => ({
      ...peer,
      disabled: { reason, sinceUnixMs: 5 } as const,
    }));
    return { ...is, status: { ...is.status, peers } };
  };
  assert.deepEqual(differenceOf("wg1", by("quota"), plain).plan, []);
  assert.deepEqual(differenceOf("wg1", by("expired"), plain).plan, []);
  // A restart gives the new process what the old one had, with the time.
  const { command } = differenceOf("wg1", running(plain), wantedLike(by("quota")));
  assert.deepEqual(command?.change.peers?.[0].disabled, { reason: "quota", sinceUnixMs: 5 });
});

Deno.test("one thing that differs is the only thing that changes, and no secret is told", async () => {
  const full = await wantedFrom(...FULL);
  for (
    const [from, to, planned, more] of [
      ["wgpka 25", "wgpka 30", `wgpeer ${KEY2} wgpka 30`, []],
      [" wgpka 25", "", `wgpeer ${KEY2} wgpka 0`, ["wgpka 25"]],
      [" wgpsk K", "", `wgpeer ${KEY2} -wgpsk`, ["wgpsk"]],
      ["wgpsk K", "wgpsk K3", `wgpeer ${KEY2} # wgpsk: another key`, []],
      [" wgdescr laptop", "", `wgpeer ${KEY2} -wgdescr`, ["wgdescr laptop"]],
      ["wgpka 25", "wgpka 25 wgdisabled", `wgpeer ${KEY2} wgdisabled`, []],
      ["wgpka 25", "wgpka 25 wgexpires 2026-12-31", `wgpeer ${KEY2} wgexpires ${DATE}`, []],
      ["192.0.2.1 7", "192.0.2.1 8", `wgpeer ${KEY2} wgendpoint 192.0.2.1 8`, []],
      ["wgaip fd00::/64 ", "", `wgpeer ${KEY2} wgaip 10.0.0.0/8`, ["wgaip fd00::/64"]],
      ["wgaip 10.0.0.0/8", "wgaip 10.0.0.0/9", `wgpeer ${KEY2} wgaip fd00::/64 wgaip 10.0.0.0/9`, [
        "wgaip 10.0.0.0/8",
      ]],
    ] as const
  ) {
    const wanted = await wantedFrom(...FULL.map((line) => line.replace(from, to)));
    const { extra, plan, command } = compare(full, wanted);
    assert.deepEqual(extra, more.map((words) => `wgpeer ${KEY2} ${words}`), from);
    const sorted = (line: string) => line.split(/ (?=wgaip)/).sort();
    // The name of the peer is beside its key.
    const named = planned.endsWith("-wgdescr") || !planned.includes("#")
      ? `${planned} # laptop`
      : planned.replace("# ", "# laptop, ");
    assert.deepEqual(plan.map(sorted), [sorted(named)]);
    assert.deepEqual(Object.keys(command?.change ?? {}), ["peers"]);
    assert.equal(command?.change.peers?.length, 1);
    assert.deepEqual([command?.up, command?.mtu, command?.addresses], [undefined, undefined, []]);
  }
  const key = compare(
    full,
    await wantedFrom(...FULL.map((line) => line.replace("wgkey K", "wgkey K3"))),
  );
  assert.deepEqual(key.plan, ["# wgkey: another key"]);
  assert.equal(key.command?.change.privateKey?.toBase64(), KEY3);
  const mask = compare(
    full,
    await wantedFrom(...FULL.map((line) => line.replace("10.0.0.1/24", "10.0.0.1/16"))),
  );
  assert.deepEqual([mask.extra, mask.plan], [[], ["inet 10.0.0.1/16 alias"]]);
  // In another rdomain all addresses are to be set again, and none is there to be removed.
  const moved = compare(full, await wantedFrom("rdomain 3", ...FULL.slice(0, 4)));
  assert.equal(moved.command?.rdomain, 3);
  assert.deepEqual(moved.command?.addresses.map(({ type }) => type), ["set"]);
});

Deno.test("a link-local address that may be any is no difference", async () => {
  const wanted = await wantedFrom("inet6 eui64");
  const has = await wantedFrom("inet6 fe80::1/64");
  assert.deepEqual(compare(has, wanted).plan, []);
  assert.deepEqual(compare(has, await wantedFrom("up")).plan, ["inet6 fe80::1/64 delete"]);
  // Where there is none it is made, and other addresses have their last 64 bits from it.
  const both = await wantedFrom("inet6 eui64", "inet6 fd00:: eui64");
  const { plan, command } = compare(await wantedFrom("up"), both);
  assert.deepEqual(plan, ["inet6 eui64", "inet6 fd00::5a5a:5a5a:5a5a:5a5a/64 alias"]);
  assert.deepEqual(command?.addresses.map(({ type }) => type), ["link-local", "set"]);
  const moved = compare(both, await wantedFrom("rdomain 3", "inet6 eui64"));
  assert.deepEqual(moved.command?.addresses.map(({ type }) => type), ["link-local"]);
  assert.equal((await wantedFrom("inet6 eui64", "-inet6")).linkLocal, undefined);
});

/** Lines that change this and that, for `trials`. */
const POOL = [
  "wgkey K",
  "wgkey K2",
  "wgport 7",
  "wgrtable 3",
  "debug",
  "-debug",
  "mtu 1300",
  "description x",
  "group a",
  "group b",
  "-group a",
  "priority 9",
  "-tso",
  "-gro",
  "tso",
  "-wgpeerall",
  "-wgpeer K2",
  "wgpeer K2 wgaip 10.0.0.0/8",
  "wgpeer K2 wgaip 10.0.0.0/8 wgaip 10.1.0.0/16",
  "wgpeer K3 wgaip 10.1.0.0/16 wgaip 10.2.0.0/16",
  "wgpeer K3 wgaip 10.0.0.0/8",
  "wgpeer K2 wgpka 7",
  "wgpeer K2 wgpsk K3",
  "wgpeer K3 wgpsk K2 wgdescr d",
  "wgpeer K2 -wgpsk",
  "wgpeer K2 wgdisabled wgexpires 2026-12-31",
  "wgpeer K2 -wgdisabled",
  "wgpeer K3 wgexpires 2030-01-01T12:00Z",
  "wgpeer K2 -wgexpires",
  "wgpeer K wgendpoint 192.0.2.1 9",
  "inet 10.0.0.1/24",
  "inet alias 10.0.0.2/24",
  "inet alias 10.0.0.1/16",
  "inet 10.0.0.3/24 10.0.0.4",
  "inet6 fd00::1/64",
  "inet6 fd00::1/48",
  "-inet6",
  "-inet",
  "up",
];

/**
 * What two wanted interfaces have in common when one was made the other: order does not count, nor
 * do things that may be anything.
 */
function comparable(wanted: WantedInterface) {
  const sorted = <T>(all: readonly T[]) => all.map((one) => JSON.stringify(one)).sort();
  return {
    ...wanted,
    privateKey: undefined,
    listenPort: undefined,
    up: undefined,
    groups: sorted(wanted.groups),
    addresses: sorted(
      wanted.addresses.map((address) => ({ ...address, address: address.address.toHex() })),
    ),
    peers: sorted(
      wanted.peers.map((peer) => ({
        ...peer,
        endpoint: undefined,
        allowedIps: sorted(peer.allowedIps),
      })),
    ),
  };
}

Deno.test("from any state to any other: the change leads there, and then nothing differs", async () => {
  await asyncProperty(300, async (chance) => {
    const lines = () => Array.from({ length: chance.int(12) }, () => chance.oneOf(POOL));
    const [from, to] = [await commands(lines()), await commands(lines())];
    const [is, wanted] = [wantedOf(from), wantedOf(to)];
    const { command } = compare(is, wanted);
    const then = command === undefined ? is : wantedOf([...from, command]);
    assert.deepEqual(comparable(then), comparable(wanted));
    assert.deepEqual(compare(then, wanted).plan, []);
    // Peers that are the same on both sides are not touched.
    const same = is.peers.filter((peer) =>
      wanted.peers.some((one) => JSON.stringify(one) === JSON.stringify(peer))
    );
    for (const { publicKey } of same) {
      const touched = command?.change.peers?.some((peer) =>
        peer.publicKey.toBase64() === publicKey.toBase64()
      );
      assert.ok(touched !== true);
    }
  });
});

Deno.test("a peer that was made again, or has an earlier timestamp, gets the one before", async () => {
  const wanted = await wantedFrom("wgpeer K2 wgaip 10.0.0.0/8");
  const lastTimestamp = new Uint8Array(12).fill(7);
  const heard = { ...wanted, peers: wanted.peers.map((peer) => ({ ...peer, lastTimestamp })) };
  const before = wantedLike(running(heard));
  const [earlier, later] = [6, 8].map((byte) =>
    wanted.peers.map((peer) => ({ ...peer, lastTimestamp: new Uint8Array(12).fill(byte) }))
  );
  assert.deepEqual(
    compare({ ...wanted, peers: [] }, before).command?.change.peers?.[0].lastTimestamp,
    lastTimestamp,
  );
  for (const peers of [wanted.peers, earlier]) {
    assert.deepEqual(compare({ ...wanted, peers }, before).command?.change.peers, [
      { publicKey: wanted.peers[0].publicKey, lastTimestamp },
    ]);
  }
  assert.equal(compare({ ...wanted, peers: later }, before).command, undefined);
  assert.equal(compare(heard, wanted).command, undefined);
});
