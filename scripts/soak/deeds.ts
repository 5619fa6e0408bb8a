/**
 * What is done to the interfaces of a soak besides traffic. Each deed leaves everything as the
 * members say it is.
 * @module
 */
import { fileURLToPath } from "node:url";
import type { Chance } from "../../tests/random.ts";
import { makeKeyPair } from "../bench/uapi.ts";
import { eventually } from "../netlab.ts";
import { type Member, type Members, outerAddress, ROUTER } from "./members.ts";

const FLOOD = fileURLToPath(import.meta.resolve("../bench/flood_load.ts"));
const STRANGERS = 20;
/** A flood, in datagrams a second and seconds: enough for cookies. */
const FLOOD_RATE = 12_000;
const FLOOD_SECONDS = 2;
const HANGING = 8;
const FLOODING = 10;
const GETS = 30;

/** What a deed is given. */
export interface DeedContext {
  readonly members: Members;
  readonly chance: Chance;
  readonly pause: (seconds: number) => Promise<void>;
}

type Deed = (context: DeedContext, member: Member) => Promise<void>;

/** SIGKILL, and a new start under the same name. */
export async function killAndRestart(
  { members, pause }: DeedContext,
  member: Member,
): Promise<void> {
  try {
    Deno.kill(member.pid, "SIGKILL");
  } catch (error) {
    // An earlier start failed.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  await pause(2);
  await members.start(member);
}

/** Everything that can be done to an interface of ours, by its name in the report. */
export const DEEDS: Readonly<Record<string, Deed>> = {
  /** Peers that nobody is behind come, and go at the next turn. */
  async "peers added, removed"({ members }, member) {
    const lines = member.strangers.map((key) => `public_key=${key}\nremove=true`);
    member.strangers = [];
    if (lines.length === 0) {
      for (let i = 0; i < STRANGERS; i++) {
        const key = (await makeKeyPair()).public.toHex();
        member.strangers.push(key);
        lines.push(`public_key=${key}\nallowed_ip=10.90.${member.id}.${i}/32`);
      }
    }
    await members.ask(member, `set=1\n${lines.join("\n")}`);
  },

  async "private key changed"({ members }, member) {
    const before = member.keys.public.toHex();
    member.keys = await makeKeyPair();
    for (const peer of member.peers.keys()) {
      await members.ask(peer, `set=1\n${members.peerText(peer, member)}`);
    }
    await members.ask(member, `set=1\nprivate_key=${member.keys.private.toHex()}`);
    for (const peer of member.peers.keys()) {
      await members.ask(peer, `set=1\npublic_key=${before}\nremove=true`);
    }
  },

  async "psk changed"({ members, chance }, member) {
    const [peer, link] = chance.oneOf([...member.peers]);
    crypto.getRandomValues(link.psk);
    for (const [one, other] of [[member, peer], [peer, member]]) {
      const key = `public_key=${other.keys.public.toHex()}\npreshared_key=${link.psk.toHex()}`;
      await members.ask(one, `set=1\n${key}`);
    }
  },

  async "endpoint moved"({ members }, member) {
    member.outer = member.outer === 2 ? 3 : 2;
    for (const peer of member.peers.keys()) {
      const endpoint = `endpoint=${outerAddress(member)}:${member.port}`;
      await members.ask(peer, `set=1\npublic_key=${member.keys.public.toHex()}\n${endpoint}`);
    }
  },

  async "port changed"({ members }, member) {
    member.port = member.port < 6_000 ? member.port + 1_000 : member.port - 1_000;
    await members.ask(member, `set=1\nlisten_port=${member.port}`);
    for (const peer of member.peers.keys()) {
      const endpoint = `endpoint=${outerAddress(member)}:${member.port}`;
      await members.ask(peer, `set=1\npublic_key=${member.keys.public.toHex()}\n${endpoint}`);
    }
  },

  async "down and up by ip"({ members, pause }, member) {
    const set = (word: string) =>
      members.room.output(["ip", "-n", member.netns, "link", "set", member.name, word]);
    await set("down");
    await pause(0.5);
    await set("up");
    await members.address(member);
  },

  async "down and up by the daemon"({ members, pause }, member) {
    await members.ask(member, "link=down");
    await pause(0.5);
    await members.ask(member, "link=up");
  },

  async renamed({ members }, member) {
    const name = `wg${member.name === `wg${member.id}` ? 10 + member.id : member.id}`;
    const { room } = members;
    await room.output(["ip", "-n", member.netns, "link", "set", member.name, "name", name]);
    member.name = name;
    await eventually(
      `${name} answers after its renaming`,
      () => members.ask(member, "get=1").catch(() => undefined),
    );
  },

  async "mtu changed"({ members, chance, pause }, member) {
    const set = (mtu: number) =>
      members.room.output(
        ["ip", "-n", member.netns, "link", "set", member.name, "mtu", String(mtu)],
      );
    await set(1_280 + chance.int(200));
    await pause(3);
    await set(1_420);
  },

  async "wg show"({ members }, member) {
    for (let i = 0; i < 5; i++) {
      await members.room.output(["wg", "show", member.name, "dump"], { netns: member.netns });
    }
  },

  /** They say half of an operation, or nothing, and stay. */
  async "clients that hang"({ members, pause }, member) {
    const path = members.socket(member);
    const clients: Deno.UnixConn[] = [];
    try {
      for (let i = 0; i < HANGING; i++) {
        const client = await Deno.connect({ transport: "unix", path });
        clients.push(client);
        if (i % 2 === 0) await client.write(new TextEncoder().encode("set=1\nfwma"));
      }
      await pause(11);
    } finally {
      for (const client of clients) client.close();
    }
  },

  /** Clients that ask on and on before they read an answer. */
  async "control socket flooded"({ members }, member) {
    const path = members.socket(member);
    const asked = new TextEncoder().encode("get=1\n\n".repeat(GETS));
    await Promise.all(Array.from({ length: FLOODING }, async () => {
      using client = await Deno.connect({ transport: "unix", path });
      await client.write(asked);
      await client.closeWrite();
      const piece = new Uint8Array(65_536);
      while (await client.read(piece).catch(() => null) !== null);
    }));
  },

  async "handshake flood"({ members }, member) {
    const key = member.keys.public.toBase64();
    const to = [outerAddress(member), String(member.port), key];
    const argv = [Deno.execPath(), "run", "-A", "--quiet", "--no-check", FLOOD, "initiations"];
    const rate = [String(FLOOD_SECONDS), String(FLOOD_RATE)];
    await members.room.output([...argv, ...to, ...rate], { netns: ROUTER });
  },

  "killed and started": killAndRestart,
};
