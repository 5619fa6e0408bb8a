/**
 * How many handshakes a responder answers in a second of CPU time. CPU time and not the clock's,
 * because asking costs about as much as answering and shares the CPUs, and because rivals use one
 * core or all. What a new process does once, such as the first compilation of its code, is not
 * counted: the peers ask for a number of handshakes before.
 * @module
 */

import { fileURLToPath } from "node:url";
import { type Implementation, planTunnel, SOCKET } from "./implementations.ts";
import type { Sample } from "./figures.ts";
import type { HandshakeCount, HandshakeOrder } from "./handshake_load.ts";
import { cpuSeconds, Laboratory } from "./laboratory.ts";
import { makeKeyPair, peerLines, uapi } from "./uapi.ts";

/** Enough that no peer comes near the 50 initiations a second that one may send. */
const INITIATORS = 512;
/**
 * How many answers they get before answers are counted, as far as the turns allow. The compilation
 * needs as many on a busy machine as on an idle one.
 */
const WARM_UP_ANSWERS = 6_000;
const WARM_UP_TURNS_MAX = 6;
const WARM_UP_TURN_SECONDS = 2;
const LOAD = fileURLToPath(import.meta.resolve("./handshake_load.ts"));

/** Lets one end answer for `seconds`. */
export async function measureHandshakes(
  implementation: Implementation,
  seconds: number,
): Promise<Sample> {
  await using laboratory = await Laboratory.open();
  const { left, right } = laboratory;
  const plan = await planTunnel(left, right);
  await implementation.up(right, plan.right);
  const daemons = right.processes();

  const initiators = await Promise.all(Array.from({ length: INITIATORS }, () => makeKeyPair()));
  const lines = initiators.map(({ public: key }, i) =>
    peerLines(key, [`10.78.${i >> 8}.${i & 255}/32`])
  );
  await uapi(right.path(SOCKET), ["set=1", ...lines].join("\n"));

  const order: Omit<HandshakeOrder, "seconds"> = {
    address: right.address,
    port: plan.right.port,
    responder: plan.right.keys.public.toHex(),
    initiators: initiators.map((keys) => keys.private.toHex()),
  };
  const ask = async (seconds: number): Promise<HandshakeCount> => {
    const { stdout } = await left.run([Deno.execPath(), "run", "-A", LOAD], {
      input: JSON.stringify({ ...order, seconds } satisfies HandshakeOrder),
      timeoutSeconds: seconds + 60,
    });
    return JSON.parse(stdout) as HandshakeCount;
  };
  let warm = 0;
  for (let turn = 0; turn < WARM_UP_TURNS_MAX && warm < WARM_UP_ANSWERS; turn++) {
    warm += (await ask(WARM_UP_TURN_SECONDS)).answered;
  }
  const before = cpuSeconds(daemons);
  const count = await ask(seconds);
  const used = cpuSeconds(daemons) - before;
  if (count.answered === 0 || count.verified === 0) {
    throw new Error(`no handshake was answered: ${JSON.stringify(count)}`);
  }
  return { handshakes: count.answered / used };
}
