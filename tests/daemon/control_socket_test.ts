/**
 * The control socket with slow, hostile and many clients.
 * @module
 */
import assert from "node:assert/strict";
import { ConfigError, OsError } from "../../lib/base/errors.ts";
import {
  type ClientLimits,
  CLIENTS_MAX,
  ControlSocket,
  type Operation,
} from "../../lib/daemon/control_socket.ts";
import { EventFeed, FOLLOWERS_MAX } from "../../lib/daemon/event_feed.ts";
import { socketPath } from "../../lib/daemon/paths.ts";

/** Short limits that are long enough on a busy machine. */
const QUICK: ClientLimits = { idleMs: 1000, stallMs: 500, operationMs: 5000 };

async function withSocket(
  operation: Operation,
  test: (path: string, folder: string) => Promise<void>,
  limits = QUICK,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const socket = new ControlSocket("wg0", operation, limits, folder);
  const served = socket.serve();
  try {
    await test(socketPath("wg0", folder), folder);
  } finally {
    socket.close();
    await served;
    assert.deepEqual([...Deno.readDirSync(folder)], [], "the socket is removed");
    await Deno.remove(folder, { recursive: true });
  }
}

const echo: Operation = (request) => ({
  body: `operation=${request.operation}\nlines=${request.lines.length}\n`,
});
const connect = (path: string) => Deno.connect({ transport: "unix", path });
const send = (client: Deno.UnixConn, text: string) => client.write(new TextEncoder().encode(text));

/** Reads until the daemon closes the connection, or the answer is complete. */
async function answer(client: Deno.UnixConn): Promise<string> {
  const piece = new Uint8Array(65_536);
  let text = "";
  while (!text.endsWith("\n\n")) {
    const count = await client.read(piece).catch(() => null);
    if (count === null) return text;
    text += new TextDecoder().decode(piece.subarray(0, count));
  }
  return text;
}

async function asks(path: string): Promise<string> {
  using client = await connect(path);
  await send(client, "get=1\n\n");
  return await answer(client);
}

const GOOD = "operation=get\nlines=0\nerrno=0\n\n";

Deno.test("several operations a connection, in pieces of any size", () =>
  withSocket(echo, async (path) => {
    using client = await connect(path);
    for (const byte of "get=1\n\nset=1\na=b\n\n") await send(client, byte);
    const text = await answer(client);
    const rest = text.includes("operation=set") ? "" : await answer(client);
    assert.equal(text + rest, GOOD + "operation=set\nlines=1\nerrno=0\n\n");
  }));

Deno.test("the socket has mode 0600, and a name is used once", () =>
  withSocket(echo, async (path, folder) => {
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    assert.throws(
      () => new ControlSocket("wg0", echo, QUICK, folder),
      (error) => error instanceof OsError && error.code === "EEXIST",
    );
    assert.equal(await asks(path), GOOD);
  }));

Deno.test("a socket that a dead daemon left is replaced", async () => {
  const folder = await Deno.makeTempDir();
  const path = socketPath("wg0", folder);
  const script = `Deno.listen({transport:"unix",path:${JSON.stringify(path)}}); Deno.exit(0)`;
  await new Deno.Command(Deno.execPath(), { args: ["eval", script] }).output();
  assert.ok((await Deno.lstat(path)).isSocket);
  const socket = new ControlSocket("wg0", echo, QUICK, folder);
  const served = socket.serve();
  assert.equal(await asks(path), GOOD);
  socket.close();
  await served;
  await Deno.remove(folder, { recursive: true });
});

