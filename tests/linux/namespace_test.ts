/** Network namespaces and rdomains. The tests make and remove high rdomains in /run/netns. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  close,
  flock,
  LOCK_EX,
  mkdir,
  O_CLOEXEC,
  O_CREAT,
  O_RDONLY,
  open,
  unlink,
} from "../../ffi/libc.ts";
import { EAGAIN } from "../../lib/base/errno.ts";
import { ConfigError } from "../../lib/base/errors.ts";
import { checkInterfaceName } from "../../lib/base/interface_name.ts";
import { NetNamespace, removeRdomainIfEmpty } from "../../lib/linux/namespace.ts";
import {
  checkRdomain,
  namedRdomains,
  NETNS_DIRECTORY,
  rdomainOf,
  rdomainPath,
  sameNamespace,
} from "../../lib/linux/rdomain.ts";
import { RouteSocket } from "../../lib/linux/route_socket.ts";
import { inetSockets, listeningSockets, parseSockets } from "../../lib/linux/sockets.ts";
import { formatIp } from "../../lib/base/ip_text.ts";
import { Arena } from "../../lib/base/arena.ts";
import { QUEUE_BULK, QUEUE_MAIN } from "../../lib/data/bulk_flows.ts";
import { VNET_HEADER_BYTES } from "../../lib/data/ports.ts";
import { LinuxTunPort } from "../../lib/ports/linux_tun_port.ts";
import { internetChecksum } from "../data/packets.ts";
import {
  closeTun,
  openTun,
  setOffloads,
  tunName,
  tunNamespaceFd,
} from "../../lib/ports/open_tun.ts";
import { closeUdp, openUdp } from "../../lib/ports/open_udp.ts";
import { freshNamespace, ip, ipJson, isRoot, osErrorOf } from "./lab.ts";

const LOCK_NB = 4;

/** An rdomain that is not in use, so that several test runs do not collide. */
function freeRdomain(): number {
  const taken = new Set(namedRdomains());
  for (let n = 255 - Deno.pid % 40; n > 100; n--) if (!taken.has(n)) return n;
  return assert.fail("no rdomain is free");
}

function withRdomain(name: string, body: (n: number, namespace: NetNamespace) => void): void {
  Deno.test({
    name,
    ignore: !isRoot,
    fn: () => {
      const n = freeRdomain();
      try {
        using namespace = NetNamespace.rdomain(n, { create: true });
        body(n, namespace);
      } finally {
        if (namedRdomains().includes(n)) {
          new Deno.Command("ip", { args: ["netns", "del", `rdomain${n}`] }).outputSync();
        }
      }
    },
  });
}

Deno.test("one's own namespace needs no privileges", () => {
  using home = NetNamespace.current();
  using again = NetNamespace.rdomain(0);
  assert.ok(sameNamespace(home.identity, again.identity));
  assert.equal(rdomainOf(home.identity), 0);
  assert.equal(home.run(() => 7), 7);
  using routes = RouteSocket.open(home);
  assert.equal(routes.requireLink("lo").index, 1);
  assert.ok(routes.links().length >= 1);
});

Deno.test("rdomains out of range are refused with their number", () => {
  for (const n of [-1, 256, 1.5, NaN, Infinity]) {
    assert.throws(
      () => checkRdomain(n),
      (e: unknown) => e instanceof ConfigError && e.word === "rdomain",
    );
    assert.throws(() => NetNamespace.rdomain(n), ConfigError);
    assert.throws(() => removeRdomainIfEmpty(n), ConfigError);
  }
});

Deno.test("a file that is not a network namespace is not entered", () => {
  assert.match(
    osErrorOf("EINVAL", () => NetNamespace.atPath("/etc/passwd")),
    /^\/etc\/passwd: setns/,
  );
  osErrorOf("EINVAL", () => NetNamespace.atPath("/proc/self/ns/mnt"));
  osErrorOf("ENOENT", () => NetNamespace.atPath("/run/netns/wg-no-such-name"));
});

