/** The options of the two UDP sockets, as the kernel reports them. */
import assert from "node:assert/strict";
import { checked } from "../../ffi/errno.ts";
import {
  bind,
  close,
  getsockname,
  getsockopt,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  socket,
} from "../../ffi/libc.ts";
import { AF_INET6, sockaddr, SOCKADDR_IN6_BYTES, sockaddrPort } from "../../ffi/structs.ts";
import { listeningSockets } from "../../lib/linux/sockets.ts";
import { closeUdp, type OpenedUdp, openUdp, setFwmark } from "../../lib/ports/open_udp.ts";
import { freshNamespace, ip, isRoot, osErrorOf, runIn } from "./lab.ts";

function using_(udp: OpenedUdp, body: (udp: OpenedUdp) => void): void {
  try {
    body(udp);
  } finally {
    closeUdp(udp);
  }
}

/** Whether this process has CAP_NET_ADMIN (12) in the initial user namespace. */
function mayForceBuffers(): boolean {
  const wholeMap = /^\s*0\s+0\s+4294967295\s*$/.test(Deno.readTextFileSync("/proc/self/uid_map"));
  const effective = BigInt(
    "0x" + /^CapEff:\t([0-9a-f]+)$/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1],
  );
  return wholeMap && (effective >> 12n & 1n) === 1n;
}

Deno.test("both families are on one port, with the options that packets need", () => {
  using_(openUdp({ port: 0 }), ({ fd4, fd6, port }) => {
    assert.ok(port > 0);
    const ports = listeningSockets().filter((s) => s.protocol === "udp" && s.localPort === port)
      .map((s) => s.family);
    assert.deepEqual(ports, fd6 < 0 ? [4] : [4, 6]);
    // IP_PKTINFO, IP_RECVTOS, IP_MTU_DISCOVER
    assert.deepEqual([8, 13, 10].map((option) => getsockopt(fd4, 0, option)), [1, 1, 0]);
    // IPV6_V6ONLY, IPV6_RECVPKTINFO, IPV6_RECVTCLASS, IPV6_MTU_DISCOVER
    if (fd6 >= 0) {
      assert.deepEqual([26, 49, 66, 23].map((option) => getsockopt(fd6, 41, option)), [1, 1, 1, 0]);
    }
    // SO_RCVBUF returns twice the value. Without CAP_NET_ADMIN the limit of the sysctl applies.
    if (mayForceBuffers()) {
      assert.deepEqual([8, 7].map((option) => getsockopt(fd4, 1, option)), Array(2).fill(14 << 20));
    }
  });
});

Deno.test("a port in use is refused, and nothing stays open", () => {
  using_(openUdp({ port: 0 }), ({ port }) => {
    const before = descriptors();
    assert.equal(
      osErrorOf("EADDRINUSE", () => openUdp({ port })),
      `udp port ${port}: bind: Address already in use (EADDRINUSE)`,
    );
    assert.equal(descriptors(), before);
  });
});

Deno.test("a port in use in the second family only is refused", () => {
  // An IPv4 socket may take the port of an IPv6-only one, so only the second bind fails.
  const { fd, port } = holdIpv6(0);
  try {
    const before = descriptors();
    osErrorOf("EADDRINUSE", () => openUdp({ port }));
    assert.equal(descriptors(), before);
  } finally {
    close(fd);
  }
});

Deno.test({
  name: "a random port that clashes in the second family is tried again",
  ignore: !isRoot,
  fn: () => {
    using namespace = freshNamespace();
    runIn(namespace, "ip", "link", "set", "lo", "up");
    // Ten ports, nine of them in use by IPv6 sockets.
    const held = namespace.run(() => {
      Deno.writeTextFileSync("/proc/sys/net/ipv4/ip_local_port_range", "40000\t40009\n");
      return [0, 1, 2, 3, 5, 6, 7, 8, 9].map((i) => holdIpv6(40_000 + i).fd);
    });
    try {
      using_(namespace.run(() => openUdp({ port: 0 })), ({ port }) => assert.equal(port, 40_004));
    } finally {
      held.forEach(close);
    }
  },
});

Deno.test({
  name: "a host whose IPv6 is switched off still works",
  ignore: !isRoot,
  fn: () => {
    using namespace = freshNamespace();
    namespace.run(() => Deno.writeTextFileSync("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1\n"));
    using_(namespace.run(() => openUdp({ port: 7111 })), ({ fd4, port }) => {
      assert.ok(fd4 >= 0);
      assert.equal(port, 7111);
    });
  },
});

Deno.test({
  name: "a fwmark is on both sockets, all 32 bits of it, and can change",
  ignore: !isRoot,
  fn: () => {
    using_(openUdp({ port: 0, fwmark: 0xca6c_0001 }), (udp) => {
      for (const fd of [udp.fd4, udp.fd6]) {
        if (fd >= 0) assert.equal((getsockopt(fd, 1, 36) ?? 0) >>> 0, 0xca6c_0001);
      }
      setFwmark(udp, 0);
      assert.equal(getsockopt(udp.fd4, 1, 36), 0);
    });
  },
});

function descriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

/** Binds a port for IPv6 only. */
function holdIpv6(port: number): { fd: number; port: number } {
  const fd = checked(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket", "test");
  checked(bind(fd, sockaddr(ip("::1"), port)), "bind", "test");
  const address = new Uint8Array(SOCKADDR_IN6_BYTES);
  getsockname(fd, address);
  return { fd, port: sockaddrPort(address) };
}
