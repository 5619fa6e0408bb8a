import assert from "node:assert/strict";
import type { DeviceChange } from "../../lib/base/config.ts";
import { ConfigError, OsError } from "../../lib/base/errors.ts";
import { osError } from "../../lib/base/errno.ts";
import type { WgControl } from "../../lib/openbsd/ioctl.ts";
import { changeOf, interfaceOf, SIOCGWG, SIOCSWG } from "../../lib/openbsd/ioctl.ts";
import * as C from "../../lib/openbsd/wg_data_codec.ts";
import * as W from "../../lib/openbsd/wg_data_io.ts";
import type { InterfaceStatus } from "../../lib/base/status.ts";
import { randomBytes, randomFacts, randomStatus } from "../uapi/random_change.ts";
import { Chance, property } from "../random.ts";

/**
 * offsetof and sizeof as a C compiler for amd64 gives them for OpenBSD's if_wg.h;
 * tests/openbsd/wg_data_layout.c is what it was given.
 */
const C_LAYOUT = {
  data: 32,
  interface: { size: 80, flags: 0, port: 2, rtable: 4, public: 8, private: 40, count: 72 },
  peer: {
    size: 208,
    version: 4,
    public: 8,
    psk: 40,
    pka: 72,
    endpoint: 76,
    tx: 104,
    rx: 112,
    handshake: 120,
    description: 136,
    count: 200,
  },
  aip: { size: 24, cidr: 4, addr: 8 },
};

function sample(): W.wg_interface_io {
  const peer = {
    ...W.emptyPeer(new Uint8Array(32).fill(0x33)),
    p_flags: 0x9f,
    p_protocol_version: 1,
    p_psk: new Uint8Array(32).fill(0x44),
    p_pka: 0x1234,
    p_endpoint: { address: Uint8Array.of(127, 0, 0, 1), port: 7222, scope: 0 },
    p_txbytes: 0x0102030405,
    p_rxbytes: 6,
    p_last_handshake: { tv_sec: 0x65432100, tv_nsec: 7 },
    p_description: "peer",
    p_aips: [
      { a_af: W.AF_INET, a_cidr: 32, a_addr: Uint8Array.of(192, 168, 5, 2) },
      {
        a_af: W.AF_INET6,
        a_cidr: 64,
        a_addr: Uint8Array.fromHex("fd000000000000000000000000000001"),
      },
    ],
  };
  const six = {
    ...W.emptyPeer(new Uint8Array(32).fill(0x55)),
    p_flags: W.WG_PEER_HAS_PUBLIC | W.WG_PEER_HAS_ENDPOINT,
    p_endpoint: {
      address: Uint8Array.fromHex("fe800000000000000000000000000001"),
      port: 5,
      scope: 3,
    },
  };
  return {
    i_flags: 0x1f,
    i_port: 7111,
    i_rtable: 9,
    i_public: new Uint8Array(32).fill(0x11),
    i_private: new Uint8Array(32).fill(0x22),
    i_peers: [peer, six],
  };
}

Deno.test("the bytes stand where a 64-bit C compiler puts them", () => {
  const bytes = C.encodeInterface(sample());
  const view = new DataView(bytes.buffer);
  const { interface: I, peer: P, aip: A } = C_LAYOUT;
  assert.deepEqual(
    [C.WG_DATA_IO_SIZE, C.WG_INTERFACE_IO_SIZE, C.WG_PEER_IO_SIZE, C.WG_AIP_IO_SIZE],
    [C_LAYOUT.data, I.size, P.size, A.size],
  );
  assert.equal(bytes.length, I.size + 2 * P.size + 2 * A.size);
  assert.equal(bytes[I.flags], 0x1f);
  assert.equal(view.getUint16(I.port, true), 7111);
  assert.equal(view.getInt32(I.rtable, true), 9);
  assert.equal(bytes[I.public], 0x11);
  assert.equal(bytes[I.private + 31], 0x22);
  assert.equal(view.getBigUint64(I.count, true), 2n);
  const at = I.size;
  assert.equal(view.getInt32(at, true), 0x9f);
  assert.equal(view.getInt32(at + P.version, true), 1);
  assert.equal(bytes[at + P.public], 0x33);
  assert.equal(bytes[at + P.psk], 0x44);
  assert.equal(view.getUint16(at + P.pka, true), 0x1234);
  // struct sockaddr_in: length, family, port and address in network order.
  assert.equal(bytes.subarray(at + P.endpoint, at + P.endpoint + 8).toHex(), "10021c367f000001");
  assert.equal(view.getBigUint64(at + P.tx, true), 0x0102030405n);
  assert.equal(view.getBigUint64(at + P.rx, true), 6n);
  assert.equal(view.getBigInt64(at + P.handshake, true), 0x65432100n);
  assert.equal(view.getBigInt64(at + P.handshake + 8, true), 7n);
  assert.equal(
    new TextDecoder().decode(bytes.subarray(at + P.description, at + P.description + 5)),
    "peer\0",
  );
  assert.equal(view.getBigUint64(at + P.count, true), 2n);
  const aip = at + P.size;
  assert.equal(
    bytes.subarray(aip, aip + A.size).toHex(),
    "0200000020000000c0a80502000000000000000000000000",
  );
  assert.equal(
    bytes.subarray(aip + A.size, aip + 2 * A.size).toHex(),
    "1800000040000000fd000000000000000000000000000001",
  );
  // struct sockaddr_in6: length, family, port, flow, address, scope.
  const six = aip + 2 * A.size + P.endpoint;
  assert.equal(
    bytes.subarray(six, six + 28).toHex(),
    "1c18000500000000fe80000000000000000000000000000103000000",
  );
  assert.deepEqual(C.decodeInterface(bytes), sample());
});

