/**
 * `wg tcpdump` on real interfaces, read with tshark: the packets of the tunnel are what was sent,
 * and with --secrets tshark opens the outer datagrams and finds the same packets in them.
 * @module
 */
import assert from "node:assert/strict";
import type { Room, Running } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { walk } from "./tour.ts";
import { may, must, ping, randomKey, tunnel, WG, wgRoom } from "./peers.ts";

const ROOM = needs("namespaces", "tun", "ip", "ping");
const TSHARK = needs("namespaces", "tun", "ip", "ping", "tshark");

/** Begins a capture in the namespace `left`, and waits until it runs. */
async function capturing(room: Room, words: string): Promise<Running> {
  const running = room.spawn([WG, "tcpdump", "wg1", ...words.split(" ")], { netns: "left" });
  await running.wrote("capturing on wg1");
  return running;
}

async function ended(running: Running): Promise<string> {
  running.signal("SIGINT");
  const { code } = await running.status;
  assert.equal(code, 0, running.output());
  return running.output();
}

/** The values of fields of the packets that pass a display filter, a row for each packet. */
async function tshark(file: string, filter: string, ...fields: string[]): Promise<string[][]> {
  const { code, stdout, stderr } = await new Deno.Command("tshark", {
    args: [
      ...["-r", file, "-Y", filter, "-T", "fields", "-o", "ip.check_checksum:TRUE"],
      ...["-o", "udp.check_checksum:TRUE", ...fields.flatMap((field) => ["-e", field])],
    ],
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder();
  assert.equal(code, 0, text.decode(stderr));
  return text.decode(stdout).split("\n").slice(0, -1).map((line) => line.split("\t"));
}

for (const workers of [1, 4]) {
  Deno.test({
    name: `tshark reads what ${workers} Worker(s) recorded, and opens it with the secrets`,
    ...TSHARK,
    fn: async () => {
      await using room = await wgRoom();
      const folder = await Deno.makeTempDir();
      try {
        const file = `${folder}/wg1.pcapng`;
        const psk = randomKey();
        const { publicKeys } = await tunnel(room, "10.0.0.2", `wgpsk ${psk}`, workers);
        await must(room, `ifconfig wg1 wgpeer ${publicKeys.right} wgdescr anna`, "left");
        const running = await capturing(room, `-w ${file} --secrets`);
        await ping(room, "left", "192.168.5.2");
        await ping(room, "right", "192.168.5.1");
        await ping(room, "left", "fd05::2");
        const said = await ended(running);
        assert.match(said, /WARNING: .*wg1\.pcapng will have the private key of wg1/);
        assert.match(said, /\d+ packets captured, 0 dropped/);
        assert.equal((await Deno.stat(file)).mode! & 0o777, 0o600);

        const echoes = ["icmp.type", "icmp.ident", "icmp.seq", "icmpv6.type"];
        const fields = [...echoes, "icmpv6.echo.sequence_number", "data.data"];
        const inner = await tshark(
          file,
          "frame.interface_id==0 && (icmp || icmpv6.type>=128)",
          ...fields,
        );
        const pings = inner.filter(([type, , , type6]) => `${type}${type6}` !== "");
        // Three pings of four, each a request and its reply. The first request may be repeated.
        const count = (of: (fields: string[]) => boolean) => pings.filter(of).length;
        assert.ok(count(([type]) => type === "8") >= 8, JSON.stringify(inner));
        assert.ok(count(([type]) => type === "0") >= 8, JSON.stringify(inner));
        assert.ok(count(([, , , type]) => type === "129") >= 4, JSON.stringify(inner));

        // The same packets, opened by tshark.
        const opened = await tshark(
          file,
          "frame.interface_id==1 && wg.type==4 && (icmp || icmpv6.type>=128)",
          ...fields,
        );
        assert.deepEqual([...opened].sort(), [...inner].sort());

        const handshake = await tshark(
          file,
          "wg.type==1 || wg.type==2",
          ...["wg.type", "ip.src", "ip.dst", "udp.srcport", "udp.dstport", "ip.checksum.status"],
          ...["udp.checksum.status", "frame.packet_flags_direction"],
        );
        // On a slow machine an initiation may be sent again before the first response.
        const first = ["1", "2"].map((type) => handshake.find(([its]) => its === type));
        assert.deepEqual(first, [
          ["1", "10.0.0.1", "10.0.0.2", "7111", "7222", "1", "1", "0x00000002"],
          ["2", "10.0.0.2", "10.0.0.1", "7222", "7111", "1", "1", "0x00000001"],
        ]);
        // Of several handshakes, each initiation comes before its response.
        const again = `${folder}/again.pcapng`;
        const second = await capturing(room, `-w ${again} --secrets`);
        for (let i = 0; i < 3; i++) {
          await must(room, "ifconfig wg1 down", "left");
          await must(room, "ifconfig wg1 up", "left");
          await ping(room, "left", "192.168.5.2");
        }
        await ended(second);
        const pairs = await tshark(again, "wg.type==2", "wg.response_to");
        assert.ok(
          pairs.length >= 3 && pairs.every(([initiation]) => initiation !== ""),
          `${pairs}`,
        );
        const names = await tshark(file, "wg.type==4 || icmp", "frame.comment");
        assert.deepEqual([...new Set(names.map(([name]) => name))], ["anna"]);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

Deno.test({
  name: "the responder's secrets open the session too, and without secrets there are none",
  ...TSHARK,
  fn: async () => {
    await using room = await wgRoom();
    const folder = await Deno.makeTempDir();
    try {
      await tunnel(room);
      const file = `${folder}/wg1.pcapng`;
      const running = await capturing(room, `-w ${file} --secrets outer`);
      // The right side begins, once it knows where the left one is.
      await must(
        room,
        "ifconfig wg2 wgpeer " + await peerOf(room, "wg2") +
          " wgendpoint 10.0.0.1 7111",
        "right",
      );
      await ping(room, "right", "192.168.5.1");
      await ended(running);
      const opened = await tshark(file, "frame.interface_id==1 && icmp", "icmp.seq");
      assert.ok(opened.length >= 8, `${opened.length}`);

      const plain = `${folder}/plain.pcapng`;
      const second = await capturing(room, `-w ${plain}`);
      await must(room, "ifconfig wg1 down", "left");
      await must(room, "ifconfig wg1 up", "left");
      await ping(room, "left", "192.168.5.2");
      await ended(second);
      assert.deepEqual(await tshark(plain, "frame.interface_id==1 && icmp", "icmp.seq"), []);
      assert.ok((await tshark(plain, "frame.interface_id==0 && icmp", "icmp.seq")).length >= 8);
      assert.ok(!new TextDecoder().decode(await Deno.readFile(plain)).includes("PRIVATE_KEY"));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

/** The public key of an interface's only peer. */
async function peerOf(room: Room, name: string): Promise<string> {
  return /wgpeer (\S{44})/.exec(await must(room, `ifconfig ${name}`))![1];
}

Deno.test({
  name: "lines and objects of packets, filters, and the number of packets",
  ...ROOM,
  fn: async () => {
    await using room = await wgRoom();
    const { publicKeys } = await tunnel(room);
    await must(room, `ifconfig wg1 wgpeer ${publicKeys.right} wgdescr anna`, "left");
    const running = await capturing(room, "peer anna");
    await ping(room, "left", "192.168.5.2");
    await running.wrote(/seq 3, length 64\n.*seq 3, length/);
    const said = await ended(running);
    const time = String.raw`^\d\d:\d\d:\d\d\.\d{6} `;
    const line = (rest: string) => new RegExp(time + rest, "m");
    assert.match(
      said,
      line(
        "out anna IP 10.0.0.1.7111 > 10.0.0.2.7222: WireGuard handshake initiation, length 148$",
      ),
    );
    assert.match(
      said,
      line("in - IP 10.0.0.2.7222 > 10.0.0.1.7111: WireGuard handshake response, length 92$"),
    );
    assert.match(
      said,
      line(
        String
          .raw`out anna IP 192.168.5.1 > 192.168.5.2: ICMP echo request, id \d+, seq 3, length 64$`,
      ),
    );
    assert.match(
      said,
      line(
        String
          .raw`in anna IP 192.168.5.2 > 192.168.5.1: ICMP echo reply, id \d+, seq 3, length 64$`,
      ),
    );
    assert.doesNotMatch(said, /WireGuard data/);

    const counted = await capturing(room, "--json -c 2 host 192.168.5.2 outer");
    await ping(room, "left", "fd05::2");
    await ping(room, "left", "192.168.5.2");
    assert.equal((await counted.status).code, 0);
    const objects = counted.output().split("\n").filter((one) => one.startsWith("{")).map((one) =>
      JSON.parse(one)
    );
    assert.equal(objects.length, 2);
    assert.deepEqual(
      objects.map(({ layer, direction, protocol, peer, length }) => ({
        layer,
        direction,
        protocol,
        name: peer.name,
        length,
      })),
      ["out", "in"].map((direction) => ({
        layer: "outer",
        direction,
        protocol: "wireguard",
        name: "anna",
        length: 156,
      })),
    );
    // A capture that has ended leaves the interface as it was.
    await ping(room, "left", "192.168.5.2");
  },
});

Deno.test({
  name: "the tour of captures",
  ...TSHARK,
  fn: async () => {
    await using room = await wgRoom();
    await tunnel(room, "10.0.0.2", "wgdescr office");
    await ping(room, "left", "192.168.5.2");
    await walk(room, "Capture", { netns: "left" });
  },
});

Deno.test({
  name: "who may capture, and what is refused",
  ...ROOM,
  fn: async () => {
    await using room = await wgRoom();
    await tunnel(room);
    const refused = async (words: string, expected: RegExp) => {
      const { code, stderr } = await may(room, `${WG} tcpdump ${words}`, "left");
      assert.equal(code, 1, stderr);
      assert.match(stderr, expected);
    };
    await refused("wg1 -c", /-c: a number of packets is required after it/);
    await refused("wg1 -c 0", /-c: "0" is out of range; 1 to 4294967295 is required/);
    await refused("wg1 host nowhere", /host: "nowhere" is no IP address/);
    await refused("wg1 net 10.0.0.0/33", /net: "10\.0\.0\.0\/33" is no prefix/);
    await refused("wg1 peer bert", /peer: "bert": no peer has this name/);
    await refused("wg1 --secrets", /--secrets: a file \(-w\) with outer datagrams is required/);
    await refused("wg7", /wg7: .*no such interface/);
    await refused("wg1 -w /dev/full", /\/dev\/full: write: No space left on device \(ENOSPC\)/);
    const running = await capturing(room, "-c 1000");
    await refused("wg1 -c 1", /another capture is running/);
    await ended(running);
    const again = await capturing(room, "-c 1000");
    // An interface that ends takes the capture with it.
    await must(room, "ifconfig wg1 destroy", "left");
    assert.equal((await again.status).code, 0);
    assert.match(again.output(), /0 packets captured, 0 dropped/);
  },
});

Deno.test({
  name: "a reader that stands still loses packets, which are counted, and stops nothing",
  ...ROOM,
  fn: async () => {
    await using room = await wgRoom();
    await tunnel(room);
    await ping(room, "left", "192.168.5.2");
    const running = await capturing(room, "-w /dev/null");
    running.signal("SIGSTOP");
    // 14 MB of echoes in both directions and layers, for which there is room for 8 MB. One is
    // answered before the next, so that a slow machine loses none.
    const echo = "ping -n -q -c 1 -s 60000 -W 20 192.168.5.2";
    const script = `for i in $(seq 60); do ${echo} || exit 1; done`;
    await room.output(["sh", "-c", script], { netns: "left", timeoutMs: 240_000 });
    running.signal("SIGCONT");
    await ping(room, "left", "192.168.5.2");
    const [, dropped] = /captured, (\d+) dropped/.exec(await ended(running))!;
    assert.ok(Number(dropped) > 0, dropped);
  },
});

Deno.test({
  name: "a capture whose output nobody takes ends with a signal",
  ...ROOM,
  fn: async () => {
    await using room = await wgRoom();
    await tunnel(room);
    await must(room, "mkfifo /run/fifo");
    const begin = async (redirection: string, words: string) => {
      const script = `exec 3<>/run/fifo; exec ${WG} tcpdump wg1 ${words} ${redirection}`;
      const running = room.spawn(["sh", "-c", script], { netns: "left" });
      await running.wrote("capturing on wg1");
      return running;
    };
    // A pipe takes 64 KiB.
    for (const [redirection, words] of [[">/run/fifo", "-s 1"], ["", "-w /run/fifo"]]) {
      const running = await begin(redirection, words);
      const more = "ping -n -q -c 400 -i 0.005 -s 500 -W 20 192.168.5.2";
      assert.match(await must(room, more, "left"), / 0% packet loss/);
      running.signal("SIGTERM");
      assert.equal((await running.status).signal, "SIGTERM", running.output());
    }
  },
});

Deno.test({
  name: "the process of another implementation is told to have no captures",
  ...needs("namespaces", "tun", "ip", "wireguard-go"),
  fn: async () => {
    await using room = await wgRoom();
    await must(room, "wireguard-go wg3");
    const { code, stderr } = await may(room, `timeout 100 ${WG} tcpdump wg3`);
    assert.equal(code, 1);
    assert.equal(
      stderr,
      "wg: wg3: capture: Protocol error: its process has no captures (EPROTO)\n",
    );
    await must(room, "ip link del wg3");
  },
});
