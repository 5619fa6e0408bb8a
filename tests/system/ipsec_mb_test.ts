/**
 * libipsec-mb in whole daemons: one end of a tunnel has it, with a Worker each way, the other one
 * has libcrypto.
 * @module
 */
import { equal, match, ok } from "node:assert/strict";
import { Iperf3Server } from "./iperf3.ts";
import { needs } from "./needs.ts";
import { cable, connect, create, must, ping, randomKey, WG, wgRoom } from "./peers.ts";

Deno.test(
  "libipsec-mb is found and named, and understands libcrypto",
  needs("namespaces", "tun", "ip", "ping", "ipv6", "iperf3", "ipsec-mb"),
  async () => {
    await using room = await wgRoom();
    match(await must(room, `${WG} version`), /, packets ipsec-mb \d+\.\d+\.\d+, /);
    await cable(room);
    await create(room, "wg1", "left", `wgport 7111 wgkey ${randomKey()}`, 2);
    const mapped = /\s(\/\S*libIPSec_MB\.so\S*)$/m;
    const pid = /\tpid (\d+)\n/.exec(await must(room, "ifconfig wg1 hwfeatures", "left"))?.[1];
    const library = mapped.exec(await must(room, `cat /proc/${pid}/maps`))?.[1];
    ok(library !== undefined, "the daemon has not loaded the library");

    // Another mount namespace, where the library is an empty file.
    const daemon = room.spawn(
      [
        ...["unshare", "-m", "sh", "-c"],
        `mount --bind /dev/null "$1" && exec ${WG} daemon wg2 1 </dev/null`,
        ...["sh", library],
      ],
      { netns: "right" },
    );
    await daemon.wrote("errno=0");
    await must(room, `ifconfig wg2 wgport 7222 wgkey ${randomKey()}`, "right");

    match(
      await must(room, "ifconfig wg1 hwfeatures", "left"),
      /\tcrypto: libcrypto [^,]+, packets ipsec-mb \d+\.\d+\.\d+\n[^]*\tworkers: 2, one each way\n/,
    );
    match(
      await must(room, "ifconfig wg2 hwfeatures", "right"),
      /\tcrypto: libcrypto [^,]+, packets libcrypto composed\n/,
    );
    const log = await must(room, `${WG} dmesg wg1`, "left");
    match(log, / is up: port \d+, libcrypto [^,]+, ipsec-mb \d/);

    await connect(room);
    await ping(room, "left", "192.168.5.2");
    await ping(room, "right", "fd05::1");
    for (const size of [0, 1, 15, 100, 1392, 1393, 4000]) {
      await must(room, `ping -n -c 1 -W 60 -s ${size} 192.168.5.2`, "left");
    }
    const server = new Iperf3Server(room, "right");
    for (const way of ["", " -R", " --bidir"]) {
      const told = await server.load("left", `-J -n 16M -c 192.168.5.2${way}`);
      ok(JSON.parse(told).end.sum_received?.bytes > 1e6, `${way}: ${told}`);
    }
    for (const [name, side] of [["wg1", "left"], ["wg2", "right"]]) {
      const counts = await must(room, `ifconfig ${name} hwfeatures`, side);
      ok(Number(/\trx_opened (\d+)\n/.exec(counts)?.[1]) > 100, counts);
      ok(!counts.includes("rx_unauthentic"), counts);
    }
    await must(room, "ifconfig wg2 destroy", "right");
    equal((await daemon.status).success, true);
  },
);
