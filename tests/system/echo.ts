/** TCP through a tunnel that must come back as it was sent, between the two sides of `tunnel`. */
import { equal } from "node:assert/strict";
import type { Room } from "../../scripts/netlab.ts";

/** Sends back whatever it gets. */
const ECHO = `
  const listener = Deno.listen({ hostname: "192.168.5.2", port: 5202 });
  console.log("listening");
  for await (const one of listener) one.readable.pipeTo(one.writable).catch(() => {});
`;

/** Sends as many bytes as its argument says, and reads them back at the same time. */
const EXCHANGE = `
  const sent = new Uint8Array(Number(Deno.args[0]));
  for (let at = 0; at < sent.length; at += 65_536) crypto.getRandomValues(sent.subarray(at, at + 65_536));
  const one = await Deno.connect({ hostname: "192.168.5.2", port: 5202 });
  const send = async () => {
    for (let at = 0; at < sent.length;) at += await one.write(sent.subarray(at));
    await one.closeWrite();
  };
  const sending = send();
  let at = 0;
  for await (const piece of one.readable) {
    if (piece.some((byte, i) => byte !== sent[at + i])) throw new Error("another byte came back");
    at += piece.length;
  }
  await sending;
  console.log(at === sent.length ? "all came back" : at + " bytes came back");
`;

const EVAL = [Deno.execPath(), "eval", "--quiet"];

/** Starts the echo in `right` and returns when it listens. The room ends it. */
export async function startEcho(room: Room): Promise<void> {
  const server = room.spawn([...EVAL, ECHO], { netns: "right" });
  await server.wrote("listening");
}

/** Sends bytes, a multiple of 65,536, from `left` to the echo. They must come back as they were. */
export async function exchange(room: Room, bytes: number): Promise<void> {
  const words = [...EVAL, EXCHANGE, String(bytes)];
  equal(await room.output(words, { netns: "left" }), "all came back\n");
}