Deno.test("errors: known ones by number, and in words in version 2; a bug as EIO without its text", () =>
  withSocket((request) => {
    if (request.operation === "config") throw new ConfigError("wgport", "no good");
    if (request.operation === "os") {
      throw new OsError("bind", "udp port 5", "EADDRINUSE", 98, "Address already in use");
    }
    throw new Error("secret");
  }, async (path) => {
    for (
      const [text, wanted] of [
        ["config=1\n\n", /^errno=-?22\n\n$/],
        ["os=1\n\n", /^errno=-?98\n\n$/],
        ["os=2\n\n", /error_call=bind\n.*errno=-?98\n\n$/s],
        ["bug=2\n\n", /^error=internal error\nerrno=-?5\n\n$/],
      ] as const
    ) {
      using client = await connect(path);
      await send(client, text);
      assert.match(await answer(client), wanted);
    }
  }));

Deno.test("an operation without its empty line is answered and not executed", () => {
  const carriedOut: string[] = [];
  return withSocket((request) => {
    carriedOut.push(request.operation);
    return { body: "" };
  }, async (path) => {
    for (
      const [text, wanted] of [
        ["set=1\nlisten_port=7\n", /^errno=-71\n\n$/],
        ["set=2\nlisten_port=7", /^error_call=[^]*no end[^]*errno=-71\n\n$/],
        ["get=1\n", /^errno=-71\n\n$/],
        ["get", /^errno=-71\n\n$/],
        ["", /^$/],
      ] as const
    ) {
      using client = await connect(path);
      await send(client, text);
      await client.closeWrite();
      assert.match(await answer(client), wanted, text);
    }
    assert.deepEqual(carriedOut, []);
    using client = await connect(path);
    await send(client, "set=1\nlisten_port=7\n\nset=1\nlisten_port=8\n");
    await client.closeWrite();
    assert.equal(await answer(client) + await answer(client), "errno=0\n\nerrno=-71\n\n");
    assert.deepEqual(carriedOut, ["set"]);
  });
});

Deno.test("an error is answered in the version of its operation", () =>
  withSocket(echo, async (path) => {
    for (
      const [text, wanted] of [
        [`set=1\n${"x".repeat(5000)}`, /^errno=-71\n\n$/],
        [
          `set=2\n${"x".repeat(5000)}`,
          /^error_call=[^]*\nerror=[^]*a line has more than[^]*\nerrno=-71\n\n$/,
        ],
        ["x".repeat(5000), /^errno=-71\n\n$/],
      ] as const
    ) {
      using client = await connect(path);
      await send(client, text);
      assert.match(await answer(client), wanted);
    }
  }));

Deno.test("the clients' unfinished operations have a limit together", () =>
  withSocket(echo, async (path) => {
    const large = new TextEncoder().encode(`set=1\n${`a=${"b".repeat(1000)}\n`.repeat(45_000)}`);
    const results = await Promise.all([1, 2, 3, 4].map(async () => {
      using client = await connect(path);
      let failed = false;
      for (let at = 0; at < large.length && !failed;) {
        at += await client.write(large.subarray(at, at + 65_536)).catch(() => (failed = true, 0));
      }
      return failed ? "refused" : "taken";
    }));
    assert.ok(results.includes("refused"), results.join());
    assert.equal(await asks(path), GOOD);
  }, { idleMs: 20_000, stallMs: 20_000, operationMs: 20_000 }));

Deno.test("slow, silent, endless and binary clients are dropped, and no other client waits", () =>
  withSocket(echo, async (path) => {
    const hostile: Promise<string>[] = [];
    const client = async (text: string | Uint8Array<ArrayBuffer>) => {
      using connection = await connect(path);
      await connection.write(typeof text === "string" ? new TextEncoder().encode(text) : text)
        .catch(() => 0);
      return await answer(connection);
    };
    hostile.push(client(""));
    hostile.push(client("set=1\nprivate_key="));
    hostile.push(client("get=1\n"));
    hostile.push(client(new Uint8Array(5000).fill(65)));
    hostile.push(client(new Uint8Array([0xff, 0xfe, 10, 10])));
    hostile.push(client("nonsense\n\n"));
    assert.equal(await asks(path), GOOD);
    const ends = await Promise.all(hostile);
    assert.deepEqual(ends.slice(0, 3), ["", "errno=-110\n\n", "errno=-110\n\n"]);
    for (const end of ends.slice(3)) assert.match(end, /errno=-?71\n\n$/);
    assert.equal(await asks(path), GOOD);
  }));

