/**
 * A program for ioctl_test.ts, as a user of lib/openbsd.ts writes one: SIOCSWG and SIOCGWG of wg1,
 * whose daemon runs; wg2 has port 7002. It begins as root and goes on as nobody.
 * @module
 */
import assert from "node:assert/strict";
import * as W from "../../lib/openbsd.ts";

const { DeviceControl, OsError, SIOCGWG, SIOCSWG } = W;

const control = new DeviceControl();

async function get(name = "wg1"): Promise<W.wg_interface_io> {
  const probe = await SIOCGWG(control, { wgd_name: name, wgd_size: 0 });
  assert.equal(probe.wgd_interface, undefined);
  const short = await SIOCGWG(control, { wgd_name: name, wgd_size: probe.wgd_size - 1 });
  assert.deepEqual([short.wgd_size, short.wgd_interface], [probe.wgd_size, undefined]);
  const full = await SIOCGWG(control, { wgd_name: name, wgd_size: probe.wgd_size });
  assert.ok(full.wgd_interface !== undefined);
  assert.equal(W.encodeInterface(full.wgd_interface).length, full.wgd_size);
  assert.deepEqual(W.decodeInterface(W.encodeInterface(full.wgd_interface)), full.wgd_interface);
  return full.wgd_interface;
}

const set = (io: Partial<W.wg_interface_io>, name = "wg1") => {
  const whole = { ...W.emptyInterface(), ...io };
  return SIOCSWG(control, {
    wgd_name: name,
    wgd_size: W.interfaceSize(whole),
    wgd_interface: whole,
  });
};