withRdomain("an rdomain is a namespace that ip-netns(8) knows, its lo up", (n, namespace) => {
  assert.ok(namedRdomains().includes(n));
  assert.equal(rdomainOf(namespace.identity), n);
  using again = NetNamespace.rdomain(n);
  assert.ok(sameNamespace(namespace.identity, again.identity));
  const { success, stdout } = new Deno.Command("ip", { args: ["-n", `rdomain${n}`, "-br", "link"] })
    .outputSync();
  assert.ok(success);
  assert.match(new TextDecoder().decode(stdout), /^lo .*LOOPBACK,UP/);
  using home = NetNamespace.current();
  assert.ok(!sameNamespace(home.identity, namespace.identity), "and this thread is where it was");
  assert.ok(removeRdomainIfEmpty(n));
  assert.ok(!namedRdomains().includes(n));
  assert.equal(removeRdomainIfEmpty(n), false);
  osErrorOf("ENOENT", () => NetNamespace.rdomain(n));
});

withRdomain(
  "run comes back after a throw, nests, and refuses what is not synchronous",
  (_n, namespace) => {
    using home = NetNamespace.current();
    const here = () => {
      using now = NetNamespace.current();
      return now.identity;
    };
    assert.throws(() => namespace.run(() => assert.fail("inside")), /inside/);
    assert.ok(sameNamespace(here(), home.identity));
    const seen = namespace.run(() => [here(), home.run(here), here()]);
    assert.ok(sameNamespace(seen[0], namespace.identity));
    assert.ok(sameNamespace(seen[1], home.identity));
    assert.ok(sameNamespace(seen[2], namespace.identity));
    assert.throws(() => namespace.run(() => Promise.resolve()), TypeError);
    assert.ok(sameNamespace(here(), home.identity));
  },
);

withRdomain("an rdomain with an interface or a socket in it stays", (n, namespace) => {
  const tun = namespace.run(() => openTun("wgtest1"));
  assert.equal(removeRdomainIfEmpty(n), false);
  closeTun(tun);
  const udp = namespace.run(() => openUdp({ port: 0 }));
  assert.equal(removeRdomainIfEmpty(n), false);
  closeUdp(udp);
  assert.equal(removeRdomainIfEmpty(n), true);
});

withRdomain("the rest of a creation that was cut short is made use of", (n, namespace) => {
  namespace.close();
  assert.ok(removeRdomainIfEmpty(n));
  mkdir(NETNS_DIRECTORY, 0o755);
  close(open(rdomainPath(n), O_RDONLY | O_CREAT | O_CLOEXEC, 0));
  osErrorOf("EINVAL", () => NetNamespace.rdomain(n));
  assert.equal(rdomainOf({ device: 1, inode: 1 }), undefined);
  try {
    using made = NetNamespace.rdomain(n, { create: true });
    assert.equal(rdomainOf(made.identity), n);
    assert.ok(removeRdomainIfEmpty(n));
  } finally {
    unlink(rdomainPath(n));
  }
});

Deno.test({
  name: "five processes that make one rdomain at once share it",
  ignore: !isRoot,
  fn: async () => {
    const n = freeRdomain();
    const program = fileURLToPath(import.meta.resolve("./print_rdomain.ts"));
    try {
      const outputs = await Promise.all(
        Array.from(
          { length: 5 },
          () =>
            new Deno.Command(Deno.execPath(), {
              args: ["run", "--no-check", "-A", program, String(n)],
            }).output(),
        ),
      );
      const inodes = outputs.map(({ stdout, stderr }) =>
        new TextDecoder().decode(stdout) || new TextDecoder().decode(stderr)
      );
      assert.match(inodes[0], /^[0-9]+\n$/);
      assert.deepEqual(new Set(inodes).size, 1, inodes.join());
    } finally {
      removeRdomainIfEmpty(n);
    }
  },
});