Deno.test("an operation that comes byte by byte ends after its time, and so does an answer that is read so", () =>
  withSocket(() => ({ body: `${"x".repeat(1000)}\n`.repeat(4000) }), async (path) => {
    using slow = await connect(path);
    const begun = performance.now();
    let refused: string | undefined;
    answer(slow).then((text) => refused = text);
    for (let sent = 0; refused === undefined && performance.now() - begun < 20_000; sent++) {
      await send(slow, sent === 0 ? "set=1\n" : "x").catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.equal(refused, "errno=-110\n\n");
    using reader = await connect(path);
    await send(reader, "get=1\n\n");
    const piece = new Uint8Array(1000);
    let read = 0;
    for (let count: number | null = 0; count !== null && performance.now() - begun < 40_000;) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      count = await reader.read(piece).catch(() => null);
      read += count ?? 0;
      // What the kernel keeps of an answer that was cut off is read at once.
      while (count !== null && performance.now() - begun > 12_000) {
        count = await reader.read(piece).catch(() => null);
        read += count ?? 0;
      }
    }
    assert.ok(read < 4_000_000, `${read} bytes came, as slowly as they were read`);
  }, { idleMs: 20_000, stallMs: 5000, operationMs: 1000 }));

Deno.test("each operation has its own time, also where the next has begun when one ends", () =>
  withSocket(echo, async (path) => {
    using client = await connect(path);
    await send(client, "get=1\n");
    for (let round = 0; round < 12; round++) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      await send(client, "\nget=1\n");
      assert.equal(await answer(client), GOOD, `round ${round}`);
    }
  }, { idleMs: 20_000, stallMs: 20_000, operationMs: 2000 }));

Deno.test("a client that does not read its answers is dropped", () =>
  withSocket(() => ({ body: `${"x".repeat(1000)}\n`.repeat(4000) }), async (path) => {
    using client = await connect(path);
    await send(client, "get=1\n\n");
    const before = performance.now();
    let failed = false;
    while (!failed && performance.now() - before < 5000) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      failed = await send(client, "get=1\n\n").then(() => false, () => true);
    }
    assert.ok(failed, "the daemon hung up");
    using other = await connect(path);
    await send(other, "get=1\n\n");
    assert.ok((await answer(other)).endsWith("errno=0\n\n"));
  }, { idleMs: 5000, stallMs: 1500, operationMs: 5000 }));

