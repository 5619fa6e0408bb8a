/** Links, addresses and routes of a real namespace, compared with the output of ip(8). */
import assert from "node:assert/strict";
import { poll } from "../../ffi/libc.ts";
import { pollfds, POLLIN } from "../../ffi/structs.ts";
import { formatIp } from "../../lib/base/ip_text.ts";
import { LinkMonitor } from "../../lib/linux/link_monitor.ts";
import type { NetNamespace } from "../../lib/linux/namespace.ts";
import { RouteSocket } from "../../lib/linux/route_socket.ts";
import { type Link } from "../../lib/netlink/link.ts";
import { IFF_UP } from "../../lib/netlink/flags.ts";
import { closeTun, openTun } from "../../lib/ports/open_tun.ts";
import { freshNamespace, ip, ipJson, isRoot, osErrorOf, runIn } from "./lab.ts";

interface Scene {
  readonly namespace: NetNamespace;
  readonly routes: RouteSocket;
  readonly link: Link;
  readonly tunFd: number;
}

/** A test in a namespace of its own with a TUN device `wgtest0`, up. */
function scene(name: string, body: (scene: Scene) => void): void {
  Deno.test({
    name,
    ignore: !isRoot,
    fn: () => {
      using namespace = freshNamespace();
      using routes = RouteSocket.open(namespace);
      const tun = namespace.run(() => openTun("wgtest0"));
      try {
        const link = routes.requireLink("wgtest0");
        routes.setLink(link.index, { linkLocal: false });
        routes.setLink(link.index, { up: true });
        body({ namespace, routes, link, tunFd: tun.fd });
      } finally {
        closeTun(tun);
      }
    },
  });
}

scene(
  "links are as ip(8) has them, and changes of all kinds arrive",
  ({ namespace, routes, link }) => {
    routes.setLink(link.index, {
      mtu: 1380,
      alias: "to the other side ü",
      group: 77,
      queueLength: 900,
    });
    const theirs = ipJson(namespace, "link", "show").map((
      l,
    ) => [l.ifindex, l.ifname, l.mtu, l.ifalias ?? "", l.txqlen]);
    assert.deepEqual(
      routes.links().map((l) => [l.index, l.name, l.mtu, l.alias, l.queueLength]),
      theirs,
    );
    const own = routes.requireLink("wgtest0");
    assert.deepEqual([own.mtu, own.alias, own.group, own.kind], [
      1380,
      "to the other side ü",
      77,
      "tun",
    ]);
    assert.notEqual(own.flags & IFF_UP, 0);
    const [{ stats64 }] = ipJson(namespace, "-stats", "link", "show", "lo");
    assert.equal(routes.links()[0].stats?.rxBytes, stats64.rx.bytes);

    routes.setLink(link.index, { up: false, alias: "" });
    routes.setLink(link.index, { name: "wgtest9" });
    const [after] = ipJson(namespace, "link", "show", "wgtest9");
    assert.equal(after.ifalias, undefined);
    assert.ok(!after.flags.includes("UP"));
    assert.equal(routes.link("wgtest0"), undefined);
    assert.equal(routes.link(link.index)?.name, "wgtest9");
  },
);