Deno.test("struct wg_data_io itself", () => {
  const bytes = C.encodeData("wg1", 1000, 0x7fff_1234_5678n);
  assert.equal(
    bytes.toHex(),
    "77673100000000000000000000000000" + "e803000000000000" + "78563412ff7f0000",
  );
  assert.deepEqual(C.decodeData(bytes), { name: "wg1", size: 1000, pointer: 0x7fff_1234_5678n });
  assert.throws(() => C.decodeData(bytes.subarray(1)), ConfigError);
});

Deno.test("bytes of any content and length are read within their bounds or refused", () => {
  const whole = C.encodeInterface(sample());
  property(4000, (chance) => {
    const bytes = whole.slice(0, chance.int(3) === 0 ? chance.int(whole.length + 1) : whole.length);
    for (let k = chance.int(4); k > 0 && bytes.length > 0; k--) {
      bytes[chance.int(bytes.length)] = chance.int(256);
    }
    try {
      C.decodeInterface(bytes);
    } catch (error) {
      assert.ok(error instanceof ConfigError, `${error}`);
    }
  });
  for (let length = 0; length < whole.length; length++) {
    assert.throws(
      () => C.decodeInterface(whole.subarray(0, length)),
      ConfigError,
      `${length} bytes`,
    );
  }
});

Deno.test("a status goes through the struct and back, 200 random ones", () => {
  property(200, (chance) => {
    const io = interfaceOf({ ...randomFacts(chance), ...randomStatus(chance) });
    const bytes = C.encodeInterface(io);
    assert.equal(bytes.length, C.interfaceSize(io));
    assert.deepEqual(C.decodeInterface(bytes), io);
  });
});

/** A control that keeps what it was given. */
function recorder(
  status: Awaited<ReturnType<WgControl["get"]>>,
): WgControl & { readonly changes: DeviceChange[] } {
  const changes: DeviceChange[] = [];
  return {
    changes,
    get: (name) =>
      name === "wg1" ? Promise.resolve(status) : Promise.reject(osError("SIOCGWG", name, 6)),
    set: (_name, change) => {
      changes.push(change);
      return Promise.resolve();
    },
  };
}

function status(): InterfaceStatus {
  const chance = Chance.of(5);
  return { ...randomFacts(chance), ...randomStatus(chance, 3) };
}

Deno.test("SIOCGWG tells the size until what is given holds it", async () => {
  const control = recorder(status());
  const probe = await SIOCGWG(control, { wgd_name: "wg1", wgd_size: 0 });
  assert.equal(probe.wgd_interface, undefined);
  assert.ok(probe.wgd_size >= C.WG_INTERFACE_IO_SIZE + 3 * C.WG_PEER_IO_SIZE);
  const less = await SIOCGWG(control, { wgd_name: "wg1", wgd_size: probe.wgd_size - 1 });
  assert.equal(less.wgd_interface, undefined);
  const full = await SIOCGWG(control, { wgd_name: "wg1", wgd_size: probe.wgd_size });
  assert.equal(full.wgd_interface?.i_peers.length, 3);
  await assert.rejects(
    SIOCGWG(control, { wgd_name: "wg9", wgd_size: 0 }),
    (e) => e instanceof OsError && e.code === "ENXIO",
  );
});

