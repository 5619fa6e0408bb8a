/**
 * The control socket of a running interface, spoken to without a program between: versions, ends,
 * and more clients than it takes.
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { CLIENTS_MAX } from "../../lib/daemon/control_socket.ts";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { may, must, randomKey, traces, WG, wgRoom } from "./peers.ts";

const NEEDED = needs("namespaces", "tun", "ip");

/** Sends a text, ends its own side, and gives all that is answered. */
async function say(room: Room, text: string): Promise<string> {
  const script = `
    const client = await Deno.connect({ transport: "unix", path: "/var/run/wireguard/wg1.sock" });
    await client.write(new TextEncoder().encode(${JSON.stringify(text)}));
    await client.closeWrite();
    await client.readable.pipeTo(Deno.stdout.writable);`;
  return await room.output([Deno.execPath(), "eval", script]);
}

Deno.test(
  "versions, lines and operations that are not known are refused, and the connection goes on",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await must(room, "ifconfig wg1 create wgport 7111");
    const refused = [
      "get=0",
      "get=",
      "get=3",
      "get=1\nlisten_port=1",
      "set=9\nlisten_port=7112",
      "set=\nlisten_port=7112",
      "quit=1",
    ];
    for (const text of refused) {
      equal(
        await say(room, `${text}\n\nget=1\n\n`),
        "errno=-22\n\nlisten_port=7111\nerrno=0\n\n",
        text,
      );
    }
    match(
      await say(room, "get=2\nlisten_port=1\n\n"),
      /^error_word=get\nerror=[^\n]+\nerrno=-22\n\n$/,
    );
    // What has no end is not carried out.
    for (
      const text of ["set=1\nlisten_port=7112\n", "set=1\nlisten_port=7112", "get=1\n", "set=1"]
    ) {
      equal(await say(room, text), "errno=-71\n\n", text);
    }
    match(await must(room, "ifconfig wg1"), /\twgport 7111\n/);
    await must(room, "ifconfig wg1 destroy");
    // Nor a first configuration whose sender went away.
    const lost = await room.run(["sh", "-c", `printf 'listen_port=7113\\n' | ${WG} daemon wg1`]);
    equal(lost.code === 0, false);
    deepEqual(await traces(room), []);
  },
);

Deno.test("an answer in version 1 has only what version 1 knows", NEEDED, async () => {
  await using room = await wgRoom();
  const peer =
    `wgpeer ${randomKey()} wgdescr friend wgpsk ${randomKey()} wgpka 25 wgendpoint 127.0.0.1 7 wgaip 10.0.0.0/8`;
  await must(
    room,
    `ifconfig wg1 create wgport 7111 wgkey ${randomKey()} wgrtable 6 debug group lan priority 5 -tso ${peer}`,
  );
  const keys = (await say(room, "get=1\n\n")).split("\n").filter((line) => line !== "").map((
    line,
  ) => line.split("=")[0]);
  deepEqual(
    new Set(keys),
    new Set([
      "private_key",
      "listen_port",
      "public_key",
      "preshared_key",
      "protocol_version",
      "endpoint",
      "last_handshake_time_sec",
      "last_handshake_time_nsec",
      "tx_bytes",
      "rx_bytes",
      "persistent_keepalive_interval",
      "allowed_ip",
      "errno",
    ]),
  );
  equal(await say(room, "set=1\nnonsense=1\n\n"), "errno=-22\n\n");
  await must(room, "ifconfig wg1 destroy");
});

Deno.test(
  "a client over the limit is told so, and destroy works all the same",
  needs("namespaces", "tun", "ip", "wg"),
  async () => {
    await using room = await wgRoom();
    await must(room, "ifconfig wg1 create");
    // All are in the middle of an operation: one that is idle would give way.
    const crowd = `const path = "/var/run/wireguard/wg1.sock"; const all = [];
    for (let i = 0; i < ${CLIENTS_MAX}; i++) all.push(await Deno.connect({ transport: "unix", path }));
    const go = () => Promise.all(all.map((one) => one.write(Uint8Array.of(0x73))));
    await go(); console.log("full"); setInterval(go, 1000);`;
    const clients = room.spawn([Deno.execPath(), "eval", crowd]);
    await clients.wrote("full");
    equal(await say(room, "get=1\n\n"), "errno=-16\n\n");
    for (
      const [line, said] of [
        ["ifconfig wg1", /^ifconfig: wg1: uapi: Device or resource busy \(EBUSY\)\n$/],
        ["wg show wg1", /^Unable to access interface: /],
      ] as const
    ) {
      const { code, stderr } = await may(room, line);
      equal(code, 1, line);
      match(stderr, said);
    }
    equal((await may(room, "ifconfig wg1 destroy")).stderr, "");
    clients.signal("SIGKILL");
    await clients.status;
    await eventually("the end", async () => (await traces(room)).length === 0);
  },
);
