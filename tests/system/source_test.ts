/**
 * The source address of outer packets on a host with two uplinks: it is the one that the peer wrote
 * to while the way back leaves by the same link, and the kernel's choice with the very next packet
 * when routes, rules, addresses or links change that.
 * @module
 */
import { equal, match } from "node:assert/strict";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { create, may, must, publicKey, randomKey, wgRoom } from "./peers.ts";

/**
 * How long a change may take to be heard of. What is forgotten only for lack of answers takes 15 s.
 */
const HEARD_MS = 2_000;
const heard = () => new Promise((resolve) => setTimeout(resolve, HEARD_MS));

interface Family {
  readonly ip: string;
  /** Of the two uplinks: the left side's addresses, the right side's, and prefix lengths. */
  readonly left: readonly [string, string];
  readonly right: readonly [string, string];
  readonly prefix: number;
  /** Where the right side's interface is, behind both. */
  readonly endpoint: string;
  readonly inner: readonly [string, string];
}

const FAMILIES: readonly Family[] = [
  {
    ip: "ip",
    left: ["10.0.1.1", "10.0.2.1"],
    right: ["10.0.1.2", "10.0.2.2"],
    prefix: 24,
    endpoint: "10.0.9.2",
    inner: ["192.168.5.1", "192.168.5.2"],
  },
  {
    ip: "ip -6",
    left: ["fd01::1", "fd02::1"],
    right: ["fd01::2", "fd02::2"],
    prefix: 64,
    endpoint: "fd09::2",
    inner: ["fd05::1", "fd05::2"],
  },
];

/**
 * The left side with uplinks `one` and `two` to the right side, which takes packets only by the
 * uplink that their source belongs to, as providers do.
 */
async function twoUplinks(room: Room, family: Family, workers: 1 | 2): Promise<void> {
  const { ip, left, right, prefix, endpoint, inner } = family;
  const v6 = ip !== "ip";
  await room.namespace("left");
  await room.namespace("right");
  for (const [i, name] of ["one", "two"].entries()) {
    await room.link(
      { netns: "left", name, addresses: [`${left[i]}/${prefix}`] },
      { netns: "right", name, addresses: [`${right[i]}/${prefix}`] },
    );
  }
  await must(room, `${ip} address add ${endpoint}/${v6 ? 128 : 32} dev lo`, "right");
  const saddr = v6 ? "ip6 saddr" : "ip saddr";
  await room.output(["nft", "-f", "-"], {
    netns: "right",
    stdin: `table inet provider { chain in { type filter hook input priority 0;
      iifname "one" ${saddr} ${left[1]} drop; iifname "two" ${saddr} ${left[0]} drop; }; }\n`,
  });
  await must(room, `${ip} route add ${endpoint} via ${right[0]} metric 100`, "left");
  await must(room, `${ip} route add ${endpoint} via ${right[1]} metric 200`, "left");
  const keys = [randomKey(), randomKey()];
  await create(room, "wg1", "left", `wgport 7111 wgkey ${keys[0]}`, workers);
  await create(room, "wg2", "right", `wgport 7222 wgkey ${keys[1]}`, workers);
  const width = v6 ? 128 : 32;
  await must(
    room,
    `ifconfig wg2 wgpeer ${await publicKey(room, "wg1")} wgaip ${inner[0]}/${width}`,
    "right",
  );
  const peer = `wgpeer ${await publicKey(room, "wg2")} wgendpoint ${endpoint} 7222 wgaip ${
    inner[1]
  }/${width}`;
  const words = v6 ? "inet6 " : "";
  await must(room, `ifconfig wg2 ${words}${inner[1]}/${prefix}`, "right");
  await must(room, `ifconfig wg1 ${peer}`, "left");
  await must(room, `ifconfig wg1 ${words}${inner[0]}/${prefix}`, "left");
  await must(room, `ping -n -c 1 -w 60 -W 60 ${inner[1]}`, "left");
  // The left side knows now to which of its addresses the right side writes.
  await must(room, `ping -n -c 1 -W 60 ${inner[1]}`, "left");
}

/** What leads the left side to the other uplink, and, where it can be taken back, back. */
const CHANGES: readonly (readonly [
  name: string,
  there: (family: Family) => string,
  back: (family: Family) => string,
])[] = [
  [
    "route",
    ({ ip, endpoint, right }) => `${ip} route add ${endpoint} via ${right[1]} metric 50`,
    ({ ip, endpoint, right }) => `${ip} route del ${endpoint} via ${right[1]} metric 50`,
  ],
  [
    "rule",
    ({ ip }) => `${ip} rule add pref 50 lookup 50`,
    ({ ip }) => `${ip} rule del pref 50 lookup 50`,
  ],
  [
    "rule by port",
    ({ ip }) => `${ip} rule add pref 50 ipproto udp dport 7222 lookup 50`,
    ({ ip }) => `${ip} rule del pref 50 ipproto udp dport 7222 lookup 50`,
  ],
  [
    "link down",
    () => "ip link set one down",
    ({ ip, endpoint, right, left, prefix }) =>
      `sh -c ip link set one up; ${ip} address replace ${left[0]}/${prefix} dev one ${
        ip === "ip" ? "" : "nodad"
      }; ` +
      `until ${ip} route add ${endpoint} via ${right[0]} metric 100; do sleep 0.1; done`,
  ],
  // IPv4 takes the routes along.
  [
    "address",
    ({ ip, endpoint, right, left, prefix }) =>
      `sh -c ${ip} address del ${left[0]}/${prefix} dev one; ${ip} route del ${endpoint} via ${
        right[0]
      } || :`,
    () => "",
  ],
];

