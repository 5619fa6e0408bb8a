/**
 * wg(4), DIAGNOSTICS: each cause that the manual names is made for real, and its exact words are
 * looked for where the manual sends people: `wg dmesg`, the system log, and the terminal of an
 * interface in the foreground.
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { cable, may, must, ping, publicKey, randomKey, tunnel, WG, wgRoom } from "./peers.ts";

/** Lines that `wg dmesg` keeps of one interface. */
const RING_LINES = 1000;

const steps = new Map<string, () => Promise<void>>();

/** The text of each of the interface's lines, without time and name. */
async function dmesg(room: Room, name: string): Promise<string[]> {
  const lines = (await must(room, `${WG} dmesg ${name}`)).trimEnd().split("\n");
  return lines.map((line) => {
    const found = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (wg\d+): (.*)$/.exec(line);
    equal(found?.[1], name, line);
    return found![2];
  });
}

const said = (room: Room, name: string, line: string) =>
  eventually(`${name}: ${line}`, async () => (await dmesg(room, name)).includes(line));

/**
 * An interface on the left with `debug`, whose one peer has the address 192.168.N.2, and a ping
 * that wants it.
 */
async function asking(
  room: Room,
  n: number,
  peer: string,
  host: string,
  port: number,
): Promise<void> {
  const endpoint = `wgpeer ${peer} wgendpoint ${host} ${port} wgaip 192.168.${n}.2/32`;
  await must(
    room,
    `ifconfig wg${n} create debug wgkey ${randomKey()} ${endpoint} 192.168.${n}.1/24`,
    "left",
  );
  room.spawn(["ping", "-n", "-c", "1", "-W", "1", `192.168.${n}.2`], { netns: "left" });
}

/** An interface on the right with `debug` that listens on 7000+N. @returns its public key */
async function answering(room: Room, n: number): Promise<string> {
  await must(
    room,
    `ifconfig wg${n} create debug wgport ${7000 + n} wgkey ${randomKey()} 192.168.${n - 10}.2/24`,
    "right",
  );
  return await publicKey(room, `wg${n}`);
}

/** Taken from the manual, with the try that follows on OpenBSD, and the address that was tried. */
const noReply = (where: string, attempt = 2) =>
  `Handshake for peer 1 did not complete after 5 seconds, retrying (try ${attempt}) (${where})`;

steps.set(
  "a handshake that does not complete: who is not known, where nobody is, what a firewall drops, whose key is wrong",
  async () => {
    await using room = await wgRoom();
    await cable(room);
    const [stranger, blocked] = await Promise.all([answering(room, 11), answering(room, 14)]);
    await room.output(["nft", "-f", "-"], {
      netns: "right",
      stdin:
        "table ip gate { chain in { type filter hook input priority 0; udp dport 7014 counter drop; }; }\n",
    });
    await Promise.all([
      // The right side has no peer at all.
      asking(room, 1, stranger, "10.0.0.2", 7011),
      // Nobody has this address, and nobody listens on that port.
      asking(room, 2, stranger, "10.0.0.77", 7011),
      asking(room, 3, stranger, "10.0.0.2", 7099),
      // The right side knows this one, but its packets do not get there.
      asking(room, 4, blocked, "10.0.0.2", 7014),
      // The initiator has another public key for the responder than the responder has.
      asking(room, 5, randomKey(), "10.0.0.2", 7011),
    ]);
    const left = await publicKey(room, "wg4");
    await must(room, `ifconfig wg14 wgpeer ${left} wgaip 192.168.4.1/32`);

    await said(room, "wg1", "Sending handshake initiation to peer 1 (10.0.0.2:7011)");
    await eventually(
      "unknown initiator",
      async () =>
        (await dmesg(room, "wg11")).some((line) =>
          /^Invalid handshake initiation: its sender is not a peer \(10\.0\.0\.1:\d+\)$/.test(line)
        ),
    );
    await eventually(
      "wrong public key",
      async () =>
        (await dmesg(room, "wg11")).some((line) =>
          /^Invalid initiation MAC \(10\.0\.0\.1:\d+\)$/.test(line)
        ),
    );
    await Promise.all([
      said(room, "wg1", noReply("10.0.0.2:7011")),
      said(room, "wg2", noReply("10.0.0.77:7011")),
      said(room, "wg3", noReply("10.0.0.2:7099")),
      said(room, "wg4", noReply("10.0.0.2:7014")),
      said(room, "wg5", noReply("10.0.0.2:7011")),
    ]);
    // The port in the right side's lines is the one of the left side's interface.
    const port = async (name: string) =>
      /\twgport (\d+)\n/.exec(await must(room, `ifconfig ${name}`))![1];
    const right = await dmesg(room, "wg11");
    ok(
      right.includes(
        `Invalid handshake initiation: its sender is not a peer (10.0.0.1:${await port("wg1")})`,
      ),
    );
    ok(right.includes(`Invalid initiation MAC (10.0.0.1:${await port("wg5")})`));
    // It was the firewall: nothing came through, and without it the next try succeeds.
    match(await must(room, "nft list ruleset", "right"), /counter packets [1-9]/);
    deepEqual(
      (await dmesg(room, "wg14")).filter((line) => line.includes("handshake")),
      [],
    );
    await must(room, "nft flush ruleset", "right");
    await said(room, "wg4", "Receiving handshake response from peer 1 (10.0.0.2:7014)");
    ok(
      (await dmesg(room, "wg14")).includes(
        `Receiving handshake initiation from peer 1 (10.0.0.1:${await port("wg4")})`,
      ),
    );
    ok(
      (await dmesg(room, "wg14")).includes(
        `Sending handshake response to peer 1 (10.0.0.1:${await port("wg4")})`,
      ),
    );
    await must(room, "ping -n -c 1 -W 60 192.168.4.2", "left");
  },
);