scene(
  "an address of each family is usable at once, with its connected route",
  ({ namespace, routes, link }) => {
    const interfaceIndex = link.index;
    routes.addAddress({
      address: ip("192.168.5.1"),
      prefix: 24,
      broadcast: ip("192.168.5.255"),
      interfaceIndex,
    });
    routes.addAddress({ address: ip("fd00::1"), prefix: 64, interfaceIndex });
    routes.addAddress({
      address: ip("10.1.1.1"),
      prefix: 32,
      peer: ip("10.1.1.2"),
      interfaceIndex,
      label: "wgtest0:a",
    });
    routes.addAddress({ address: ip("10.4.0.1"), prefix: 16, interfaceIndex, metric: 55 });

    const [shown] = ipJson(namespace, "address", "show", "dev", "wgtest0");
    // deno-lint-ignore no-explicit-any
    const theirs = shown.addr_info.map((a: any) => [
      `${a.local}/${a.prefixlen}`,
      a.address ?? "",
      a.broadcast ?? "",
      a.label ?? "",
      a.metric ?? 0,
    ]);
    const ours = routes.addresses({ interfaceIndex }).map((a) => [
      `${formatIp(a.address)}/${a.prefix}`,
      a.peer === undefined ? "" : formatIp(a.peer),
      a.broadcast === undefined ? "" : formatIp(a.broadcast),
      a.label,
      a.metric,
    ]);
    assert.deepEqual(ours, theirs);
    assert.equal(ours.length, 4);
    // deno-lint-ignore no-explicit-any
    assert.ok(shown.addr_info.every((a: any) => a.tentative !== true));

    const connected = routes.routes({ table: 254 }).map((r) =>
      `${formatIp(r.destination)}/${r.prefix} ${r.metric}`
    );
    for (const route of ["192.168.5.0/24 0", "10.1.1.2/32 0", "10.4.0.0/16 55", "fd00::/64 256"]) {
      assert.ok(connected.includes(route), `${route} in ${connected}`);
    }
    assert.equal(routes.getRoute(ip("fd00::9")).interfaceIndex, link.index);
    assert.equal(
      formatIp(routes.getRoute(ip("192.168.5.9")).preferredSource ?? ip("::")),
      "192.168.5.1",
    );

    routes.deleteAddress({ address: ip("fd00::1"), prefix: 64, interfaceIndex });
    assert.deepEqual(routes.addresses({ interfaceIndex, family: 6 }), []);
    routes.replaceAddress({ address: ip("192.168.5.1"), prefix: 24, interfaceIndex });
  },
);

scene("routes of both families are as ip(8) has them", ({ namespace, routes, link }) => {
  const interfaceIndex = link.index;
  routes.addAddress({ address: ip("192.168.5.1"), prefix: 24, interfaceIndex });
  routes.addAddress({ address: ip("fd00::1"), prefix: 64, interfaceIndex });
  const ten = { destination: ip("10.9.0.0"), prefix: 16, metric: 7 };
  routes.addRoute({ ...ten, gateway: ip("192.168.5.2"), mtu: 1300 });
  routes.addRoute({ destination: ip("0.0.0.0"), prefix: 0, interfaceIndex, table: 1000 });
  routes.addRoute({ destination: ip("2001:db8::"), prefix: 32, gateway: ip("fd00::2") });
  routes.addRoute({ destination: ip("::"), prefix: 0, interfaceIndex });
  routes.addRoute({ destination: ip("10.10.0.0"), prefix: 16, type: "blackhole" });
  routes.addRoute({ destination: ip("2001:db8:1::"), prefix: 48, type: "unreachable" });
  routes.addRoute({
    destination: ip("10.12.0.0"),
    prefix: 16,
    gateway: ip("fd00::7"),
    interfaceIndex,
  });
  routes.addRoute({
    destination: ip("10.13.0.0"),
    prefix: 16,
    interfaceIndex,
    preferredSource: ip("192.168.5.1"),
  });

  const key = (
    r: { type: string; destination: string; gateway: string; dev: string; metric: number },
  ) => [r.type, r.destination, r.gateway, r.dev, r.metric].join(" ");
  const theirs = (["-4", "-6"] as const).flatMap((family) =>
    ["main", "1000"].flatMap((table) =>
      // ip(8) fails for a table that IPv6 does not have.
      family === "-6" && table === "1000"
        ? []
        : ipJson(namespace, family, "route", "show", "table", table)
    )
  ).map((r) =>
    key({
      type: r.type,
      destination: r.dst === "default" ? "default" : r.dst.includes("/") ? r.dst : `${r.dst}/32`,
      gateway: r.gateway ?? r.via?.host ?? "-",
      dev: r.dev ?? "-",
      metric: r.metric ?? 0,
    })
  );
  const names = new Map(routes.links().map((l) => [l.index, l.name]));
  const ours = routes.routes().filter((r) => r.table === 254 || r.table === 1000).map((r) =>
    key({
      type: r.type,
      destination: r.prefix === 0 ? "default" : `${formatIp(r.destination)}/${r.prefix}`,
      gateway: r.gateway === undefined ? "-" : formatIp(r.gateway),
      dev: names.get(r.interfaceIndex) ?? "-",
      metric: r.metric,
    })
  );
  assert.deepEqual(ours.sort(), theirs.sort());
  assert.equal(routes.routes({ table: 1000 }).length, 1);
  assert.deepEqual(routes.routes({ table: 4711 }), []);
  assert.ok(routes.routes({ interfaceIndex }).every((r) => r.interfaceIndex === interfaceIndex));
  assert.ok(routes.routes({ family: 6 }).every((r) => r.family === 6));

  const match = routes.getRoute(ip("10.9.3.3"), { match: true });
  assert.deepEqual([formatIp(match.destination), match.prefix, match.metric, match.mtu], [
    "10.9.0.0",
    16,
    7,
    1300,
  ]);
  assert.equal(routes.getRoute(ip("2001:db8:5::1"), { match: true }).prefix, 32);
  routes.changeRoute({ ...ten, gateway: ip("192.168.5.3") });
  assert.equal(formatIp(routes.getRoute(ip("10.9.3.3")).gateway ?? ip("::")), "192.168.5.3");
  routes.replaceRoute({ ...ten, gateway: ip("192.168.5.4") });
  routes.deleteRoute(ten);
  osErrorOf("ESRCH", () => routes.deleteRoute(ten));
});

