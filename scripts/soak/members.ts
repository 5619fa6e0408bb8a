/**
 * The interfaces of a soak: how each is started, named, addressed and asked.
 *
 * Three namespaces are joined through a router. Three interfaces have short protocol times or are
 * wireguard-go's, and are all peers of each other; three others are those of ./wg, also peers of
 * each other, of which the last is killed now and then.
 * @module
 */
import { V8_FLAGS } from "../../lib/daemon/packed.ts";
import { type KeyPair, makeKeyPair, uapi } from "../bench/uapi.ts";
import { ROOT } from "../built.ts";
import { eventually, Room } from "../netlab.ts";

/** How long an operation of a control socket may take on a busy machine. */
const ASK_MS = 30_000;

/** What runs the interface. `killed` is ./wg, ended by SIGKILL now and then. */
export type MemberKind = "short" | "program" | "killed" | "wireguard-go";

/** An interface of the soak. Its fields change with what is done to it. */
export interface Member {
  readonly id: number;
  readonly kind: MemberKind;
  readonly workers: 1 | 2;
  readonly netns: string;
  /** The interface's name now. */
  name: string;
  keys: KeyPair;
  port: number;
  /** The last byte of its outer address. */
  outer: number;
  /** The process id as this program sees it. */
  pid: number;
  readonly peers: Map<Member, { psk: Uint8Array }>;
  /** Public keys of peers that nobody is behind. */
  strangers: string[];
}

/** What the members are. */
const PLAN: readonly Pick<Member, "id" | "kind" | "workers" | "netns">[] = [
  { id: 1, kind: "short", workers: 1, netns: "a" },
  { id: 2, kind: "short", workers: 2, netns: "b" },
  { id: 3, kind: "wireguard-go", workers: 1, netns: "c" },
  { id: 4, kind: "program", workers: 1, netns: "a" },
  { id: 5, kind: "program", workers: 1, netns: "b" },
  { id: 6, kind: "killed", workers: 1, netns: "c" },
];
const NETWORKS: Readonly<Record<string, number>> = { a: 1, b: 2, c: 3 };
/** The namespace that the others are joined by. Floods come from there. */
export const ROUTER = "router";
/** Where the sources of floods are. */
export const FLOOD_SOURCES = "10.1.0.0/16";
const MTU = 1_420;

/** The two groups have networks of their own inside. */
const inner = (member: Member) => member.id <= 3 ? 50 : 51;
/** The address inside the tunnels. */
export const innerAddress = (member: Member, family: 4 | 6): string =>
  family === 4 ? `10.${inner(member)}.0.${member.id}` : `fd${inner(member)}::${member.id}`;
/** The address outside of the tunnels. */
export const outerAddress = (member: Member): string =>
  `10.0.${NETWORKS[member.netns]}.${member.outer}`;

export class Members {
  readonly all: readonly Member[];
  /** Every two that are peers. */
  readonly pairs: readonly (readonly [Member, Member])[];

  private constructor(readonly room: Room, all: readonly Member[]) {
    this.all = all;
    this.pairs = all.flatMap((one) =>
      [...one.peers.keys()].filter((other) => other.id > one.id).map((other) =>
        [one, other] as const
      )
    );
  }

  /** Makes namespaces and interfaces, all peers of each other. */
  static async open(room: Room): Promise<Members> {
    await room.install(`${ROOT}wg`, ["ifconfig"]);
    await room.namespace(ROUTER);
    const route = (netns: string, words: string) =>
      room.output(["ip", "-n", netns, ...words.split(" ")]);
    for (const [netns, number] of Object.entries(NETWORKS)) {
      await room.namespace(netns);
      await room.link(
        {
          netns,
          name: "wire",
          addresses: [`10.0.${number}.2/24`, `10.0.${number}.3/24`, `fd00:${number}::2/64`],
        },
        {
          netns: ROUTER,
          name: `to-${netns}`,
          addresses: [`10.0.${number}.1/24`, `fd00:${number}::1/64`],
        },
      );
      await route(netns, `route add default via 10.0.${number}.1`);
      await route(netns, `-6 route add default via fd00:${number}::1`);
    }
    const forward =
      "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding";
    await room.output(["sh", "-c", forward], { netns: ROUTER });
    await route(ROUTER, `route add local ${FLOOD_SOURCES} dev lo`);

    const all: Member[] = [];
    for (const plan of PLAN) {
      all.push({
        ...plan,
        name: `wg${plan.id}`,
        keys: await makeKeyPair(),
        port: 5_000 + plan.id,
        outer: 2,
        pid: 0,
        peers: new Map(),
        strangers: [],
      });
    }
    for (const one of all) {
      for (const other of all) {
        if (one.id >= other.id || inner(one) !== inner(other)) continue;
        const link = { psk: crypto.getRandomValues(new Uint8Array(32)) };
        one.peers.set(other, link);
        other.peers.set(one, link);
      }
    }
    const members = new Members(room, all);
    for (const member of all) await members.start(member);
    return members;
  }

