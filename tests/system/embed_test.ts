/**
 * A Tunnel of the library, in a program that may do nothing but use the network, and a real
 * interface of ./wg.
 * @module
 */
import { equal, match } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { needs } from "./needs.ts";
import { cable, must, ping, publicKey, randomKey, wgRoom } from "./peers.ts";

Deno.test(
  "a Tunnel and an interface: pings both ways, a Tunnel that moves, and an end that leaves nothing",
  needs("namespaces", "tun", "ip", "ping"),
  async () => {
    await using room = await wgRoom();
    await cable(room);
    await must(room, `ifconfig wg2 create wgport 7222 wgkey ${randomKey()}`, "right");
    const interfaceKey = await publicKey(room, "wg2");
    const program = room.spawn([
      Deno.execPath(),
      "run",
      "--quiet",
      "--no-check",
      "--no-prompt",
      "--allow-net",
      "--unstable-net",
      `${ROOT}tests/system/tunnel_user.ts`,
      "10.0.0.2:7222",
      interfaceKey,
    ], { netns: "left" });
    const said = (what: RegExp) => program.wrote(what);
    const key = (await said(/^key (\S{44})$/m))[1];
    await must(room, `ifconfig wg2 wgpeer ${key} wgaip 192.168.5.1/32`, "right");
    await must(room, "ifconfig wg2 192.168.5.2/24", "right");

    // The program's keepalive brings the session about; its first initiation met an interface that
    // did not know it.
    const [, peer, port] = await said(/^session (\S{44}) port (\d+)$/m);
    equal(peer, interfaceKey);
    await ping(room, "right", "192.168.5.1");
    match(await must(room, "ifconfig wg2"), new RegExp(`\t\twgendpoint 10\\.0\\.0\\.1 ${port}\n`));

    program.signal("SIGUSR1");
    await said(/^ICMP type 0 from 192\.168\.5\.2$/m);

    program.signal("SIGUSR2");
    const moved = (await said(/^session [^]*^session \S{44} port (\d+)$/m))[1];
    await ping(room, "right", "192.168.5.1");
    match(await must(room, "ifconfig wg2"), new RegExp(`\t\twgendpoint 10\\.0\\.0\\.1 ${moved}\n`));

    program.signal("SIGTERM");
    await said(/^closed$/m);
    equal((await program.status).code, 0);
  },
);
