/**
 * Rules of nftables that count packets in a namespace and change nothing.
 * @module
 */
import type { Room } from "../../scripts/netlab.ts";

/** The kinds of messages, by their first byte, which nftables finds after the UDP header. */
export const MESSAGE = {
  initiation: "@th,64,8 1",
  response: "@th,64,8 2",
  cookieReply: "@th,64,8 3",
  data: "@th,64,8 4",
} as const;

/** Where packets are counted. */
export type Hook = "input" | "output" | "postrouting";

/**
 * Counts the packets that match: each name has an expression. Rules of an earlier call in this
 * namespace are removed.
 */
export async function countPackets(
  room: Room,
  netns: string,
  hook: Hook,
  expressions: Readonly<Record<string, string>>,
): Promise<void> {
  const rules = Object.entries(expressions).map(([name, expression]) =>
    `${expression} counter comment "${name}"`
  );
  const table = `table inet counted {\nchain c {\ntype filter hook ${hook} priority 100;\n${
    rules.join("\n")
  }\n}\n}\n`;
  await room.output(["sh", "-c", "nft delete table inet counted 2>/dev/null; nft -f -"], {
    netns,
    stdin: table,
  });
}

/** The packets that were counted so far, by name; names without packets are left out. */
export async function counted(room: Room, netns: string): Promise<Record<string, number>> {
  const listed = await room.output(["nft", "list", "table", "inet", "counted"], { netns });
  const found = listed.matchAll(/packets (\d+) bytes \d+ comment "([^"]+)"/g);
  return Object.fromEntries(
    [...found].map(([, packets, name]) => [name, Number(packets)] as const)
      .filter(([, packets]) => packets > 0),
  );
}