  /** Starts the process of an interface and configures it whole. */
  async start(member: Member): Promise<void> {
    const { room } = this;
    const { name, netns, kind } = member;
    if (kind === "program" || kind === "killed") {
      await room.output(["ifconfig", name, "create"], { netns });
    } else {
      const program = kind === "wireguard-go" ? ["wireguard-go", "-f", name] : [
        ...[Deno.execPath(), "run", "-A", "--quiet", "--no-check", V8_FLAGS],
        ...[`${ROOT}scripts/soak/short_daemon.ts`, name, String(member.workers)],
      ];
      const folder = 'mkdir -p /run/wireguard && exec "$@" </dev/null';
      room.spawn(["sh", "-c", folder, "sh", ...program], { netns, env: { LOG_LEVEL: "error" } });
    }
    await eventually(`${name} answers`, () => this.ask(member, "get=1").catch(() => undefined));
    member.pid = this.#pidOf(member);
    await this.configure(member);
    await this.address(member);
  }

  /** Sends a member its key, port and peers. */
  async configure(member: Member): Promise<void> {
    const peers = [...member.peers.keys()].map((peer) => this.peerText(member, peer));
    await this.ask(
      member,
      `set=1\nprivate_key=${member.keys.private.toHex()}\nlisten_port=${member.port}\n` +
        `replace_peers=true\n${peers.join("\n")}`,
    );
    member.strangers = [];
  }

  /** The lines of a set that make `peer` a peer of `member`. */
  peerText(member: Member, peer: Member): string {
    const lines = [
      `public_key=${peer.keys.public.toHex()}`,
      `preshared_key=${member.peers.get(peer)?.psk.toHex()}`,
      `endpoint=${outerAddress(peer)}:${peer.port}`,
      "replace_allowed_ips=true",
      `allowed_ip=${innerAddress(peer, 4)}/32`,
      `allowed_ip=${innerAddress(peer, 6)}/128`,
    ];
    // wireguard-go keeps a session of its usual length, which we give up after a few seconds.
    if (member.kind === "short" && peer.kind === "wireguard-go") {
      lines.push("persistent_keepalive_interval=1");
    }
    return lines.join("\n");
  }

  /** Gives the link its addresses and MTU, and sets it up. */
  async address(member: Member): Promise<void> {
    const { name, netns } = member;
    const script = `ip address replace ${innerAddress(member, 4)}/24 dev ${name} && ` +
      `ip address replace ${innerAddress(member, 6)}/64 dev ${name} nodad && ` +
      `ip link set ${name} mtu ${MTU} up`;
    await this.room.output(["sh", "-c", script], { netns });
  }

  /** The control socket as this program sees it. */
  socket(member: Member): string {
    return `/proc/${this.room.pid}/root/run/wireguard/${member.name}.sock`;
  }

  /** An operation of the control socket. */
  async ask(member: Member, request: string): Promise<string> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new Error(`${member.name}: no answer within ${ASK_MS / 1_000} s`);
      timer = setTimeout(() => reject(error), ASK_MS);
    });
    const answer = uapi(this.socket(member), request);
    answer.catch(() => {});
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The process that has a member's name among its arguments, as this program sees it. */
  #pidOf(member: Member): number {
    const namespace = Deno.readLinkSync(`/proc/${this.room.pid}/ns/pid`);
    for (const entry of Deno.readDirSync("/proc")) {
      const pid = Number(entry.name);
      if (!Number.isInteger(pid)) continue;
      try {
        if (Deno.readLinkSync(`/proc/${pid}/ns/pid`) !== namespace) continue;
        const words = Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0");
        if (words.includes(member.name) && /(^|\/)(deno|wg|wireguard-go)$/.test(words[0])) {
          return pid;
        }
      } catch {
        // It has ended meanwhile.
      }
    }
    throw new Error(`${member.name}: its process is not there`);
  }
}
