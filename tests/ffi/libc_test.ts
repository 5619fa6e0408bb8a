/** System calls: numbers, results and structures. */
import assert from "node:assert/strict";
import * as errno from "../../lib/base/errno.ts";
import { OsError } from "../../lib/base/errors.ts";
import { type Architecture, CALL_NAMES, callNumber } from "../../lib/linux/call_numbers.ts";
import { checked } from "../../ffi/errno.ts";
import * as libc from "../../ffi/libc.ts";
import { EventFd } from "../../ffi/poll.ts";
import * as structs from "../../ffi/structs.ts";

const LOCK_NB = 4;

const HEADERS = {
  x86_64: "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
  aarch64: "/usr/include/asm-generic/unistd.h",
};

function readable(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

for (const [index, [architecture, header]] of Object.entries(HEADERS).entries()) {
  Deno.test({
    name: `system call numbers are those of ${header}`,
    ignore: !readable(header),
    fn: () => {
      const text = Deno.readTextFileSync(header);
      for (const [name, numbers] of Object.entries(libc.SYSTEM_CALLS)) {
        // asm-generic has two names for system calls whose structures differ on 32-bit machines.
        const match = new RegExp(`#define __NR(?:3264)?_${name}\\s+(\\d+)`).exec(text);
        assert.equal(numbers[index], Number(match?.[1]), `${architecture} ${name}`);
      }
      for (const name of CALL_NAMES) {
        // The call fstatat of asm-generic is newfstatat of x86_64.
        const spelled = name === "newfstatat" && architecture === "aarch64" ? "fstatat" : name;
        const match = new RegExp(`#define __NR(?:3264)?_${spelled}\\s+(\\d+)`).exec(text);
        const number = callNumber(name, architecture as Architecture);
        assert.equal(number, match === null ? undefined : Number(match[1]), name);
      }
    },
  });
}

Deno.test({
  name: "errnos are those of asm-generic",
  ignore: !readable("/usr/include/asm-generic/errno.h"),
  fn: () => {
    let count = 0;
    for (const file of ["errno-base.h", "errno.h"]) {
      for (
        const [, name, number] of Deno.readTextFileSync(`/usr/include/asm-generic/${file}`)
          .matchAll(
            /#define\s+(E[A-Z0-9]+)\s+(\d+)/g,
          )
      ) {
        assert.equal(errno.errnoNumber(name), Number(number));
        assert.equal(errno.errnoName(Number(number)), name);
        assert.notEqual(errno.errnoText(Number(number)), "Unknown error");
        count++;
      }
    }
    assert.ok(count > 130);
    const named = Object.entries(errno).filter(([, value]) => typeof value === "number");
    for (const [name, value] of named) assert.equal(errno.errnoNumber(name), value, name);
  },
});

Deno.test("an OsError names call, object, errno and what it means", () => {
  const error = errno.osError("bind", "udp port 7111", 98);
  assert.ok(error instanceof OsError);
  assert.equal(error.message, "udp port 7111: bind: Address already in use (EADDRINUSE)");
  assert.equal(
    errno.osError("x", "y", 22, "the kernel's word").text,
    "Invalid argument: the kernel's word",
  );
  assert.deepEqual([errno.osError("x", "y", 999).code, errno.osError("x", "y", 999).text], [
    "errno 999",
    "Unknown error",
  ]);
  assert.throws(() => errno.errnoNumber("EWHAT"), RangeError);
  assert.throws(() => checked(-13, "open", "/x"), {
    message: "/x: open: Permission denied (EACCES)",
  });
  assert.equal(checked(5, "open", "/x"), 5);
});

Deno.test("a failed call returns a negated errno every time", () => {
  for (let i = 0; i < 2000; i++) {
    assert.equal(libc.close(1_000_000), -errno.EBADF);
    assert.equal(libc.open("/no/such/file", libc.O_RDONLY), -errno.ENOENT);
    assert.equal(libc.open("/etc/passwd/x", libc.O_RDONLY), -errno.ENOTDIR);
  }
  assert.throws(() => libc.open("/etc/\0passwd", libc.O_RDONLY), RangeError);
});

Deno.test("files are made, locked and removed", () => {
  const folder = Deno.makeTempDirSync();
  try {
    const path = `${folder}/ü`;
    const fd = libc.open(path, libc.O_RDWR | libc.O_CREAT | libc.O_CLOEXEC, 0o600);
    assert.ok(fd > 2);
    assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
    const again = libc.open(path, libc.O_RDONLY | libc.O_CLOEXEC);
    assert.equal(libc.flock(fd, libc.LOCK_EX), 0);
    assert.equal(libc.flock(again, libc.LOCK_EX | LOCK_NB), -errno.EAGAIN);
    assert.equal(libc.fcntl(fd, libc.F_GETFD), libc.FD_CLOEXEC);
    assert.equal(libc.dup2(fd, again), again);
    assert.equal(libc.fcntl(again, libc.F_GETFD), 0);
    for (const each of [fd, again]) assert.equal(libc.close(each), 0);
    assert.equal(libc.chmod(path, 0o640), 0);
    assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o640);
    assert.equal(libc.mkdir(`${folder}/d`, 0o700), 0);
    assert.equal(libc.unlink(path), 0);
    assert.equal(libc.unlink(path), -errno.ENOENT);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("a structure that is a view into a larger buffer has an address of its own", () => {
  const name = new Uint8Array(64).fill(0x61);
  const fd = libc.socket(structs.AF_INET, libc.SOCK_DGRAM, 0);
  try {
    assert.equal(libc.bind(fd, structs.sockaddr(new Uint8Array([127, 0, 0, 1]), 0)), 0);
    assert.equal(libc.getsockname(fd, name.subarray(16, 16 + structs.SOCKADDR_IN_BYTES)), 0);
    assert.equal(name.subarray(12, 18).toHex(), "61616161" + "0200");
    assert.equal(name.subarray(20, 24).toHex(), "7f000001");
  } finally {
    libc.close(fd);
  }
});

Deno.test("poll waits", () => {
  const bell = new EventFd();
  const fd = bell.descriptor;
  try {
    const fds = structs.pollfds([{ fd: -1, events: structs.POLLIN }, {
      fd,
      events: structs.POLLIN,
    }]);
    const start = performance.now();
    assert.equal(libc.poll(fds, 30), 0);
    assert.ok(performance.now() - start >= 29);
    bell.signal();
    assert.equal(libc.poll(fds, -1), 1);
    assert.deepEqual(structs.polledEvents(fds), [0, structs.POLLIN]);
    bell.drain();
    assert.equal(libc.poll(fds, 0), 0);
  } finally {
    bell.close();
  }
  const closed = structs.pollfds([{ fd: 1_000_000, events: structs.POLLIN }]);
  assert.equal(libc.poll(closed, 0), 1);
  assert.deepEqual(structs.polledEvents(closed), [structs.POLLNVAL]);
});

Deno.test("structures have the kernel's layout", () => {
  const v4 = structs.sockaddr(new Uint8Array([192, 168, 5, 1]), 7111);
  assert.equal(v4.toHex(), "0200" + "1bc7" + "c0a80501" + "00".repeat(8));
  const v6 = structs.sockaddr(new Uint8Array(16).fill(0xfd), 7111, 3);
  assert.equal(v6.toHex(), "0a00" + "1bc7" + "00000000" + "fd".repeat(16) + "03000000");
  assert.deepEqual([v4.length, v6.length], [structs.SOCKADDR_IN_BYTES, structs.SOCKADDR_IN6_BYTES]);
  assert.deepEqual([structs.sockaddrPort(v4), structs.sockaddrPort(v6)], [7111, 7111]);
  assert.throws(() => structs.sockaddr(new Uint8Array(5), 1), RangeError);
  assert.equal(structs.sockaddrNetlink(7, 1).toHex(), "10000000" + "07000000" + "01000000");
  const request = structs.ifreq("wg1", 0x5001);
  assert.equal(request.length, structs.IFREQ_BYTES);
  assert.equal(request.toHex(), "776731" + "00".repeat(13) + "0150" + "00".repeat(22));
  assert.equal(structs.ifreqName(request), "wg1");
  assert.equal(structs.ifreqName(new Uint8Array(40).fill(0x61)), "a".repeat(16));
  assert.throws(() => structs.ifreq("x".repeat(16), 0), RangeError);
  assert.throws(() => structs.cString("a\0b"), RangeError);
  assert.equal(structs.timespec(1500.5).toHex(), "0100000000000000" + "0065cd1d00000000");
  assert.equal(structs.timespec(1500, 1000).toHex(), "0100000000000000" + "20a1070000000000");
});