Deno.test("who is not root gets port and rtable only", async () => {
  const control = recorder({ listenPort: 7111, rtable: 2 });
  const { wgd_interface: io } = await SIOCGWG(control, { wgd_name: "wg1", wgd_size: 1000 });
  assert.deepEqual(io, {
    ...W.emptyInterface(),
    i_flags: W.WG_INTERFACE_HAS_PORT | W.WG_INTERFACE_HAS_RTABLE,
    i_port: 7111,
    i_rtable: 2,
  });
});

Deno.test("SIOCSWG sets what the flags say and nothing else", async () => {
  const control = recorder(status());
  const io = sample();
  await SIOCSWG(control, { wgd_name: "wg1", wgd_size: C.interfaceSize(io), wgd_interface: io });
  const [change] = control.changes;
  assert.deepEqual(Object.keys(change).sort(), [
    "listenPort",
    "peers",
    "privateKey",
    "replacePeers",
    "rtable",
  ]);
  assert.deepEqual(Object.keys(change.peers![0]).sort(), [
    "allowedIps",
    "description",
    "endpoint",
    "persistentKeepalive",
    "presharedKey",
    "publicKey",
    "replaceAllowedIps",
  ]);
  assert.equal(change.peers![0].allowedIps![1].address.toHex(), "fd000000000000000000000000000000");
  assert.deepEqual(Object.keys(change.peers![1]).sort(), ["endpoint", "publicKey"]);
  assert.deepEqual(changeOf({ ...io, i_flags: 0, i_peers: [] }), {});
});

Deno.test("each flag of a peer, alone", () => {
  const chance = Chance.of(9);
  const expected: readonly (readonly [number, string | undefined])[] = [
    [W.WG_PEER_HAS_PSK, "presharedKey"],
    [W.WG_PEER_HAS_PKA, "persistentKeepalive"],
    [W.WG_PEER_HAS_ENDPOINT, "endpoint"],
    [W.WG_PEER_REPLACE_AIPS, "replaceAllowedIps"],
    [W.WG_PEER_REMOVE, "remove"],
    [W.WG_PEER_UPDATE, "updateOnly"],
    [W.WG_PEER_SET_DESCRIPTION, "description"],
    [0, undefined],
  ];
  for (const [flag, field] of expected) {
    const peer = {
      ...sample().i_peers[0],
      p_public: randomBytes(chance, 32),
      p_flags: W.WG_PEER_HAS_PUBLIC | flag,
      p_aips: [],
    };
    const { peers } = changeOf({ ...W.emptyInterface(), i_peers: [peer] });
    assert.deepEqual(Object.keys(peers![0]), [
      "publicKey",
      ...(field === undefined ? [] : [field]),
    ]);
  }
  const nameless = { ...sample().i_peers[0], p_flags: W.WG_PEER_HAS_PKA };
  assert.deepEqual(changeOf({ ...W.emptyInterface(), i_peers: [nameless] }), { peers: [] });
});

Deno.test("values that are wrong get OpenBSD's errno", async () => {
  const control = recorder(status());
  const wrong: readonly (readonly [string, (io: W.wg_interface_io) => void])[] = [
    ["EPFNOSUPPORT", (io) => io.i_peers[0].p_protocol_version = 2],
    ["EINVAL", (io) => io.i_peers[0].p_aips[0].a_af = 7],
    ["EINVAL", (io) => io.i_peers[0].p_aips[0].a_cidr = 33],
    ["EINVAL", (io) => io.i_peers[0].p_aips[1].a_cidr = -1],
    ["EINVAL", (io) => io.i_peers[0].p_aips[0].a_addr = new Uint8Array(3)],
    ["EINVAL", (io) => io.i_peers[0].p_endpoint = undefined],
    ["EINVAL", (io) => io.i_peers[0].p_description = "x".repeat(64)],
    ["EINVAL", (io) => io.i_peers[0].p_public = new Uint8Array(31)],
    ["EINVAL", (io) => io.i_private = new Uint8Array(33)],
    ["EINVAL", (io) => io.i_rtable = 256],
    ["EINVAL", (io) => io.i_rtable = -1],
  ];
  for (const [code, spoil] of wrong) {
    const io = sample();
    spoil(io);
    const call = SIOCSWG(control, { wgd_name: "wg1", wgd_size: 0, wgd_interface: io });
    await assert.rejects(
      call,
      (error) => error instanceof OsError && error.code === code,
      spoil.toString(),
    );
  }
  await assert.rejects(
    SIOCSWG(control, { wgd_name: "wg1", wgd_size: 0, wgd_interface: undefined }),
    OsError,
  );
  assert.deepEqual(control.changes, []);
});
