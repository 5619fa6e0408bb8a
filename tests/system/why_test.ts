/**
 * `wg why` for causes that are made for real, side by side in one laboratory: wg1 on the left has a
 * peer for each cause.
 * @module
 */
import assert from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { sleep } from "./running.ts";
import { cable, may, must, ping, randomKey, tunnel, WG, wgRoom } from "./peers.ts";
import { clockFile, publicOf, startInterface } from "./short_times.ts";
import { walk } from "./tour.ts";

const facilities = needs("namespaces", "tun", "ip", "ping", "nft");

/** A cause, made with a peer of wg1. */
interface Cause {
  readonly cause: string;
  /** The endpoint of the peer, `HOST PORT`; empty for none. */
  readonly endpoint: string;
  /** Commands before, as `NAMESPACE COMMAND`. */
  readonly before?: readonly string[];
  /**
   * Words of ifconfig for an interface on the right with the peer's key; `LEFT` is wg1's public
   * key, `OTHER` that of nobody.
   */
  readonly right?: string;
  /** The inner address of the right side; by default that for which the left has a range. */
  readonly inner?: string;
  /** Words of the peer on the left, instead of its one address. */
  readonly left?: string;
  /** The key that wg1 has for the peer is another one than the peer's. */
  readonly wrongKey?: true;
  /** Nothing is sent to it from the left. */
  readonly quiet?: true;
  /** A word that the text of the verdict must have. */
  readonly word: string;
}

const CAUSES: readonly Cause[] = [
  {
    cause: "works",
    endpoint: "10.0.0.2 7300",
    right: "wgpeer LEFT wgaip 192.168.5.1/32",
    word: "",
  },
  { cause: "no-route", endpoint: "10.77.0.1 7301", word: "ENETUNREACH" },
  {
    cause: "route-unreachable",
    endpoint: "10.78.0.1 7302",
    before: ["left ip route add unreachable 10.78.0.1"],
    word: "EHOSTUNREACH",
  },
  {
    cause: "route-prohibited",
    endpoint: "10.78.0.2 7303",
    before: ["left ip route add prohibit 10.78.0.2"],
    word: "EACCES",
  },
  {
    cause: "route-blackhole",
    endpoint: "10.78.0.3 7304",
    before: ["left ip route add blackhole 10.78.0.3"],
    word: "EINVAL",
  },
  {
    cause: "refused-by-own-firewall",
    endpoint: "10.0.0.2 7305",
    before: ["left nft add rule inet t out udp dport 7305 drop"],
    word: "EPERM",
  },
  { cause: "port-refused", endpoint: "10.0.0.2 7306", word: "at its endpoint, 10.0.0.2," },
  {
    cause: "host-unreachable",
    endpoint: "10.9.0.1 7307",
    before: ["right ip route add unreachable 10.9.0.1"],
    word: "10.0.0.2, on the way,",
  },
  { cause: "net-unreachable", endpoint: "10.9.0.2 7308", word: "10.0.0.2, on the way," },
  {
    cause: "prohibited",
    endpoint: "10.9.0.3 7309",
    before: ["right ip route add prohibit 10.9.0.3"],
    word: "10.0.0.2, on the way,",
  },
  { cause: "no-neighbour", endpoint: "10.0.0.99 7310", word: "its own network" },
  {
    cause: "too-many-hops",
    endpoint: "10.9.0.4 7311",
    before: [
      "left ip route add 10.9.0.4 via 10.0.0.2 hoplimit 1",
      "right ip route add 10.9.0.4 via 10.0.0.77",
    ],
    word: "pass too many routers",
  },
  {
    cause: "no-answer",
    endpoint: "10.0.0.2 7312",
    before: ["right nft add rule inet t in udp dport 7312 drop"],
    word: "no handshake with this peer has ever completed",
  },
  {
    cause: "preshared-key-differs",
    endpoint: "10.0.0.2 7313",
    right: `wgpeer LEFT wgaip 192.168.5.1/32 wgpsk ${randomKey()}`,
    word: "no preshared key is set here",
  },
  {
    cause: "other-key-at-endpoint",
    endpoint: "10.0.0.2 7314",
    right: "wgpeer LEFT wgaip 192.168.5.1/32 wgendpoint 10.0.0.1 7111 wgpka 5",
    wrongKey: true,
    word: "10.0.0.2:7314",
  },
  {
    cause: "our-key-wrong-there",
    endpoint: "10.0.0.2 7315",
    right: "wgpeer OTHER wgaip 192.168.5.1/32 wgendpoint 10.0.0.1 7111 wgpka 5",
    word: "10.0.0.2:7315",
  },
  {
    cause: "our-key-wrong-there",
    endpoint: "10.0.0.2 7316",
    right: "wgpeer OTHER wgaip 192.168.5.1/32 wgendpoint 10.0.0.1 7111 wgpka 5",
    quiet: true,
    word: "10.0.0.2:7316",
  },
  // It is not told from here, and at length on the other side.
  { cause: "no-answer", endpoint: "10.0.0.2 7317", right: "debug", word: "we are not its peer" },
  {
    cause: "response-unused",
    endpoint: "",
    right: "wgpeer LEFT wgaip 192.168.5.1/32 wgendpoint 10.0.0.1 7111 wgpka 5",
    before: ["right nft add rule inet t in udp dport 7318 drop"],
    word: "our responses do not reach it",
  },
  {
    cause: "inner-source-not-allowed",
    endpoint: "",
    right: "wgpeer LEFT wgaip 192.168.5.1/32 wgendpoint 10.0.0.1 7111 wgpka 5",
    inner: "192.168.77.1",
    word: "192.168.77.1",
  },
  {
    cause: "inner-source-is-ours",
    endpoint: "",
    before: ["left ip address add 192.168.6.1/32 dev lo"],
    right: "wgpeer LEFT wgaip 192.168.5.1/32 wgendpoint 10.0.0.1 7111 wgpka 5",
    left: "wgaip 192.168.6.1/32",
    inner: "192.168.6.1",
    word: "an address of this machine",
  },
  {
    cause: "no-data-back",
    endpoint: "10.0.0.2 7321",
    right: "wgpeer LEFT wgaip 192.168.99.0/24",
    word: "as its keepalives show",
  },
  { cause: "no-endpoint", endpoint: "", word: "nobody knows where it is" },
  {
    cause: "endpoint-inside-tunnel",
    endpoint: "10.79.0.1 7323",
    left: "wgaip 192.168.5.25/32 wgaip 10.79.0.1/32",
    word: "10.79.0.1",
  },
  { cause: "name-unresolved", endpoint: "nobody.invalid 7324", word: "nobody.invalid" },
  {
    cause: "mtu-too-large",
    endpoint: "10.0.0.3 7325",
    before: [
      "right ip address add 10.0.0.3/24 dev cable",
      "left ip route add 10.0.0.3 dev cable mtu 1400",
    ],
    right: "wgpeer LEFT wgaip 192.168.5.1/32",
    word: "mtu 1340",
  },
  { cause: "endpoint-is-ours", endpoint: "10.0.0.1 7111", word: "is this interface itself" },
];

