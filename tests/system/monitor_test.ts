/**
 * `wg monitor` over real interfaces: what is told when peers connect, roam, expire and are refused,
 * and when somebody changes the configuration.
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { eventually, type Room, type Running } from "../../scripts/netlab.ts";
import type { EventRecord } from "../../lib/uapi/events.ts";
import { needs } from "./needs.ts";
import { walk } from "./tour.ts";
import { may, must, ping, publicKey, randomKey, tunnel, WG, wgRoom, writeFile } from "./peers.ts";

interface Monitor {
  readonly running: Running;
  events(): EventRecord[];
  /** Waits for an event of a kind, on an interface. */
  heard(kind: string, name: string): Promise<EventRecord>;
}

/** Starts `wg monitor --json` in a room. */
function monitor(room: Room, ...names: string[]): Monitor {
  const running = room.spawn([WG, "monitor", "--json", ...names], {});
  const events = () =>
    running.output().split("\n").filter((line) => line.startsWith("{") && line.endsWith("}"))
      .map((line) => JSON.parse(line) as EventRecord);
  return {
    running,
    events,
    heard: async (kind, name) => {
      const found = () =>
        events().find((event) => event.event === kind && event.interface === name);
      await eventually(`${kind} of ${name}`, () => found() !== undefined);
      return found()!;
    },
  };
}

const kindsOf = (events: readonly EventRecord[], name: string): string[] =>
  events.filter((event) => event.interface === name).map(({ event }) => event);

Deno.test(
  "interfaces that start later are followed from their first event on; peers connect and roam",
  needs("namespaces", "tun", "ip", "ping"),
  async () => {
    await using room = await wgRoom();
    const all = monitor(room);
    const { publicKeys } = await tunnel(room);
    await must(room, `ifconfig wg1 wgpeer ${publicKeys.right} wgdescr right`, "left");
    await ping(room, "left", "192.168.5.2");
    const connected = await all.heard("connected", "wg1");
    deepEqual(
      [connected.peer, connected.description, connected.endpoint],
      [publicKeys.right, "right", "10.0.0.2:7222"],
    );
    equal((await all.heard("connected", "wg2")).peer, publicKeys.left);
    equal((await all.heard("handshake", "wg1")).initiator, true);
    equal((await all.heard("handshake", "wg2")).initiator, false);
    ok(kindsOf(all.events(), "wg1").includes("up"), "it began a moment after the interface");

    await must(room, "ip address add 10.0.0.7/24 dev cable", "left");
    await must(room, "ip address del 10.0.0.1/24 dev cable", "left");
    await must(room, "ip address replace 10.0.0.7/24 dev cable", "left");
    await ping(room, "left", "192.168.5.2");
    const roamed = await all.heard("roamed", "wg2");
    deepEqual(
      [roamed.peer, roamed.before, roamed.endpoint],
      [publicKeys.left, "10.0.0.1:7111", "10.0.0.7:7111"],
    );

    await must(room, "ifconfig wg1 down", "left");
    deepEqual((await all.heard("disconnected", "wg1")).why, "down");
    await must(room, "ifconfig wg1 destroy", "left");
    await eventually(
      "destroyed",
      () => all.events().some(({ changed }) => changed?.includes("destroyed")),
    );
    // The command goes on with the other one.
    await must(room, "ifconfig wg2 debug", "right");
    await eventually(
      "debug",
      () => all.events().some(({ changed }) => changed?.includes("debug")),
    );
    all.running.signal("SIGTERM");
    await all.running.status;
  },
);