Deno.test("clients over the limit get EBUSY, and one is served when another leaves", () =>
  withSocket(echo, async (path) => {
    const clients = [];
    for (let i = 0; i < CLIENTS_MAX; i++) {
      clients.push(await connect(path));
      // In the middle of an operation none is idle.
      await send(clients[i], "get=1\n");
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    using extra = await connect(path);
    assert.equal(await answer(extra), "errno=-16\n\n");
    // A client that writes first, like wg(8), gets the same. A client that stays is disconnected.
    using second = await connect(path);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await send(second, "get=1\n\n");
    assert.equal(await answer(second), "errno=-16\n\n");
    assert.equal(await answer(second), "");
    const crowd = await Promise.all(Array.from({ length: 200 }, () => connect(path)));
    for (const one of crowd) {
      assert.equal(await answer(one), "errno=-16\n\n");
      one.close();
    }
    for (const client of clients) client.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(await asks(path), GOOD);
  }, { idleMs: 20_000, stallMs: 20_000, operationMs: 20_000 }));

Deno.test("where all clients are idle, the one that is so for longest gives way to another", () =>
  withSocket(echo, async (path) => {
    const clients = [];
    for (let i = 0; i < CLIENTS_MAX; i++) clients.push(await connect(path));
    // Those that connected just now may be about to ask.
    using early = await connect(path);
    assert.equal(await answer(early), "errno=-16\n\n");
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    // The first has asked since.
    await send(clients[0], "get=1\n\n");
    assert.equal(await answer(clients[0]), GOOD);
    using one = await connect(path);
    await send(one, "get=1\n\n");
    assert.equal(await answer(one), GOOD);
    assert.equal(await answer(clients[1]), "");
    await send(clients[0], "get=1\n\n");
    assert.equal(await answer(clients[0]), GOOD);
    for (const client of clients) client.close();
  }, { idleMs: 20_000, stallMs: 20_000, operationMs: 20_000 }));

Deno.test("clients that ask on and on leave turns to other clients", () => {
  let operations = 0;
  return withSocket((request) => {
    operations++;
    // As long as `get` with a few hundred peers.
    for (const until = performance.now() + 1; performance.now() < until;);
    return echo(request, undefined);
  }, async (path) => {
    const asked = new TextEncoder().encode("get=1\n\n".repeat(2_000));
    let answers = 0;
    const clients = await Promise.all(Array.from({ length: 5 }, () => connect(path)));
    const flooding = clients.flatMap((client) => [
      (async () => {
        for (let at = 0;;) at = (at + await client.write(asked.subarray(at))) % asked.length;
      })(),
      (async () => {
        const piece = new Uint8Array(65_536);
        while (true) answers += await client.read(piece) ?? 0;
      })(),
    ]);
    const ended = Promise.allSettled(flooding);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const before = operations;
    for (let round = 0; round < 5; round++) assert.equal(await asks(path), GOOD);
    assert.ok(answers > 0);
    // A piece of one client has 2,340 operations, a slice ten.
    const served = operations - before;
    assert.ok(served < 4_000, `${served} operations of others before 5`);
    for (const client of clients) client.close();
    await ended;
  }, { idleMs: 20_000, stallMs: 20_000, operationMs: 20_000 });
});

Deno.test("clients that follow get text as it comes, are not idle, and free their place by leaving", () => {
  const feed = new EventFeed(() => "wg0");
  const operation: Operation = (request) =>
    request.operation === "monitor"
      ? { body: "", follow: feed.follow() }
      : echo(request, undefined);
  return withSocket(operation, async (path) => {
    const followers: Deno.UnixConn[] = [];
    const piece = new Uint8Array(1_000);
    /** The answer. An event of the start may follow it. */
    const begin = async () => {
      const client = await connect(path);
      await send(client, "monitor=2\n\n");
      const text = new TextDecoder().decode(piece.subarray(0, await client.read(piece) ?? 0));
      if (text.startsWith("errno=0\n\n")) followers.push(client);
      else client.close();
      return text;
    };
    for (let i = 0; i < FOLLOWERS_MAX; i++) assert.equal(await begin(), "errno=0\n\n");
    assert.match(await begin(), /error=[^\n]*16 clients follow it already\nerrno=-16\n\n$/);
    // Longer than a client may be idle; the others are not disturbed.
    await new Promise((resolve) => setTimeout(resolve, QUICK.idleMs + 300));
    feed.tell({ kind: "up" });
    for (const client of followers) {
      const count = await client.read(piece) ?? 0;
      assert.match(new TextDecoder().decode(piece.subarray(0, count)), /^event=\{.*"up"\}\n$/);
    }
    assert.equal(await asks(path), GOOD);
    followers.shift()?.close();
    for (let i = 0; i < 100 && followers.length < FOLLOWERS_MAX; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      await begin();
    }
    assert.equal(followers.length, FOLLOWERS_MAX, "the place of the one that has left");
    feed.close();
    for (const client of followers) {
      while (await client.read(piece) !== null);
      client.close();
    }
  });
});