interface Json {
  readonly [name: string]: {
    readonly verdicts: readonly { cause: string; says: string }[];
    readonly peers: Readonly<Record<string, { cause: string; says: string }>>;
  };
}

async function why(room: Room, netns: string, ...words: string[]): Promise<Json> {
  return JSON.parse((await may(room, [`${WG} why --json`, ...words].join(" "), netns)).stdout);
}

Deno.test("the right verdict for causes that are made for real", facilities, async () => {
  await using room = await wgRoom();
  await cable(room);
  for (const [netns, chain] of [["left", "out output"], ["right", "in input"]]) {
    const [name, hook] = chain.split(" ");
    await must(room, "nft add table inet t", netns);
    const hooked = `{ type filter hook ${hook} priority 0; }`;
    await room.output(["nft", `add chain inet t ${name} ${hooked}`], { netns });
  }
  // Port unreachable is not limited, and takes nothing from the limit of the other errors.
  await must(room, "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratemask=0", "right");
  await must(room, "ip route add 10.9.0.0/24 via 10.0.0.2", "left");
  const leftKey = randomKey();
  const left = await publicOf(leftKey);
  const peers = await Promise.all(CAUSES.map(async (one, i) => {
    const key = randomKey();
    const publicKey = await publicOf(one.wrongKey === true ? randomKey() : key);
    return { inner: `192.168.5.${i + 2}`, ...one, i, key, publicKey, asked: `192.168.5.${i + 2}` };
  }));
  for (const line of peers.flatMap(({ before }) => before ?? [])) {
    const [netns, ...words] = line.split(" ");
    await must(room, words.join(" "), netns);
  }
  const words = peers.map(({ publicKey, endpoint, left, asked, cause, i }) =>
    `wgpeer ${publicKey}${endpoint === "" ? "" : ` wgendpoint ${endpoint}`} ` +
    `${left ?? `wgaip ${asked}/32`} wgdescr ${cause}-${i}`
  );
  await must(
    room,
    `ifconfig wg1 create wgport 7111 wgkey ${leftKey} ${words.join(" ")} 192.168.5.1/24`,
    "left",
  );
  await must(room, "ip route add 10.79.0.1 dev wg1", "left");
  await Promise.all(
    peers.filter(({ right }) => right !== undefined).map(async (one) => {
      const words = one.right!.replace("LEFT", left).replace("OTHER", await publicOf(randomKey()));
      const name = `wg${one.i + 10}`;
      const { inner } = one;
      await must(
        room,
        `ifconfig ${name} create wgport ${7300 + one.i} wgkey ${one.key} ${words} ${inner}/32`,
        "right",
      );
      // Each answers through its own tunnel.
      await must(room, `ip route add 192.168.5.1 dev ${name} table ${one.i + 10}`, "right");
      await must(room, `ip rule add from ${inner} lookup ${one.i + 10}`, "right");
    }),
  );
  await Promise.all(
    peers.filter(({ quiet }) => quiet === undefined)
      .map(({ asked }) => may(room, `ping -n -c 3 -i 0.3 -w 1 ${asked}`, "left")),
  );
  const pinging = peers.filter(({ inner, asked }) => inner !== asked).map(({ inner }) =>
    room.spawn(["ping", "-n", "-i", "0.5", "-I", inner, "192.168.5.1"], { netns: "right" })
  );
  let wrong: string[] = [];
  try {
    await eventually("every verdict is right", async () => {
      await sleep(1_000);
      const found = (await why(room, "left", "wg1")).wg1.peers;
      wrong = peers.filter(({ cause, publicKey }) => found[publicKey]?.cause !== cause)
        .map(({ cause, publicKey }) => `${cause}: ${JSON.stringify(found[publicKey])}`);
      return wrong.length === 0;
    });
  } catch (error) {
    console.log(`right verdicts: ${peers.length - wrong.length} of ${peers.length}`);
    throw new Error(wrong.join("\n"), { cause: error });
  } finally {
    for (const one of pinging) one.signal("SIGINT");
  }
  console.log(`right verdicts: ${peers.length} of ${peers.length}`);
  const text = await may(room, `${WG} why wg1`, "left");
  assert.equal(text.code, 1);
  for (const { word, cause } of peers) {
    assert.ok(text.stdout.includes(word), `${cause}: ${text.stdout}`);
  }
  // One peer, by its name: the exit status is that of the peer.
  const works = await may(room, `${WG} why wg1 works-0`, "left");
  assert.match(works.stdout, /^ {2}works-0 \(\S{44}\)\n {4}It works\./m);
  assert.equal(works.code, 0);

  // What can only be told on the other side.
  const ofNobody = `wg${10 + peers.findIndex(({ right }) => right === "debug")}`;
  assert.deepEqual(
    (await why(room, "right", ofNobody))[ofNobody].verdicts.map((one) => one.cause),
    [
      "no-peers",
      "stranger",
    ],
  );
  const strict = `wg${10 + peers.findIndex(({ cause }) => cause === "no-data-back")}`;
  const there = (await why(room, "right", strict))[strict].peers[left];
  assert.equal(there.cause, "inner-source-not-allowed", JSON.stringify(there));

  // What concerns the whole interface.
  await may(room, "ping -n -c 1 -w 1 192.168.5.250", "left");
  const { verdicts } = (await why(room, "left", "wg1")).wg1;
  assert.ok(verdicts.some(({ cause }) => cause === "destination-of-no-peer"));
  await must(room, "ifconfig wg1 down", "left");
  const down = (await why(room, "left", "wg1")).wg1;
  assert.deepEqual(
    [down.verdicts[0].cause, ...Object.values(down.peers).map(({ cause }) => cause)],
    Array(peers.length + 1).fill("interface-down"),
  );
  await must(room, "ifconfig wg9 create up", "left");
  assert.equal((await why(room, "left", "wg9")).wg9.verdicts[0].cause, "no-private-key");

  // The log, without debug: at most a line a minute for each peer, by its name.
  const log = await eventually("the log tells who refused", async () => {
    const text = await must(room, `${WG} dmesg wg1`, "left");
    return text.includes("says that the port is refused") && text;
  });
  for (
    const line of [
      /Unable to send to peer \d+ \(no-route-1\) at 10\.77\.0\.1:7301: .* \(ENETUNREACH\)/,
      /Unable to send to peer \d+ \(refused-by-own-firewall-5\) .* \(EPERM\)/,
      /No answer from peer \d+ \(port-refused-6\) .*: 10\.0\.0\.2 says that the port is refused/,
      /Handshake with peer \d+ \(preshared-key-differs-13\) .* often the preshared keys differ/,
      /Packet from peer \d+ \(inner-source-not-allowed-19\) has the source 192\.168\.77\.1/,
    ]
  ) assert.match(log, line);
  assert.equal(log.split("(no-route-1)").length, 2, log);
});