scene("what cannot be done is an OsError that names the call, the object and the reason", (s) => {
  const { routes, namespace } = s;
  const interfaceIndex = s.link.index;
  const own = { address: ip("192.168.5.1"), prefix: 24, interfaceIndex };
  routes.addAddress(own);
  const ten = { destination: ip("10.9.0.0"), prefix: 16, gateway: ip("192.168.5.2") };
  routes.addRoute(ten);
  const cases: [string, RegExp, () => unknown][] = [
    ["EEXIST", /^192\.168\.5\.1\/24: RTM_NEWADDR: File exists/, () => routes.addAddress(own)],
    [
      "EADDRNOTAVAIL",
      /192\.168\.5\.7\/24: RTM_DELADDR/,
      () => routes.deleteAddress({ ...own, address: ip("192.168.5.7") }),
    ],
    ["ENODEV", /RTM_NEWADDR/, () => routes.addAddress({ ...own, interfaceIndex: 999 })],
    ["EINVAL", /RTM_NEWADDR/, () => routes.addAddress({ ...own, prefix: 33 })],
    ["EEXIST", /^route 10\.9\.0\.0\/16: RTM_NEWROUTE: File exists/, () => routes.addRoute(ten)],
    ["EINVAL", /prefix/, () => routes.addRoute({ ...ten, prefix: 12 })],
    [
      "ENETUNREACH",
      /gateway/,
      () => routes.addRoute({ ...ten, destination: ip("10.8.0.0"), gateway: ip("1.1.1.1") }),
    ],
    ["ENOENT", /RTM_NEWROUTE/, () => routes.changeRoute({ ...ten, destination: ip("10.7.0.0") })],
    ["ESRCH", /RTM_DELROUTE/, () => routes.deleteRoute({ ...ten, destination: ip("10.7.0.0") })],
    ["ENETUNREACH", /^8\.8\.8\.8: RTM_GETROUTE/, () => routes.getRoute(ip("8.8.8.8"))],
    ["ENETUNREACH", /^2001:db8::1: RTM_GETROUTE/, () => routes.getRoute(ip("2001:db8::1"))],
    [
      "EINVAL",
      /^wgtest0: RTM_NEWLINK: .*mtu less than device minimum/,
      () => routes.setLink(interfaceIndex, { mtu: 7 }),
    ],
    ["EINVAL", /^wgtest0: .*mtu greater/, () => routes.setLink(interfaceIndex, { mtu: 70_000 })],
    ["ENODEV", /^interface 999: RTM_NEWLINK/, () => routes.setLink(999, { up: true })],
    ["ENODEV", /^interface 999: RTM_DELLINK/, () => routes.deleteLink(999)],
    ["ENODEV", /^wgnone: RTM_GETLINK: No such device/, () => routes.requireLink("wgnone")],
    ["EEXIST", /^wgtest0: RTM_NEWLINK/, () => routes.setLink(interfaceIndex, { name: "lo" })],
    ["EBUSY", /^wgtest0: TUNSETIFF/, () => namespace.run(() => openTun("wgtest0"))],
    ["EBUSY", /^lo: TUNSETIFF/, () => namespace.run(() => openTun("lo"))],
  ];
  for (const [code, message, act] of cases) assert.match(osErrorOf(code, act), message);
});