steps.set("a handshake that cannot be sent: no route, no IPv6, the own firewall", async () => {
  await using room = await wgRoom();
  await cable(room);
  await room.output(["nft", "-f", "-"], {
    netns: "left",
    stdin:
      "table ip own { chain out { type filter hook output priority 0; udp dport 7099 reject; }; }\n",
  });
  await Promise.all([
    asking(room, 1, randomKey(), "203.0.113.1", 7011),
    asking(room, 2, randomKey(), "2001:db8::1", 7011),
    asking(room, 3, randomKey(), "10.0.0.2", 7099),
  ]);
  const unsent = (where: string, why: string) => `Unable to send to peer 1: ${why} (${where})`;
  await said(room, "wg1", unsent("203.0.113.1:7011", "Network is unreachable"));
  await said(room, "wg2", unsent("[2001:db8::1]:7011", "Network is unreachable"));
  await said(room, "wg3", unsent("10.0.0.2:7099", "Operation not permitted"));
  const lines = await dmesg(room, "wg1");
  equal(
    lines.indexOf("Sending handshake initiation to peer 1 (203.0.113.1:7011)") + 1,
    lines.indexOf(unsent("203.0.113.1:7011", "Network is unreachable")),
  );
  await must(room, "ifconfig wg1 -debug");
  const before = (await dmesg(room, "wg1")).length;
  await eventually(
    "another try",
    async () => /\thandshake_send_failed [2-9]/.test(await must(room, "ifconfig wg1 hwfeatures")),
  );
  equal((await dmesg(room, "wg1")).length, before);
});