Deno.test("the tour of why", needs("namespaces", "tun", "ip", "ping"), async () => {
  await using room = await wgRoom();
  await tunnel(room, "10.0.0.2", "wgdescr office");
  await ping(room, "left", "192.168.5.2");
  await walk(room, "Why a peer is not reached", { netns: "left" });
});

/** Waits for the verdict about a peer of wg1 on the left. Returns it as text. */
async function verdictIs(
  room: Room,
  publicKey: string,
  cause: string,
): Promise<string> {
  let last = "";
  try {
    return await eventually(cause, async () => {
      const found = (await why(room, "left", "wg1")).wg1.peers[publicKey];
      last = JSON.stringify(found);
      return found.cause === cause && last;
    });
  } catch (error) {
    throw new Error(`${cause}: ${last}`, { cause: error });
  }
}

Deno.test("two machines with one private key", facilities, async () => {
  await using room = await wgRoom();
  await cable(room);
  const [leftKey, rightKey] = [randomKey(), randomKey()];
  const publicKeys = { left: await publicOf(leftKey), right: await publicOf(rightKey) };
  await must(
    room,
    `ifconfig wg1 create wgport 7111 wgkey ${leftKey} wgpeer ${publicKeys.right} wgaip 192.168.5.2/32 192.168.5.1/24`,
    "left",
  );
  for (const [name, port] of [["wg2", 7222], ["wg3", 7223]]) {
    await must(
      room,
      `ifconfig ${name} create up wgport ${port} wgkey ${rightKey} wgpeer ${publicKeys.left} wgaip 192.168.5.1/32 wgendpoint 10.0.0.1 7111 wgpka 1`,
      "right",
    );
  }
  const text = await verdictIs(room, publicKeys.right, "endpoint-alternates");
  assert.match(text, /"level":"warning"/);
  assert.match(text, /10\.0\.0\.2:722[23] and 10\.0\.0\.2:722[23]/);
});