Deno.test({
  name: "a TUN device is found by its descriptor wherever it goes",
  ignore: !isRoot,
  fn: () => {
    using first = freshNamespace();
    using second = freshNamespace();
    const tun = first.run(() => openTun("wgtest2"));
    const { fd } = tun;
    try {
      using routes = RouteSocket.open(first);
      const link = routes.requireLink("wgtest2");
      assert.deepEqual([link.kind, link.queueLength], ["tun", 500]);
      routes.setLink(link.index, { namespaceFd: second.fd, name: "wgtest3" });
      assert.equal(routes.link("wgtest2"), undefined);
      assert.equal(tunName(fd), "wgtest3");
      using there = NetNamespace.ofDescriptor(tunNamespaceFd(fd) ?? assert.fail());
      assert.ok(sameNamespace(there.identity, second.identity));
      using others = RouteSocket.open(there);
      others.deleteLink(others.requireLink("wgtest3").index);
      assert.equal(tunName(fd), undefined);
      assert.equal(tunNamespaceFd(fd), undefined);
    } finally {
      closeTun(tun);
    }
  },
});

Deno.test({
  name: "a TUN device has the offloads that were asked for, and others while it runs",
  ignore: !isRoot,
  fn: () => {
    using namespace = freshNamespace();
    const both = { tso: true, uso: true };
    for (const offloads of [both, { tso: true, uso: false }, { tso: false, uso: false }]) {
      const tun = namespace.run(() => openTun("wgtest4", { offloads }));
      try {
        assert.equal(tun.name, "wgtest4");
        assert.equal(tun.tso, offloads.tso);
        if (!offloads.uso) assert.equal(tun.uso, false);
        const [link] = ipJson(namespace, "link", "show", "wgtest4");
        assert.equal(link.linkinfo.info_data.vnet_hdr, true);
        assert.equal(link.linkinfo.info_data.pi, false);
        assert.equal(link.linkinfo.info_data.persist, false);
        assert.deepEqual(setOffloads(tun.fd, tun.name, { tso: false, uso: false }), {
          tso: false,
          uso: false,
        });
        assert.equal(setOffloads(tun.fd, tun.name, both).tso, true);
      } finally {
        closeTun(tun);
      }
    }
    using routes = RouteSocket.open(namespace);
    assert.equal(routes.link("wgtest4"), undefined, "it ended with its descriptors");
  },
});

Deno.test({
  name:
    "a TUN device has a second queue, and a flow's packets come from the one that it was last written to",
  ignore: !isRoot,
  fn: () => {
    using namespace = freshNamespace();
    const tun = namespace.run(() => openTun("wgtest6", { offloads: { tso: false, uso: false } }));
    try {
      assert.ok(tun.queues[1] >= 0);
      using routes = RouteSocket.open(namespace);
      const { index } = routes.requireLink("wgtest6");
      routes.setLink(index, { up: true, linkLocal: false });
      routes.addAddress({ address: ip("10.9.0.1"), prefix: 24, interfaceIndex: index });
      const arena = new Arena(1 << 18);
      const port = new LinuxTunPort(arena, tun);
      assert.equal(port.queues, 2);
      const request = echoRequest();
      arena.bytes.set(request, 1024);
      port.gather(0, 1024 - VNET_HEADER_BYTES, VNET_HEADER_BYTES + request.length);
      // The kernel answers before it notes the queue of the request. The next answer uses that
      // queue.
      let written: number | undefined;
      for (const queue of [QUEUE_BULK, QUEUE_MAIN, QUEUE_MAIN, QUEUE_BULK, QUEUE_BULK]) {
        assert.ok(port.write(1, queue));
        const from: number[] = [];
        for (const other of [QUEUE_MAIN, QUEUE_BULK]) {
          // A link that goes up sends other packets too.
          while (port.read(2048 - VNET_HEADER_BYTES, other) > 0) {
            if (arena.bytes[2048 + 9] === 1 && arena.bytes[2048 + 20] === 0) from.push(other);
          }
        }
        assert.equal(from.length, 1, "an echo reply");
        if (written !== undefined) assert.deepEqual(from, [written]);
        written = queue;
      }
    } finally {
      closeTun(tun);
    }
  },
});

/** ICMP from 10.9.0.2 to 10.9.0.1. */
function echoRequest(): Uint8Array {
  const packet = new Uint8Array(28);
  packet.set([0x45, 0, 0, 28, 0, 0, 0x40, 0, 64, 1, 0, 0, 10, 9, 0, 2, 10, 9, 0, 1, 8]);
  for (const [sumAt, from, to] of [[10, 0, 20], [22, 20, 28]]) {
    const sum = internetChecksum(packet.subarray(from, to));
    packet.set([sum >>> 8, sum & 255], sumAt);
  }
  return packet;
}