async function fails(code: string, io: Partial<W.wg_interface_io>, name?: string): Promise<void> {
  const before = Deno.uid() === 0 ? await get() : undefined;
  await assert.rejects(set(io, name), (error) => {
    assert.ok(error instanceof OsError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  });
  if (before !== undefined) assert.deepEqual(await get(), before);
}

const random = () => crypto.getRandomValues(new Uint8Array(32));
const range = (...address: number[]): W.wg_aip_io => ({
  a_af: W.AF_INET,
  a_cidr: 24,
  a_addr: Uint8Array.from(address),
});
const [one, two] = [random(), random()];
const peer = (key: Uint8Array, flags: number, more: Partial<W.wg_peer_io> = {}): W.wg_peer_io => ({
  ...W.emptyPeer(key),
  p_flags: W.WG_PEER_HAS_PUBLIC | flags,
  ...more,
});

// HAS_PRIVATE, HAS_PORT, and a peer with everything.
const priv = random();
await set({
  i_flags: W.WG_INTERFACE_HAS_PRIVATE | W.WG_INTERFACE_HAS_PORT,
  i_private: priv,
  i_port: 7009,
  i_peers: [
    peer(
      one,
      W.WG_PEER_HAS_PSK | W.WG_PEER_HAS_PKA | W.WG_PEER_HAS_ENDPOINT | W.WG_PEER_SET_DESCRIPTION,
      {
        p_psk: new Uint8Array(32).fill(7),
        p_pka: 25,
        p_endpoint: { address: Uint8Array.of(127, 0, 0, 1), port: 7002, scope: 0 },
        p_description: "first",
        p_aips: [range(10, 1, 1, 0), range(10, 1, 2, 0)],
      },
    ),
    peer(two, 0),
  ],
});
let io = await get();
assert.equal(
  io.i_flags,
  W.WG_INTERFACE_HAS_PUBLIC | W.WG_INTERFACE_HAS_PRIVATE | W.WG_INTERFACE_HAS_PORT,
);
assert.equal(io.i_port, 7009);
// Clamped or not, it is the same key to everybody.
assert.deepEqual(io.i_private.subarray(1, 31), priv.subarray(1, 31));
assert.deepEqual(io.i_peers.map((each) => each.p_public), [one, two]);
assert.equal(
  io.i_peers[0].p_flags,
  W.WG_PEER_HAS_PUBLIC | W.WG_PEER_HAS_PSK | W.WG_PEER_HAS_PKA | W.WG_PEER_HAS_ENDPOINT |
    W.WG_PEER_SET_DESCRIPTION,
);
assert.deepEqual([io.i_peers[0].p_pka, io.i_peers[0].p_description, io.i_peers[0].p_aips.length], [
  25,
  "first",
  2,
]);
assert.deepEqual([io.i_peers[1].p_flags, io.i_peers[1].p_protocol_version], [
  W.WG_PEER_HAS_PUBLIC,
  1,
]);

// Nothing is told to change, nothing changes. The description goes with its flag and no text.
await set({ i_peers: [peer(one, 0, { p_pka: 9, p_description: "no flag" })] });
assert.deepEqual(await get(), io);
await set({ i_peers: [peer(one, W.WG_PEER_SET_DESCRIPTION)] });
assert.equal((await get()).i_peers[0].p_description, "");

// REPLACE_AIPS, UPDATE of one that is not there, REMOVE, REPLACE_PEERS.
await set({ i_peers: [peer(one, 0, { p_aips: [range(10, 1, 3, 0)] })] });
assert.equal((await get()).i_peers[0].p_aips.length, 3);
await set({ i_peers: [peer(one, W.WG_PEER_REPLACE_AIPS, { p_aips: [range(10, 1, 4, 0)] })] });
assert.deepEqual((await get()).i_peers[0].p_aips, [range(10, 1, 4, 0)]);
await set({ i_peers: [peer(random(), W.WG_PEER_UPDATE | W.WG_PEER_HAS_PKA, { p_pka: 5 })] });
assert.equal((await get()).i_peers.length, 2);
await set({ i_peers: [peer(one, W.WG_PEER_REMOVE)] });
assert.deepEqual((await get()).i_peers.map((each) => each.p_public), [two]);
await set({ i_flags: W.WG_INTERFACE_REPLACE_PEERS, i_peers: [peer(one, 0)] });
io = await get();
assert.deepEqual(io.i_peers.map((each) => each.p_public), [one]);
// A range of another peer moves.
await set({
  i_peers: [
    peer(one, 0, { p_aips: [range(10, 9, 0, 0)] }),
    peer(two, 0, { p_aips: [range(10, 9, 0, 0)] }),
  ],
});
assert.deepEqual((await get()).i_peers.map((each) => each.p_aips.length), [0, 1]);

// What is wrong, and changes nothing.
await fails("EADDRINUSE", {
  i_flags: W.WG_INTERFACE_HAS_PORT,
  i_port: 7002,
  i_peers: [peer(random(), 0)],
});
await fails("EPFNOSUPPORT", {
  i_peers: [peer(random(), 0), peer(two, 0, { p_protocol_version: 2 })],
});
await fails("EINVAL", { i_flags: W.WG_INTERFACE_HAS_RTABLE, i_rtable: 256 });
await fails("EINVAL", {
  i_peers: [peer(two, 0, { p_aips: [{ ...range(10, 0, 0, 0), a_cidr: 33 }] })],
});
await fails("EINVAL", {
  i_peers: [peer(two, 0, { p_aips: [{ ...range(10, 0, 0, 0), a_af: 99 }] })],
});
await fails("ENXIO", {}, "wg9");
await assert.rejects(SIOCGWG(control, { wgd_name: "wg9", wgd_size: 0 }), { code: "ENXIO" });

// HAS_RTABLE, which anybody may see.
await set({ i_flags: W.WG_INTERFACE_HAS_RTABLE, i_rtable: 6 });
assert.equal((await get()).i_rtable, 6);

const libc = Deno.dlopen("libc.so.6", { setuid: { parameters: ["u32"], result: "i32" } });
assert.equal(libc.symbols.setuid(65534), 0);
assert.deepEqual(await get(), {
  ...W.emptyInterface(),
  i_flags: W.WG_INTERFACE_HAS_PORT | W.WG_INTERFACE_HAS_RTABLE,
  i_port: 7009,
  i_rtable: 6,
});
await fails("EACCES", { i_flags: W.WG_INTERFACE_HAS_PORT, i_port: 7010 });
await assert.rejects(SIOCGWG(control, { wgd_name: "wg9", wgd_size: 0 }), { code: "ENXIO" });
console.log("done");
Deno.exit(0);