const shortDaemon = `${ROOT}scripts/soak/short_daemon.ts`;

/** Starts an interface whose protocol times are divided by forty. */
async function startShort(room: Room, netns: string, name: string): Promise<void> {
  const argv = [Deno.execPath(), "run", "-A", "--quiet", "--no-check", shortDaemon, name, "1"];
  const running = room.spawn(argv, { netns });
  await running.wrote("errno=0");
}

/** Waits until an interface has sent nothing for a second, which is four times a keepalive's. */
async function isSilent(room: Room, netns: string, name: string): Promise<void> {
  const sent = async () => {
    const [{ wgpeers: [peer] }] = JSON.parse(await must(room, `ifconfig --json ${name}`, netns));
    return Number(peer.tx);
  };
  let before = await sent();
  await eventually(`${name} is silent`, async () => {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const is = await sent();
    const isSame = is === before;
    before = is;
    return isSame;
  });
}

Deno.test(
  "a peer behind a NAT: its port changes, and it is reached only when it calls",
  facilities,
  async () => {
    await using room = await wgRoom();
    for (const netns of ["left", "nat", "inside"]) await room.namespace(netns);
    await room.link(
      { netns: "left", name: "cable", addresses: ["10.0.0.1/24"] },
      { netns: "nat", name: "out", addresses: ["10.0.0.2/24"] },
    );
    await room.link(
      { netns: "nat", name: "in", addresses: ["10.1.0.1/24"] },
      { netns: "inside", name: "cable", addresses: ["10.1.0.2/24"] },
    );
    await must(room, "ip route add default via 10.1.0.1", "inside");
    await must(room, "sysctl -qw net.ipv4.ip_forward=1", "nat");
    const nat = async (port: number) => {
      // The entries of a masquerade end with the address.
      await must(room, "ip address flush dev out", "nat");
      const rules = `flush ruleset
      table ip t {
        chain post { type nat hook postrouting priority 100; ip saddr 10.1.0.2 udp dport 7111 masquerade to :${port}; }
        chain in { type filter hook input priority 0; iifname out udp dport { 4000, 5000 } drop; }
      }`;
      await room.output(["nft", "-f", "-"], { netns: "nat", stdin: rules });
      await must(room, "ip address add 10.0.0.2/24 dev out", "nat");
    };
    await nat(4000);
    const keys = { left: randomKey(), inside: randomKey() };
    const publicKeys = { left: await publicOf(keys.left), inside: await publicOf(keys.inside) };
    await Promise.all([startShort(room, "left", "wg1"), startShort(room, "inside", "wg2")]);
    await must(
      room,
      `ifconfig wg1 wgport 7111 wgkey ${keys.left} wgpeer ${publicKeys.inside} wgaip 192.168.5.2/32 192.168.5.1/24`,
      "left",
    );
    await must(
      room,
      `ifconfig wg2 wgkey ${keys.inside} wgpeer ${publicKeys.left} wgaip 192.168.5.1/32 wgendpoint 10.0.0.1 7111 192.168.5.2/24`,
      "inside",
    );
    const verdict = (cause: string) => verdictIs(room, publicKeys.inside, cause);
    await must(room, "ping -n -c 2 -w 60 192.168.5.1", "inside");
    await verdict("works");
    await nat(5000);
    await must(room, "ping -n -c 2 -w 60 192.168.5.1", "inside");
    assert.match(await verdict("nat-changed-port"), /10\.0\.0\.2:4000 to 10\.0\.0\.2:5000/);
    // The NAT forgets the peer, which has nothing to send. A keepalive that it owes would open it.
    await isSilent(room, "inside", "wg2");
    await nat(4000);
    const pinging = room.spawn(["ping", "-n", "-i", "0.2", "192.168.5.2"], { netns: "left" });
    await verdict("nat-closed");
    // A NAT that refuses the port of old instead of dropping what comes to it.
    await must(room, "nft flush chain ip t in", "nat");
    await eventually(
      "the refused port is the NAT's",
      async () => /the port is refused/.test(await verdict("nat-closed")),
    );
    pinging.signal("SIGINT");
    await pinging.status;
    await must(room, "ping -n -c 2 -w 60 192.168.5.1", "inside");
    assert.match(await verdict("keepalive-missing"), /changed its port from 5000 to 4000/);
  },
);

