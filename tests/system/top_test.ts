/** `wg top` in a terminal (tmux) and without one, as a user has it. */
import { equal, match, ok } from "node:assert/strict";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { may, must, randomKey, tunnel, WG, wgRoom } from "./peers.ts";
import { walk } from "./tour.ts";

/** A terminal in which a command runs. */
class Pane {
  readonly #room: Room;
  readonly #socket = `/run/${crypto.randomUUID()}.tmux`;

  constructor(room: Room) {
    this.#room = room;
  }

  async tmux(...words: string[]): Promise<string> {
    return await this.#room.output(["tmux", "-f", "/dev/null", "-S", this.#socket, ...words]);
  }

  async start(command: string, columns: number, lines: number): Promise<void> {
    const size = ["-x", `${columns}`, "-y", `${lines}`];
    await this.tmux("new-session", "-d", ...size, `${command}; echo "ended with $?"; cat`);
  }

  async keys(...keys: string[]): Promise<void> {
    await this.tmux("send-keys", ...keys);
  }

  async shows(what: RegExp): Promise<string> {
    let screen = "";
    await eventually(
      `the screen shows ${what}`,
      async () => what.test(screen = await this.tmux("capture-pane", "-p")),
    ).catch((error) => {
      throw new Error(`${error.message}\n${screen}`);
    });
    return screen;
  }
}

Deno.test(
  "a screen: rates, keys, filter, drops, an explanation, another size, and the end",
  needs("namespaces", "tun", "ip", "ping", "tmux"),
  async () => {
    await using room = await wgRoom();
    const { publicKeys } = await tunnel(room);
    await must(room, `ifconfig wg1 wgpeer ${publicKeys.right} wgdescr office`);
    // The name of another peer would clear the screen.
    const wild = randomKey();
    await room.output([WG, "ifconfig", "wg1", "wgpeer", wild, "wgdescr", "wild\x1b[2J\x1b[H"])
      .catch(() => must(room, `ifconfig wg1 wgpeer ${wild} wgdescr wild`));
    const pings = room.spawn(["ping", "-n", "-q", "-i", "0.2", "192.168.5.2"], { netns: "left" });
    const pane = new Pane(room);
    await pane.start(`${WG} top -d 0.3`, 110, 20);
    const first = await pane.shows(/office +[\d.]+k? +[\d.]+k? /);
    match(first, /^wg top: \d interfaces, \d peers, \d connected/);
    match(first, /office .* 10\.0\.0\.2:7222/);
    match(first, /\bwild/);

    await pane.keys("s");
    await pane.shows(/vreceived/);
    await pane.keys("/");
    await pane.keys("-l", "offi");
    await pane.keys("Enter");
    const filtered = await pane.shows(/^filter: offi$/m);
    ok(!/\bwild/.test(filtered), filtered);
    await pane.keys("d");
    await pane.shows(/drops by reason/);
    await pane.keys("Enter");
    await pane.shows(/any (other )?key goes back/);
    await pane.keys("x");
    await pane.shows(/drops by reason/);
    await pane.keys("Escape");
    await pane.shows(/\bwild/);

    await pane.tmux("resize-window", "-x", "64", "-y", "8");
    const small = await pane.shows(/^wg top/);
    ok(small.split("\n").every((line) => line.length <= 64), small);
    await pane.keys("q");
    match(await pane.shows(/ended with 0/), /^ended with 0$/m, "the screen is the old one");
    pings.signal("SIGINT");
  },
);

Deno.test(
  "ctrl-z gives the terminal to the shell until fg; a dumb terminal gets lines",
  needs("namespaces", "tun", "ip", "tmux"),
  async () => {
    await using room = await wgRoom();
    await must(room, "ifconfig wg1 create wgport 7111");
    const pane = new Pane(room);
    await pane.start("bash --norc --noprofile -i", 90, 12);
    await pane.keys(`${WG} top -d 0.3 wg1`, "Enter");
    await pane.shows(/^wg top: 1 interfaces/);
    await pane.keys("C-z");
    await pane.shows(/Stopped/);
    await pane.keys("echo $((7*6)) is the shell", "Enter");
    await pane.shows(/^42 is the shell$/m);
    await pane.keys("fg", "Enter");
    await pane.shows(/^wg top: 1 interfaces/);
    await pane.keys("q");
    await pane.keys("clear; TERM=dumb PS1= ", `${WG} top -n 1 wg1; echo "ended $?"`, "Enter");
    const lines = await pane.shows(/^ended 0$/m);
    match(lines, /^\d{4}-\d\d-\d\dT/m);
    ok(!lines.includes("q end"), lines);
  },
);