Deno.test(
  "who changed what: user, process and program, by the kernel's word",
  needs("namespaces", "tun", "ip"),
  async () => {
    await using room = await wgRoom();
    await must(room, `ifconfig wg1 create wgkey ${randomKey()}`);
    const one = monitor(room, "wg1");
    const peer = await (async () => {
      await must(room, `ifconfig wg9 create wgkey ${randomKey()}`);
      return await publicKey(room, "wg9");
    })();
    // Others are connected meanwhile, and come and go.
    const idle = room.spawn([WG, "monitor", "wg1"], {});
    await must(room, `ifconfig wg1 wgpeer ${peer} wgdescr anna wgaip 10.9.0.0/24`);
    const add = await one.heard("changed", "wg1");
    deepEqual([add.changed, add.uid], [["peer anna"], 0]);
    ok((add.pid ?? 0) > 0);
    equal(add.program, "wg ifconfig");
    if (room.kind === "root") {
      const before = one.events().length;
      // The socket's folder and file are opened for one other user, who then makes the change.
      const script = `chmod 755 /run/wireguard; chown 1234 /run/wireguard/wg1.sock
        mkdir -m 700 /run/home; chown 1234 /run/home; export HOME=/run/home
        exec setpriv --reuid 1234 --regid 1234 --clear-groups ${WG} set wg1 fwmark 7`;
      await room.output(["sh", "-ec", script, "sh"]);
      await eventually("the other user", () => one.events().length > before);
      const change = one.events().at(-1)!;
      deepEqual([change.changed, change.uid], [["fwmark"], 1234]);
      equal(change.program, "wg set");
    }
    await must(room, "ifconfig wg1 -wgpeerall");
    await eventually("all peers", () => one.events().at(-1)?.changed?.[0] === "all peers");
    idle.signal("SIGTERM");
    await idle.status;
    await must(room, "ifconfig wg1 destroy");
    equal((await one.running.status).code, 0, "the named interface has ended");
    const wrong = await may(room, `${WG} monitor wg7`);
    deepEqual([wrong.code, wrong.stderr], [
      1,
      "wg: wg7: connect: No such device or address: no such interface (ENXIO)\n",
    ]);
  },
);

Deno.test(
  "messages for another key, of a stranger and with another preshared key are refused and told",
  needs("namespaces", "tun", "ip", "ping"),
  async () => {
    await using room = await wgRoom();
    const { publicKeys } = await tunnel(room);
    const all = monitor(room);
    await must(room, `ifconfig wg1 wgpeer ${publicKeys.right} wgpsk ${randomKey()}`, "left");
    await may(room, "ping -n -c 1 -W 1 192.168.5.2", "left");
    const psk = await all.heard("refused", "wg1");
    deepEqual([psk.why, psk.peer], ["handshake_response_forged", publicKeys.right]);

    await must(room, "ifconfig wg2 -wgpeerall", "right");
    await must(room, "ifconfig wg1 down", "left");
    await must(room, "ifconfig wg1 up", "left");
    await may(room, "ping -n -c 1 -W 1 192.168.5.2", "left");
    const stranger = await all.heard("refused", "wg2");
    deepEqual(
      [stranger.why, stranger.peer, stranger.endpoint],
      ["handshake_unknown_peer", publicKeys.left, "10.0.0.1:7111"],
    );

    await must(room, `ifconfig wg2 wgkey ${randomKey()}`, "right");
    await must(room, "ifconfig wg1 down", "left");
    await must(room, "ifconfig wg1 up", "left");
    await may(room, "ping -n -c 1 -W 1 192.168.5.2", "left");
    const wrongKey = () => all.events().find(({ why }) => why === "handshake_mac1_wrong");
    await eventually("the wrong key", () => wrongKey() !== undefined);
    deepEqual([wrongKey()?.interface, wrongKey()?.peer], ["wg2", undefined]);
    all.running.signal("SIGTERM");
    await all.running.status;
  },
);

Deno.test(
  "a reader that stands still delays nobody, and is told what it has missed",
  needs("namespaces", "tun", "ip"),
  async () => {
    await using room = await wgRoom();
    await must(room, `ifconfig wg1 create wgkey ${randomKey()}`);
    // Nobody reads until the file is there: a pipe, a socket and a queue fill up.
    const reader = "until [ -e /run/go ]; do sleep 0.1; done; cat";
    const slow = room.spawn(["sh", "-c", `${WG} monitor --json wg1 | (${reader})`], {});
    const quick = monitor(room, "wg1");
    await must(room, "ifconfig wg1 debug");
    await quick.heard("changed", "wg1");
    const changes = 5_000;
    const script = `const client = await Deno.connect({
      transport: "unix", path: "/run/wireguard/wg1.sock" });
    const answer = new Uint8Array(100);
    for (let i = 0; i < ${changes}; i++) {
      await client.write(new TextEncoder().encode("set=1\\nfwmark=" + i % 9 + "\\n\\n"));
      await client.read(answer);
    }`;
    await room.output([Deno.execPath(), "eval", script]);
    const count = (text: string) => text.split("fwmark").length - 1;
    const missed = (text: string) =>
      [...text.matchAll(/"missed","leftOut":(\d+)/g)].reduce((sum, one) => sum + Number(one[1]), 0);
    await eventually(
      "all changes",
      () => count(quick.running.output()) + missed(quick.running.output()) === changes,
    );
    await must(room, "touch /run/go");
    await eventually(
      "the slow one",
      () => count(slow.output()) + missed(slow.output()) === changes,
    );
    ok(missed(slow.output()) > 0, "it has missed something");
    await must(room, "ifconfig wg1 destroy");
    for (const running of [slow, quick.running]) equal((await running.status).code, 0);
  },
);