steps.set(
  "a spoofed source; -debug silences, debug tells again; dmesg -f follows until the interface ends",
  async () => {
    await using room = await wgRoom();
    await tunnel(room);
    await ping(room, "left", "192.168.5.2");
    const spoof = async () => {
      await may(room, "ping -n -c 1 -W 1 -I 192.168.66.6 192.168.5.2", "left");
    };
    const refused = "Packet has unallowed src IP from peer 1 (10.0.0.1:7111)";
    const count = async () => (await dmesg(room, "wg2")).filter((line) => line === refused).length;
    await must(room, "ip -n left address add 192.168.66.6/32 dev wg1");
    // Handshakes and packets came and went, and nothing was told of them.
    const quiet = await dmesg(room, "wg2");
    deepEqual(quiet.map((line) => / is up: port 7222, /.test(line)), [true]);
    await spoof();
    // Without debug it is told once a minute, in other words.
    const told = "Packet from peer 1 has the source 192.168.66.6, which is not in its allowed IPs";
    deepEqual(await dmesg(room, "wg2"), [...quiet, told]);

    const followed = room.spawn([WG, "dmesg", "-f", "wg2"]);
    await must(room, "ifconfig wg2 debug");
    match(
      await must(room, "ifconfig wg2"),
      /^wg2: flags=80c7<UP,BROADCAST,DEBUG,RUNNING,NOARP,MULTICAST>/,
    );
    await spoof();
    await said(room, "wg2", refused);
    await followed.wrote(`wg2: ${refused}\n`);
    // IPv6 is told as well, and the tunnel goes on.
    if ((await may(room, "ip -n left address add fd66::6/128 dev wg1 nodad")).code === 0) {
      const before = await count();
      await may(room, "ping -n -c 1 -W 1 -I fd66::6 fd05::2", "left");
      await eventually("a spoofed IPv6 source", async () => await count() > before);
    }
    await must(room, "ping -n -c 1 -W 60 192.168.5.2", "left");

    await must(room, "ifconfig wg2 -debug");
    match(
      await must(room, "ifconfig wg2"),
      /^wg2: flags=80c3<UP,BROADCAST,RUNNING,NOARP,MULTICAST>/,
    );
    const silent = await dmesg(room, "wg2");
    await spoof();
    deepEqual(await dmesg(room, "wg2"), silent);
    await must(room, "ifconfig wg2 debug");
    const again = await count();
    await spoof();
    await eventually("again", async () => await count() > again);

    // All interfaces' lines together, in the order of time.
    const all = (await must(room, `${WG} dmesg`)).trimEnd().split("\n");
    deepEqual(
      all,
      [...all].sort((a, b) =>
        a.slice(0, 24) < b.slice(0, 24) ? -1 : a.slice(0, 24) > b.slice(0, 24) ? 1 : 0
      ),
    );
    deepEqual(new Set(all.map((line) => line.split(" ")[1])), new Set(["wg1:", "wg2:"]));

    await must(room, "ifconfig wg2 destroy");
    equal((await followed.status).code, 0);
    const gone = await may(room, `${WG} dmesg wg2`);
    equal(gone.code, 1);
    match(gone.stderr, /^wg: [^\n]*wg2[^\n]*\n$/);
  },
);

steps.set("the ring keeps the last lines only, whatever strangers send", async () => {
  await using room = await wgRoom();
  await cable(room);
  await must(room, `ifconfig wg2 create debug wgport 7222 wgkey ${randomKey()} up`, "right");
  // Initiations with a right mac1, as anybody can make who knows the public key, at a rate that
  // passes the limit of lines a second.
  const script = `
    import { nobleSuite as suite } from ${
    JSON.stringify(import.meta.resolve("../../lib/crypto/noble_suite.ts"))
  };
    import { mac1Key, mac1Of } from ${
    JSON.stringify(import.meta.resolve("../../lib/cookie/macs.ts"))
  };
    import { mac1Offset } from ${JSON.stringify(import.meta.resolve("../../lib/wire/messages.ts"))};
    const key = mac1Key(suite, Uint8Array.fromBase64(Deno.args[0]));
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "10.0.0.1", port: 0 });
    for (let second = 0; second < 7; second++) {
      for (let i = 0; i < 21; i++) {
        for (let j = 0; j < 10; j++) {
          const message = crypto.getRandomValues(new Uint8Array(148));
          message.set([1, 0, 0, 0]);
          message.set(mac1Of(suite, key, message), mac1Offset(148));
          await socket.send(message, { transport: "udp", hostname: "10.0.0.2", port: 7222 });
        }
        await new Promise((resolve) => setTimeout(resolve, 1000 / 21));
      }
    }
  `;
  const deno = [
    Deno.execPath(),
    "eval",
    "--quiet",
    "--unstable-net",
    `--config=${ROOT}deno.json`,
    script,
  ];
  await room.output([...deno, await publicKey(room, "wg2")], { netns: "left" });
  const lines = await dmesg(room, "wg2");
  equal(lines.length, RING_LINES);
  ok(
    lines.every((line) =>
      /^(Invalid handshake initiation \(10\.0\.0\.1:\d+\)|\d+ messages left out)$/.test(line)
    ),
    lines.at(-1),
  );
  // What came first is gone.
  ok(!lines.some((line) => line.includes(" is up: ")));
});