async function act(room: Room, command: string): Promise<void> {
  if (command.startsWith("sh -c ")) {
    await room.output(["sh", "-c", command.slice(6)], { netns: "left" });
  } else await must(room, command, "left");
}

async function follows(room: Room, family: Family, busy: boolean, workers: 1 | 2): Promise<void> {
  await twoUplinks(room, family, workers);
  const { ip, endpoint, left, right, inner } = family;
  await must(room, `${ip} route add ${endpoint} via ${right[1]} table 50`, "left");
  // What the right side sends while it does not know of the change comes in by the old uplink.
  const background = busy
    ? room.spawn(["ping", "-n", "-i", "0.02", inner[0]], { netns: "right" })
    : undefined;
  const seen = async (address: string) =>
    (await must(room, "ifconfig wg2")).includes(`wgendpoint ${address} 7111\n`);
  const next = async (what: string, address: string) => {
    await heard();
    // With traffic both ways a packet under way may tell the right side of the old address last, so
    // that one answer is lost. Without it the very first packet is answered.
    const packets = busy ? "-c 3 -i 0.5 -W 2" : "-c 1 -W 5";
    const { code, stdout } = await may(room, `ping -n ${packets} ${inner[1]}`, "left");
    equal(code, 0, `${what}: ${stdout}`);
    // In the background a late answer from the old address may have come in last.
    await eventually(`${what}: the right side sees ${address}`, () => seen(address), 14_000);
  };
  equal(await seen(left[0]), true);
  for (const [name, there, back] of CHANGES) {
    await act(room, there(family));
    await next(name, left[1]);
    if (back(family) === "") continue;
    await act(room, back(family));
    await next(`${name} taken back`, left[0]);
  }
  background?.signal("SIGINT");
  await background?.status;
}

const facilities = needs("namespaces", "tun", "ip", "ping", "ipv6", "nft");

for (const [workers, busy] of [[1, false], [2, false], [1, true], [2, true]] as const) {
  Deno.test(
    `another uplink: the next packet goes by it, from its address; ${workers} Worker${
      workers === 1 ? "" : "s"
    }, ` +
      `${busy ? "while packets come in by the old one" : "idle"}`,
    facilities,
    async () => {
      await Promise.all(FAMILIES.map(async (family) => {
        await using room = await wgRoom();
        await follows(room, family, busy, workers);
      }));
    },
  );
}

Deno.test(
  "the source address stays while the route does not change",
  facilities,
  async () => {
    await using room = await wgRoom();
    const [family] = FAMILIES;
    await twoUplinks(room, family, 1);
    const { right, inner } = family;
    // A second address of the same uplink, which the kernel would not choose.
    await must(room, "ip -n left address add 10.0.1.9/24 dev one");
    await must(
      room,
      `ifconfig wg2 wgpeer ${await publicKey(room, "wg1")} wgendpoint 10.0.1.9 7111`,
      "right",
    );
    await must(room, `ping -n -c 1 -w 60 -W 60 ${inner[0]}`, "right");
    const endpoint = async () =>
      match(await must(room, "ifconfig wg2"), /wgendpoint 10\.0\.1\.9 7111\n/);
    await endpoint();
    for (
      const change of [
        "ip route add 10.9.0.0/16 via 10.0.2.2",
        "ip rule add pref 60 to 10.8.0.0/16 lookup 50",
        "ip address add 10.0.2.9/24 dev two",
        "ip link set two down",
        "ip link set two up",
        // The link goes and comes back: nothing is sent meanwhile, and then everything is as
        // before.
        `sh -c ip link set one down; ip link set one up; ip route add 10.0.9.2 via ${
          right[0]
        } metric 100`,
      ]
    ) {
      await act(room, change);
      await heard();
      await must(room, `ping -n -c 1 -W 60 ${inner[1]}`, "left");
      await endpoint();
    }
  },
);

Deno.test("in another rdomain its own routes are used", facilities, async () => {
  await using room = await wgRoom();
  const [family] = FAMILIES;
  await twoUplinks(room, family, 1);
  // The sockets go where the uplinks are, and the interface was made elsewhere.
  await room.namespace("elsewhere");
  await room.output([
    "sh",
    "-c",
    "touch /run/netns/rdomain7; mount --bind /run/netns/left /run/netns/rdomain7",
  ]);
  const key = randomKey();
  await must(room, `ifconfig wg3 create wgport 7333 wgkey ${key} wgrtable 7`, "elsewhere");
  await must(
    room,
    `ifconfig wg2 wgpeer ${await publicKey(room, "wg3")} wgaip 192.168.5.3/32`,
    "right",
  );
  const peer = `wgpeer ${await publicKey(
    room,
    "wg2",
  )} wgendpoint ${family.endpoint} 7222 wgaip 192.168.5.2/32`;
  await must(room, `ifconfig wg3 ${peer} 192.168.5.3/24`, "elsewhere");
  await must(room, "ping -n -c 2 -i 0.2 -w 60 -W 60 192.168.5.2", "elsewhere");
  match(await must(room, "ifconfig wg2"), /wgendpoint 10\.0\.1\.1 7333\n/);
  await must(room, "ip route add 10.0.9.2 via 10.0.2.2 metric 50", "left");
  await heard();
  await must(room, "ping -n -c 1 -W 60 192.168.5.2", "elsewhere");
  match(await must(room, "ifconfig wg2"), /wgendpoint 10\.0\.2\.1 7333\n/);
});