/** Stands for journald: writes the fields of each datagram to /run/journal. */
const JOURNAL = `
Deno.mkdirSync("/run/systemd/journal", { recursive: true });
const path = "/run/systemd/journal/socket";
const socket = Deno.listenDatagram({ transport: "unixpacket", path });
Deno.writeTextFileSync("/run/journal", "");
for await (const [message] of socket) {
  const text = new TextDecoder().decode(message) + "\\n";
  Deno.writeTextFileSync("/run/journal", text, { append: true });
}
`;

Deno.test(
  "the journal gets each event with its fields, and hooks run with it as root's programs",
  needs("namespaces", "tun", "ip", "ping"),
  async () => {
    await using room = await wgRoom();
    const without = await may(room, `${WG} monitor --journal`);
    equal(without.code, 1);
    match(without.stderr, /^wg: \/run\/systemd\/journal\/socket: connect: .*no journal of systemd/);
    const journal = room.spawn([
      Deno.execPath(),
      "eval",
      "--unstable-net",
      JOURNAL,
    ]);
    const exists = async (path: string) => (await room.run(["test", "-e", path])).code === 0;
    await eventually("the journal", () => exists("/run/journal"));
    await must(room, "mkdir -p -m 700 /run/hooks");
    await writeFile(
      room,
      "/run/hooks/connected",
      '#!/bin/sh\nread -r line\necho "$line" >>/run/connected\n',
      "755",
    );
    await writeFile(room, "/run/hooks/handshake", "#!/bin/sh\nsleep 600\n", "755");
    const service = room.spawn([WG, "monitor", "--journal", "--hooks", "/run/hooks"]);
    const { publicKeys } = await tunnel(room);
    await ping(room, "left", "192.168.5.2");
    const connected = async () => {
      const text = (await room.run(["cat", "/run/connected"])).stdout;
      return text.split("\n").filter((line) => line !== "").map((line) =>
        JSON.parse(line) as EventRecord
      );
    };
    await eventually("both", async () => (await connected()).length === 2);
    deepEqual(
      (await connected()).map(({ interface: name, event, peer }) => [name, event, peer]).sort(),
      [["wg1", "connected", publicKeys.right], ["wg2", "connected", publicKeys.left]],
    );
    const entries = async () =>
      (await room.output(["cat", "/run/journal"])).split("\n\n").map((entry) =>
        new Map(
          entry.split("\n").map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]),
        )
      );
    const told = (await entries()).find((entry) =>
      entry.get("WG_EVENT") === "connected" && entry.get("WG_INTERFACE") === "wg1"
    );
    deepEqual(
      ["PRIORITY", "SYSLOG_IDENTIFIER", "WG_PEER", "WG_ENDPOINT"].map((name) => told?.get(name)),
      ["6", "wg", publicKeys.right, "10.0.0.2:7222"],
    );
    match(told?.get("MESSAGE") ?? "", /^wg1: connected: \S{44} at 10\.0\.0\.2:7222$/);
    equal(service.output(), "");
    service.signal("SIGTERM");
    await service.status;
    journal.signal("SIGTERM");
    await journal.status;
  },
);

Deno.test("the tours of events and names", needs("namespaces", "tun", "ip", "ping"), async () => {
  await using room = await wgRoom();
  await tunnel(room, "10.0.0.2", "wgdescr office wgpka 25");
  await ping(room, "left", "192.168.5.2");
  // An interface keeps the events of its first two seconds for those who follow it later.
  await new Promise((resolve) => setTimeout(resolve, 3000));
  await walk(room, "Events");
  await walk(room, "Names of peers");
});