scene("a dump of more than one datagram is whole", ({ namespace, routes, link }) => {
  const batch = Array.from(
    { length: 2000 },
    (_, i) => `route add 10.${100 + (i >> 8)}.${i & 255}.0/24 dev wgtest0`,
  );
  const file = Deno.makeTempFileSync();
  try {
    Deno.writeTextFileSync(file, batch.join("\n"));
    runIn(namespace, "ip", "-batch", file);
  } finally {
    Deno.removeSync(file);
  }
  const found = routes.routes({ interfaceIndex: link.index, table: 254, family: 4 });
  assert.equal(new Set(found.map((r) => formatIp(r.destination))).size, 2000);
});

scene(
  "a dump is whole and without doubles while others change what it lists",
  ({ namespace, routes, link }) => {
    // The removed routes come first, so that the others move up while they are listed.
    const going = Array.from({ length: 40 }, (_, i) => `10.2.0.${i}/32 dev wgtest0`);
    const steady = Array.from(
      { length: 2500 },
      (_, i) => `10.1.${i >> 8}.${i & 255}/32 dev wgtest0`,
    );
    const all = [...going, ...steady].map((address) => `address add ${address}`);
    const churn = going.flatMap((
      address,
    ) => [`address del ${address}`, ...new Array(20).fill("link set lo up")]);
    const folder = Deno.makeTempDirSync();
    try {
      Deno.writeTextFileSync(`${folder}/all`, all.join("\n"));
      Deno.writeTextFileSync(`${folder}/churn`, churn.join("\n"));
      runIn(namespace, "ip", "-batch", `${folder}/all`);
      runIn(namespace, "sh", "-c", `ip -batch ${folder}/churn >/dev/null 2>&1 & echo`);
      const deadline = performance.now() + 10_000;
      let left = going.length;
      while (left > 0 && performance.now() < deadline) {
        const found = routes.addresses({ interfaceIndex: link.index, family: 4 }).map((a) =>
          formatIp(a.address)
        );
        left = found.filter((address) => address.startsWith("10.2.")).length;
        assert.equal(found.length - left, 2500);
        assert.equal(new Set(found).size, found.length);
      }
      assert.equal(left, 0);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
);

scene("a subscription tells what happens to a link, and its end", ({ namespace, routes, link }) => {
  using monitor = LinkMonitor.open(namespace);
  assert.deepEqual(monitor.read(), []);
  const fds = pollfds([{ fd: monitor.fd, events: POLLIN }]);
  assert.equal(poll(fds, 0), 0);
  routes.setLink(link.index, { mtu: 1300 });
  assert.equal(poll(fds, 0), 1);
  const changed = monitor.read();
  assert.ok(changed.some((event) => event.type === "changed" && event.link.mtu === 1300));
  routes.deleteLink(link.index);
  assert.ok(monitor.read().some((event) => event.type === "gone" && event.link.name === "wgtest0"));
  assert.deepEqual(monitor.read(), []);
});

scene("a subscription that was not read for long says so", ({ namespace, routes, link }) => {
  using monitor = LinkMonitor.open(namespace);
  for (let i = 0; i < 600; i++) routes.setLink(link.index, { mtu: 1300 + (i & 1) });
  const events = monitor.read();
  assert.ok(events.some((event) => event.type === "overrun"), `${events.length} events`);
  routes.setLink(link.index, { mtu: 1400 });
  assert.ok(monitor.read().some((event) => event.type === "changed" && event.link.mtu === 1400));
});