/** A /dev of the room's own, so that a system log can be had there. */
const OWN_DEV = `
mkdir -p /run/dev && mount -t tmpfs -o mode=755 tmpfs /run/dev && mkdir /run/dev/net
for each in null zero full random urandom tty net/tun; do : >/run/dev/$each && mount --bind /dev/$each /run/dev/$each; done
mount --rbind /run/dev /dev
`;

steps.set("lines go to /dev/log while there is one", async () => {
  await using room = await wgRoom();
  await room.output(["sh", "-ec", OWN_DEV]);
  const path = `/proc/${room.pid}/root/dev/log`;
  const listen = () => Deno.listenDatagram({ transport: "unixpacket", path });
  const heard: string[] = [];
  const collect = async (socket: Deno.DatagramConn) => {
    for await (const [bytes] of socket) heard.push(new TextDecoder().decode(bytes));
  };
  let log = listen();
  let collecting = collect(log);
  await cable(room);
  await must(
    room,
    `ifconfig wg1 create debug wgkey ${randomKey()} wgpeer ${randomKey()} wgaip 0.0.0.0/0 192.168.5.1/24`,
    "left",
  );
  await may(room, "ping -n -c 1 -W 1 192.168.5.2", "left");
  await eventually(
    "the message in the system log",
    () =>
      heard.some((line) =>
        /^<31>wg\[\d+\]: wg1: No valid endpoint has been configured or discovered for peer 1$/.test(
          line,
        )
      ),
  );
  match(heard[0], /^<30>wg\[\d+\]: wg1: wg [0-9.]+ is up: port \d+, /);

  // It is started anew: the next line goes to the new one.
  log.close();
  await collecting;
  await Deno.remove(path);
  log = listen();
  collecting = collect(log);
  const told = heard.length;
  await eventually("a line in the new system log", async () => {
    await may(room, "ping -n -c 1 -W 1 192.168.5.2", "left");
    return heard.length > told;
  });

  // No log for a while: nobody is hurt, and the ring has every line.
  log.close();
  await collecting;
  await Deno.remove(path);
  const lines = (await dmesg(room, "wg1")).length;
  await eventually("more lines in the ring", async () => {
    await may(room, "ping -n -c 1 -W 1 192.168.5.2", "left");
    return (await dmesg(room, "wg1")).length > lines;
  });
  match(await must(room, "ifconfig wg1"), /^wg1: /);
});

steps.set("in the foreground the lines go to standard error", async () => {
  await using room = await wgRoom();
  const running = room.spawn([WG, "-f", "wg9"]);
  await running.wrote(/ is up: port \d+, /);
  await must(
    room,
    `ifconfig wg9 debug wgkey ${randomKey()} wgpeer ${randomKey()} wgaip 0.0.0.0/0 192.168.5.1/24`,
  );
  await may(room, "ping -n -c 1 -W 1 192.168.5.2");
  await running.wrote(
    "wg9: No valid endpoint has been configured or discovered for peer 1\n",
  );
  ok(
    (await dmesg(room, "wg9")).includes(
      "No valid endpoint has been configured or discovered for peer 1",
    ),
  );
  running.signal("SIGINT");
  equal((await running.status).code, 0);
  equal((await may(room, "ip link show wg9")).code, 1);
});

Deno.test("wg(4), DIAGNOSTICS", needs("namespaces", "tun", "ip", "ping", "nft"), async (t) => {
  // They wait most of the time, each in a room of its own: so they wait together.
  const apart = { sanitizeOps: false, sanitizeResources: false, sanitizeExit: false };
  await Promise.all([...steps].map(([name, fn]) => t.step({ name, fn, ...apart })));
});
