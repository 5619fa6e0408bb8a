import assert from "node:assert/strict";
import type { PresharedKey, PublicKey } from "../../lib/base/brands.ts";
import { ConfigError, OsError } from "../../lib/base/errors.ts";
import { formatGet, formatPublic, formatStats, parseGet } from "../../lib/uapi/get.ts";
import { formatReply, parseReply } from "../../lib/uapi/reply.ts";
import { NO_FACTS } from "../../lib/base/status.ts";
import { randomFacts, randomStatus } from "./random_change.ts";
import { Chance, property } from "../random.ts";

/** The keys of https://www.wireguard.com/xplatform/ that wg(8) understands. */
const KNOWN_KEYS = new Set(
  ("private_key listen_port fwmark public_key preshared_key protocol_version endpoint last_handshake_time_sec " +
    "last_handshake_time_nsec tx_bytes rx_bytes persistent_keepalive_interval allowed_ip").split(
      " ",
    ),
);

Deno.test("a status goes through its text and back, 300 random ones", () => {
  property(300, (chance) => {
    const status = randomStatus(chance);
    const facts = randomFacts(chance);
    assert.deepEqual(
      parseGet(formatGet(status, facts)),
      { ...facts, ...status },
    );
  });
});

Deno.test("stats has what get=2 has, but for secret keys", () => {
  property(100, (chance) => {
    const [status, facts] = [randomStatus(chance), randomFacts(chance)];
    const text = formatStats(status, facts);
    assert.ok(!/^(private_key|preshared_key)=/m.test(text));
    const peers = status.peers.map((peer) => ({
      ...peer,
      presharedKey: new Uint8Array(32),
      ...(peer.presharedKey.some((byte) => byte !== 0) && { hasPresharedKey: true }),
    }));
    assert.deepEqual(parseGet(text), { ...facts, ...status, privateKey: undefined, peers });
  });
});

Deno.test("get=1 holds nothing that wg(8) does not know", () => {
  const chance = Chance.of(7);
  for (let i = 0; i < 50; i++) {
    for (const line of formatGet(randomStatus(chance)).split("\n").slice(0, -1)) {
      assert.ok(KNOWN_KEYS.has(line.split("=")[0]), line);
    }
  }
});

Deno.test("the exact text of get=1", () => {
  const text = formatGet({
    privateKey: undefined,
    publicKey: undefined,
    listenPort: 51820,
    fwmark: 0,
    rtable: 4,
    debug: true,
    peers: [{
      publicKey: new Uint8Array(32).fill(0xab) as PublicKey,
      presharedKey: new Uint8Array(32) as PresharedKey,
      endpoint: {
        address: Uint8Array.fromHex("fe800000000000000000000000000001"),
        port: 7,
        scope: 3,
      },
      persistentKeepalive: 25,
      allowedIps: [{ address: Uint8Array.of(10, 0, 0, 0), prefix: 8 }],
      description: "not for wg(8)",
      txBytes: 10,
      rxBytes: 2 ** 40,
      lastHandshakeUnixMs: 1_700_000_000_250,
    }],
  });
  assert.equal(
    text,
    `listen_port=51820\npublic_key=${"ab".repeat(32)}\npreshared_key=${
      "00".repeat(32)
    }\nprotocol_version=1\n` +
      "endpoint=[fe80::1%3]:7\nlast_handshake_time_sec=1700000000\nlast_handshake_time_nsec=250000000\ntx_bytes=10\n" +
      "rx_bytes=1099511627776\npersistent_keepalive_interval=25\nallowed_ip=10.0.0.0/8\n",
  );
});

Deno.test("what anybody may know holds no key and no peer", () => {
  const chance = Chance.of(11);
  const status = { ...randomStatus(chance, 3), listenPort: 7111, rtable: 2 };
  const facts = randomFacts(chance);
  const text = formatPublic(status, facts);
  assert.ok(!/key|[0-9a-f]{32}/.test(text), text);
  const back = parseGet(text);
  assert.equal(back.listenPort, 7111);
  assert.equal(back.rtable, 2);
  assert.equal(back.mtu, facts.mtu);
  assert.deepEqual(back.peers, []);
});

Deno.test("another implementation's answer: unknown keys are passed over, what it does not tell is empty", () => {
  const status = parseGet(
    `private_key=${"11".repeat(32)}\nnew_thing=1\npublic_key=${"22".repeat(32)}\nother=x\n`,
  );
  assert.deepEqual({ ...status, privateKey: undefined, peers: [] }, {
    ...NO_FACTS,
    privateKey: undefined,
    publicKey: undefined,
    listenPort: 0,
    fwmark: 0,
    rtable: 0,
    debug: false,
    peers: [],
  });
  assert.equal(status.peers.length, 1);
  assert.throws(() => parseGet("listen_port=x\n"), ConfigError);
  assert.throws(() => parseGet(`public_key=${"22".repeat(32)}\nendpoint=nowhere\n`), ConfigError);
});

Deno.test("a status of ten thousand peers comes back as it was; the time is printed", () => {
  const chance = Chance.of(3);
  const status = randomStatus(chance, 10_000);
  const start = performance.now();
  const back = parseGet(formatGet(status, randomFacts(chance)));
  console.log(`10,000 peers formatted and parsed in ${Math.round(performance.now() - start)} ms`);
  assert.deepEqual(back.peers, status.peers);
});

Deno.test("replies: success, and each kind of error in both versions", () => {
  assert.equal(formatReply("listen_port=1\n"), "listen_port=1\nerrno=0\n\n");
  assert.equal(parseReply("listen_port=1\nerrno=0\n\n", "wg1"), "listen_port=1\n");
  assert.equal(parseReply("errno=0\n\n", "wg1"), "");
  const inUse = new OsError("bind", "udp port 7111", "EADDRINUSE", 98, "Address already in use");
  // Debian's wg(8) prints `Unknown error -98` for errno=98 and `Address already in use` for
  // errno=-98.
  assert.equal(formatReply("", inUse), "errno=-98\n\n");
  assert.equal(formatReply("", new ConfigError("fwmark", "wrong")), "errno=-22\n\n");
  assert.equal(formatReply("", new TypeError("bug")), "errno=-5\n\n");
  for (const error of [inUse, new ConfigError("fwmark", '"x": wrong\nreally')]) {
    assert.throws(() => parseReply(formatReply("", error, 2), "wg1"), (back) => {
      assert.ok(back instanceof Error);
      assert.equal(back.message, error.message.replace("?", " "));
      assert.equal(back.constructor, error.constructor);
      return true;
    });
  }
  for (const text of ["errno=-22\n\n", "errno=22\n\n"]) {
    assert.throws(
      () => parseReply(text, "wg1"),
      (error) => error instanceof OsError && error.errno === 22,
    );
  }
  for (const text of ["", "listen_port=1\n", "errno=\n\n", "errno=x\n\n"]) {
    assert.throws(
      () => parseReply(text, "wg1"),
      (error) => error instanceof OsError && error.code === "EPROTO",
    );
  }
});