Deno.test(
  "a signal and an interface that goes: the terminal is as before",
  needs("namespaces", "tun", "ip", "tmux"),
  async () => {
    await using room = await wgRoom();
    await must(room, "ifconfig wg1 create wgport 7111");
    const pane = new Pane(room);
    await pane.start(`${WG} top -d 0.3 wg1`, 140, 12);
    await pane.shows(/port 7111/);
    await must(room, "ifconfig wg1 destroy");
    await pane.shows(/no such interface/);
    await pane.keys("C-c");
    await pane.shows(/^ended with 0$/m);
    await pane.tmux("kill-server");

    const other = new Pane(room);
    await other.start(`sh -c 'echo $$ >/run/top.pid; exec ${WG} top'`, 90, 12);
    await other.shows(/^wg top: 0 interfaces/);
    await room.output(["sh", "-c", "kill -TERM $(cat /run/top.pid)"]);
    await other.shows(/^ended with 0$/m);
  },
);

Deno.test(
  "without a terminal: lines, a count, JSON, and the status of what cannot be seen",
  needs("namespaces", "tun", "ip", "ping"),
  async () => {
    await using room = await wgRoom();
    const { publicKeys } = await tunnel(room);
    await must(room, `ifconfig wg1 wgpeer ${publicKeys.right} wgdescr office`);
    await must(room, "ping -n -q -c 3 -i 0.2 192.168.5.2", "left");
    const lines = await must(room, `${WG} top -n 2 -d 0.2 wg1`);
    const looks = lines.split(/^(?=\d{4}-\d\d-\d\dT)/m);
    equal(looks.length, 2, lines);
    match(looks[0], /\nwg1 +office +- +- /);
    match(looks[1], /\nwg1 +office +0 +0 +\d+s +10\.0\.0\.2:7222 +-\n/);
    const [one, two] = (await must(room, `${WG} top --json -n 2 -d 0.2`)).trim().split("\n")
      .map((line) => JSON.parse(line));
    equal(one.rows.length, 4);
    const row = two.rows.find(({ name }: { name?: string }) => name === "office");
    equal(row.rx_per_second, 0);
    ok(row.rx > 300 && row.tx > 300, JSON.stringify(row));
    const missing = await may(room, `${WG} top -n 1 wg9`);
    equal(missing.code, 1);
    match(missing.stderr, /^wg: wg9: [^\n]*no such interface[^\n]*\n$/);
    equal((await may(room, `${WG} top -n`)).code, 1);
  },
);

Deno.test(
  "a thousand peers: a look is quick, and writes little to the terminal",
  needs("namespaces", "tun", "ip", "tmux"),
  async () => {
    await using room = await wgRoom();
    await must(room, "ifconfig wg1 create wgport 7111");
    const peers = Array.from(
      { length: 1000 },
      (_, i) => `[Peer]\nPublicKey = ${randomKey()}\nAllowedIPs = 10.${i >> 8}.${i & 255}.0/24\n`,
    );
    await room.output(
      ["sh", "-c", `cat >/run/peers.conf; exec ${WG} addconf wg1 /run/peers.conf`],
      {
        stdin: peers.join("\n"),
      },
    );
    const pane = new Pane(room);
    await pane.start(`${WG} top -d 0.5`, 120, 40);
    await pane.shows(/1000 peers/);
    await pane.tmux("pipe-pane", "cat >/run/written");
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await pane.keys("q");
    await pane.shows(/ended with 0/);
    const written = (await room.output(["cat", "/run/written"])).length;
    // Idle peers change nothing: a look writes next to nothing, the end of the screen some bytes.
    ok(written < 2000, `${written} bytes`);
  },
);

Deno.test("the tour of top", needs("namespaces", "tun", "ip", "ping"), async () => {
  await using room = await wgRoom();
  const { publicKeys } = await tunnel(room);
  await must(room, `ifconfig wg1 wgpeer ${publicKeys.right} wgdescr office`);
  await must(room, "ping -n -q -c 1 192.168.5.2", "left");
  await walk(room, "Live view", { netns: "left" });
});