Deno.test("bad interface names never reach the kernel, and good ones pass", () => {
  for (
    const name of [
      "wg0",
      "x".repeat(15),
      "a.b",
      "wg_1-2",
      "...",
      "wg+x",
      "-x",
      "wgä",
      "a;b",
      "€€€€€",
    ]
  ) {
    assert.equal(checkInterfaceName(name), name);
  }
  for (
    const name of [
      "",
      ".",
      "..",
      "a/b",
      "a:b",
      "wg 1",
      "wg%d",
      "x".repeat(16),
      "wg\0",
      "wgà",
      "wg1\n",
      "wg\x1b",
      "€€€€€x",
    ]
  ) {
    assert.throws(() => openTun(name), ConfigError, JSON.stringify(name));
  }
});

Deno.test("listening sockets are those that listen", () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const udp = openUdp({ port: 0 });
  try {
    const { port } = listener.addr as Deno.NetAddr;
    const found = listeningSockets();
    const tcp = found.filter((s) => s.protocol === "tcp" && s.localPort === port);
    assert.deepEqual(tcp.map((s) => formatIp(s.localAddress)), ["127.0.0.1"]);
    const both = found.filter((s) => s.protocol === "udp" && s.localPort === udp.port);
    assert.deepEqual(
      both.map((s) => formatIp(s.localAddress)),
      udp.fd6 < 0 ? ["0.0.0.0"] : ["0.0.0.0", "::"],
    );
    assert.ok(inetSockets().length >= found.length);
  } finally {
    closeUdp(udp);
  }
});

Deno.test("the kernel's socket tables are read by its own layout, and rubbish is left out", () => {
  const head =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
  const row =
    "   0: 0100007F:1BC7 0200000A:0035 07 00000010:00000020 00:00000000 00000000  1000        0 12345 2 0 0\n";
  const [socket] = parseSockets(head + row, "udp", 4);
  assert.deepEqual(
    [
      formatIp(socket.localAddress),
      socket.localPort,
      formatIp(socket.remoteAddress),
      socket.remotePort,
    ],
    ["127.0.0.1", 7111, "10.0.0.2", 53],
  );
  assert.deepEqual(
    [socket.state, socket.sendQueue, socket.receiveQueue, socket.uid, socket.inode],
    [
      7,
      16,
      32,
      1000,
      12345,
    ],
  );
  const six = row.replace("0100007F", "B80D0120000000000000000001000000").replace(
    "0200000A",
    "0".repeat(32),
  );
  assert.equal(formatIp(parseSockets(head + six, "udp", 6)[0].localAddress), "2001:db8::1");
  for (const bad of ["", head, head + "garbage\n", head + six, head + row.replace("1BC7", "1BC")]) {
    assert.deepEqual(parseSockets(bad, "udp", 4), [], bad);
  }
});

withRdomain(
  "nobody takes an rdomain away before what was meant for it is in it",
  (n, namespace) => {
    // removeRdomainIfEmpty holds this lock.
    const lockNow = () => {
      const directory = open(NETNS_DIRECTORY, O_RDONLY | O_CLOEXEC);
      try {
        return flock(directory, LOCK_EX | LOCK_NB);
      } finally {
        close(directory);
      }
    };
    namespace.close();
    assert.equal(NetNamespace.occupy(n, lockNow), -EAGAIN);
    // Another process may hold the lock for a moment.
    assert.ok(Array.from({ length: 1000 }, lockNow).includes(0));
  },
);

withRdomain("an rdomain made for something that failed is not left", (n, namespace) => {
  namespace.close();
  assert.ok(removeRdomainIfEmpty(n));
  assert.throws(() => NetNamespace.occupy(n, () => assert.fail("inside")), /inside/);
  assert.ok(!namedRdomains().includes(n));
  assert.equal(NetNamespace.occupy(n, (made) => rdomainOf(made.identity)), n);
  assert.throws(() => NetNamespace.occupy(n, () => assert.fail("inside")), /inside/);
  assert.ok(namedRdomains().includes(n), "it was there before");
});
