/**
 * The program as aarch64, in an emulator (scripts/aarch64/machine.ts), beside one of this machine.
 */
import { match, ok } from "node:assert/strict";
import {
  emulatedProgram,
  emulatedTests,
  MACHINE_ENVIRONMENT,
} from "../../scripts/aarch64/machine.ts";
import { eventually } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { cable, connect, create, may, must, ping, randomKey, wgRoom } from "./peers.ts";

/** The start takes 20 to 30 s of one processor; machines that run tests are busy. */
const START_MS = 400_000;

Deno.test(
  "aarch64: a tunnel to x86_64 with a preshared key, IPv4, IPv6, full size and TCP",
  needs("namespaces", "tun", "ip", "ping", "ipv6", "iperf3", "aarch64"),
  async () => {
    await using room = await wgRoom();
    await cable(room);
    const words = [...await emulatedProgram(), "-f", "wg1"];
    const daemon = room.spawn(words, { netns: "left", env: MACHINE_ENVIRONMENT });
    await eventually("wg1 is up", async () => {
      ok(!daemon.hasEnded, daemon.output());
      return (await may(room, "test -S /run/wireguard/wg1.sock")).code === 0;
    }, START_MS);
    // The emulated process may not answer within the time of a command.
    const patiently: typeof must = (room, line, netns) =>
      eventually(line, async () => {
        ok(!daemon.hasEnded, daemon.output());
        const { code, stdout, stderr } = await may(room, line, netns);
        if (code !== 0) match(stderr, /does not answer|no such interface/);
        return code === 0 && stdout;
      }, START_MS);
    await patiently(room, `ifconfig wg1 wgport 7111 wgkey ${randomKey()}`, "left");
    await create(room, "wg2", "right", `wgport 7222 wgkey ${randomKey()}`);
    await connect(room, "10.0.0.2", `wgpsk ${randomKey()}`, patiently);
    // Its first handshake may take longer than that of a program that is not emulated.
    await eventually("a handshake", async () => {
      return (await may(room, "ping -n -c 1 -w 8 -W 8 192.168.5.2", "left")).code === 0;
    }, START_MS).catch(async (error) => {
      const logs = [await patiently(room, "ifconfig wg1"), await must(room, "ifconfig wg2")];
      throw new Error([error.message, daemon.output(), ...logs].join("\n"));
    });
    await ping(room, "left", "192.168.5.2");
    await ping(room, "right", "fd05::1");
    // Inner packets of 1420 bytes, the MTU, each way and in one piece.
    await must(room, "ping -n -c 3 -i 0.2 -W 10 -M do -s 1392 192.168.5.2", "left");
    await must(room, "ping -n -c 3 -i 0.2 -W 10 -M do -s 1372 fd05::1", "right");
    const server = room.spawn(["iperf3", "-s", "-1"], { netns: "right" });
    await eventually(
      "iperf3 listens",
      async () => (await must(room, "ss -ltn", "right")).includes(":5201 "),
    );
    const sent = await room.output(["iperf3", "-J", "-c", "192.168.5.2", "-n", "1M"], {
      netns: "left",
      timeoutMs: START_MS,
    });
    // The last bytes may be under way when the client asks what arrived.
    ok(JSON.parse(sent).end.sum_received.bytes >= 1 << 18, sent);
    await server.status;

    // The emulator lacks Landlock, and mostly execve(2) for programs of aarch64.
    match(
      await patiently(room, "ifconfig wg1 hwfeatures", "left"),
      /privileges: [^\n]+; missing: [^\n]+ \([^\n]+\)\n/,
    );
  },
);

Deno.test("aarch64: system calls, their layouts, and netlink", needs("aarch64"), async () => {
  const paths = ["tests/ffi/libc_test.ts", "tests/netlink/requests_test.ts"];
  const { success, output } = await emulatedTests(...paths);
  ok(success, output);
  match(output, /structures have the kernel's layout \.\.\. ok/);
});
