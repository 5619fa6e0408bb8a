/**
 * A machine on which a wg-quick file goes up and down: a room with an uplink `eth0`, name servers
 * by openresolv, and everything that the files of quick_files ask for. `state` reads all that `up`
 * changes, in a form that is the same on every such machine.
 * @module
 */
import { type Ran, type Room } from "../../scripts/netlab.ts";
import { layOver } from "../../scripts/unpacked.ts";
import { WG, wgRoom } from "./peers.ts";

/** The folder of the files in the room. */
const FOLDER = "/run/q";

/**
 * Names that the files use, a table's name, and chains that iptables makes at their first use and
 * leaves behind. The first uplink is Ethernet's; 198.51.100.0/24 lies behind a narrow way.
 */
const SET_UP = `
mkdir -m 700 ${FOLDER}
# Nobody else has an address of theirs, and each file would wait for a second or two.
sysctl -q -w net.ipv6.conf.default.accept_dad=0
mount -t sysfs sysfs /sys
cat >>/etc/hosts <<END
203.0.113.5 vpn.example.com
203.0.113.6 engage.example.com
END
mkdir -p /etc/iproute2/rt_tables.d
echo 300 vpn >/etc/iproute2/rt_tables.d/vpn.conf
rm -f /etc/resolv.conf
printf 'nameserver 192.0.2.1\nsearch lan\n' | resolvconf -a eth0
ip link add eth0 type veth peer name world
ip address add 192.0.2.2/24 dev eth0
ip address add 2001:db8::2/64 dev eth0 nodad
ip link set eth0 addrgenmode none
ip link set world addrgenmode none
ip link set world up
ip link set eth0 up
ip route add default via 192.0.2.254
ip -6 route add default via 2001:db8::fe
ip route add 198.51.100.0/24 via 192.0.2.253 mtu 1400
for command in iptables ip6tables; do
  for chain in "filter INPUT" "filter FORWARD" "filter OUTPUT" "nat POSTROUTING"; do
    set -- $chain
    $command -t $1 -A $2 -j ACCEPT
    $command -t $1 -D $2 -j ACCEPT
  done
done
`;

/** The parts of the state and the commands that tell them, for a shell. */
const PARTS = {
  links: "ip -j link show",
  addresses: "ip -j address show",
  "routes of IPv4": "ip -j -d -4 route show table all",
  "routes of IPv6": "ip -j -d -6 route show table all",
  "rules of IPv4": "ip -j -4 rule show",
  "rules of IPv6": "ip -j -6 rule show",
  nftables: "nft -j list ruleset",
  settings: "sysctl net.ipv4.conf.all.src_valid_mark net.ipv4.ip_forward",
  "resolv.conf": "cat /etc/resolv.conf",
  "resolvconf": "resolvconf -l",
  interface: `for name in $(/usr/bin/wg show interfaces); do /usr/bin/wg showconf $name; done`,
  hooks: `cat ${FOLDER}/hooks 2>/dev/null || true`,
} as const;

/** The state of a machine: what each part has, in lines that can be compared. */
export type MachineState = Readonly<Record<keyof typeof PARTS, readonly string[]>>;

/** A machine for files, and the words that bring one up or down there. */
export class QuickMachine {
  readonly #room: Room;
  readonly #words: readonly string[];
  readonly #env: Record<string, string>;

  private constructor(room: Room, words: readonly string[], env: Record<string, string>) {
    this.#room = room;
    this.#words = words;
    this.#env = env;
  }

  /** A machine with `wg quick` of this program, whose `wg` is the one that hooks find. */
  static async ours(): Promise<QuickMachine> {
    const room = await newRoom();
    await room.install(WG, ["wg"]);
    return new QuickMachine(room, [WG, "quick"], {});
  }

  /** A machine with wg-quick and wg of wireguard-tools, and this program as the implementation. */
  static async theirs(): Promise<QuickMachine> {
    const env = { WG_QUICK_USERSPACE_IMPLEMENTATION: WG };
    return new QuickMachine(await newRoom(), ["wg-quick"], env);
  }

  /** Runs `up`, `down` or another verb for a file that was written. */
  async quick(verb: string, name: string): Promise<Ran> {
    const file = `${FOLDER}/${name}.conf`;
    return await this.#room.run([...this.#words, verb, file], { env: this.#env });
  }

  /** Writes a file. */
  async write(name: string, bytes: string): Promise<void> {
    const script = `umask 077; base64 -d >"${FOLDER}/$1.conf"`;
    await this.#room.output(["sh", "-ec", script, "sh", name], { stdin: bytes });
  }

  /** The lines of a file in the folder; none if it is not there. */
  async lines(file: string): Promise<string[]> {
    const { stdout } = await this.#room.run(["cat", `${FOLDER}/${file}`]);
    return stdout.split("\n").map((line) => line.trim());
  }

  /** What `up` and `down` change. */
  async state(): Promise<MachineState> {
    const mark = "=====";
    const script = Object.values(PARTS).join(`; echo "${mark}"; `);
    const texts = (await this.#room.output(["sh", "-c", script])).split(`${mark}\n`);
    const parts = Object.keys(PARTS).map((part, i) => [part, normal(texts[i])]);
    return Object.fromEntries(parts);
  }

  /** Sets what wg-quick of wireguard-tools leaves changed. */
  async reset(): Promise<void> {
    await this.#room.output(["sysctl", "-q", "-w", "net.ipv4.conf.all.src_valid_mark=0"]);
  }

  async close(): Promise<void> {
    await this.#room.close();
  }
}

async function newRoom(): Promise<Room> {
  const room = await wgRoom();
  await layOver(room, "openresolv");
  await room.output(["sh", "-ec", SET_UP]);
  return room;
}

/** Keys of JSON whose values differ from machine to machine, or from moment to moment. */
const CHANCE = new Set([
  "ifindex",
  "link_index",
  "handle",
  "valid_life_time",
  "preferred_life_time",
  "operstate",
  "tentative",
  "metainfo",
]);

/** A text in lines without what is chance. Objects of JSON are one line each. */
function normal(text: string): string[] {
  if (!/^\s*(\[\{|\[\]|\{"nftables")/.test(text)) {
    return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  }
  const parsed = JSON.parse(text);
  const list: unknown[] = Array.isArray(parsed) ? parsed : parsed.nftables;
  return list.map((one) =>
    JSON.stringify(one, (key, value) => isChance(key, value) ? undefined : value)
  ).filter((line) => line !== "{}");
}

function isChance(key: string, value: unknown): boolean {
  const isMac = key === "address" && /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(String(value));
  return CHANCE.has(key) || isMac;
}