Deno.test("a peer whose clock is behind", facilities, async () => {
  await using room = await wgRoom();
  await cable(room);
  const [leftKey, rightKey] = [randomKey(), randomKey()];
  const publicKeys = { left: await publicOf(leftKey), right: await publicOf(rightKey) };
  await must(
    room,
    `ifconfig wg1 create wgport 7111 wgkey ${leftKey} wgpeer ${publicKeys.right} wgaip 192.168.5.2/32 192.168.5.1/24`,
    "left",
  );
  const configuration = `private_key=${Uint8Array.fromBase64(rightKey).toHex()}\npublic_key=${
    Uint8Array.fromBase64(publicKeys.left).toHex()
  }\nendpoint=10.0.0.1:7111\nallowed_ip=192.168.5.1/32\npersistent_keepalive_interval=1\n\n`;
  // A session of before its restart counts for half a minute.
  const verdict = (cause: string) => verdictIs(room, publicKeys.right, cause);
  const first = await startInterface(room, "right", "wg2", 1, configuration);
  await must(room, "ip link set wg2 up", "right");
  await verdict("works");
  first.signal("SIGTERM");
  await first.status;
  await room.output(["sh", "-c", `echo -3600 >${clockFile("wg2")}`]);
  await startInterface(room, "right", "wg2", 1, configuration);
  await must(room, "ip link set wg2 up", "right");
  assert.match(await verdict("clock-behind"), /(59 minutes|1 hour)/);
});

Deno.test({
  name: "an interface of wireguard-go that is down, and then up",
  ...needs("namespaces", "tun", "ip", "wireguard-go"),
  fn: async () => {
    await using room = await wgRoom();
    await must(room, "wireguard-go wg3");
    await must(room, `${WG} set wg3 peer ${await publicOf(randomKey())} allowed-ips 10.7.0.2/32`);
    const down = await may(room, `${WG} why wg3`);
    assert.equal(down.code, 1);
    assert.match(down.stdout, /The interface wg3 is down\./);
    await must(room, "ip link set wg3 up");
    assert.doesNotMatch((await may(room, `${WG} why wg3`)).stdout, / is down\./);
    await must(room, "ip link del wg3");
  },
});
