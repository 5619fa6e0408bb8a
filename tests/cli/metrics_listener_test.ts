/** The listener of metrics with clients that take their time. */
import assert from "node:assert/strict";
import { CONNECTIONS_MAX, listen, type ListenerLimits } from "../../lib/cli/metrics/listener.ts";

/** Short limits that are long enough on a busy machine. */
const QUICK: ListenerLimits = { headMs: 2_000, requestMs: 2_000, idleMs: 2_000, answerMs: 4_000 };
const PATIENT: ListenerLimits = {
  headMs: 60_000,
  requestMs: 60_000,
  idleMs: 60_000,
  answerMs: 60_000,
};
/** More than the kernel keeps for a reader. */
const LONG = "x".repeat(16 << 20);

/** Runs a test with a listener whose answers are long. */
async function withListener(
  test: (path: string) => Promise<void>,
  limits: ListenerLimits = QUICK,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/metrics.sock`;
  const listener = await listen({ kind: "unix", path }, () => Promise.resolve(LONG), limits);
  try {
    assert.equal(listener.address, `unix:${path}`);
    await test(path);
  } finally {
    await listener.close();
    assert.deepEqual([...Deno.readDirSync(folder)], [], "the socket is removed");
    await Deno.remove(folder, { recursive: true });
  }
}

async function ask(path: string): Promise<Deno.UnixConn> {
  const client = await Deno.connect({ transport: "unix", path });
  await client.write(new TextEncoder().encode("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
  return client;
}

/** Reads up to the end of the connection, or of the answer. Waits before each piece. */
async function bytesRead(client: Deno.UnixConn, pauseMs: number): Promise<number> {
  const piece = new Uint8Array(pauseMs === 0 ? 1 << 20 : 1_000);
  let sum = 0;
  while (sum < LONG.length) {
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    const count = await client.read(piece).catch(() => null);
    if (count === null) break;
    sum += count;
  }
  return sum;
}

Deno.test("a client that reads gets the whole answer", () =>
  withListener(async (path) => {
    using client = await ask(path);
    assert.ok(await bytesRead(client, 0) >= LONG.length);
  }));

Deno.test("a client that reads nothing, or a little at a time, is dropped", () =>
  withListener(async (path) => {
    using silent = await ask(path);
    using slow = await ask(path);
    // The whole answer would take more than a minute in such pieces.
    const few = bytesRead(slow, 5);
    await new Promise((resolve) => setTimeout(resolve, 2 * QUICK.answerMs));
    assert.ok(await bytesRead(silent, 0) < LONG.length);
    assert.ok(await few < LONG.length);
  }));

Deno.test("clients without a request make room for another one, those with one do not", () =>
  withListener(async (path) => {
    const connect = () => Deno.connect({ transport: "unix", path });
    const others: Deno.UnixConn[] = [];
    try {
      for (let i = 0; i < 2 * CONNECTIONS_MAX; i++) others.push(await connect());
      using client = await ask(path);
      assert.ok(await bytesRead(client, 0) >= LONG.length);
      // The oldest ones were closed for the later ones.
      assert.equal(await bytesRead(others[0], 0), 0);
      while (others.length > 0) others.pop()!.close();

      for (let i = 0; i < CONNECTIONS_MAX; i++) {
        others.push(await ask(path));
        assert.equal(await others[i].read(new Uint8Array(1)), 1, "the answer begins");
      }
      using late = await connect();
      assert.equal(await bytesRead(late, 0), 0);
      assert.ok(await bytesRead(others[0], 0) >= LONG.length - 1);
    } finally {
      for (const other of others) other.close();
    }
  }, PATIENT));

Deno.test("a client that sends requests and reads no answers is dropped", () =>
  withListener(async (path) => {
    using client = await Deno.connect({ transport: "unix", path });
    const requests = new TextEncoder().encode(
      "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100),
    );
    const before = Deno.memoryUsage().rss;
    await client.write(requests).catch(() => 0);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    // 100 answers would be 1.6 GB, and stay for answerMs.
    assert.ok(Deno.memoryUsage().rss - before < 400 << 20);
    assert.ok(await bytesRead(client, 0) < 2 * LONG.length);
  }));

Deno.test("on loopback a Host that is a name of somebody else is refused", async () => {
  const loopback = { address: new Uint8Array([127, 0, 0, 1]), port: 0, scope: 0 };
  const listener = await listen(
    { kind: "tcp", endpoint: loopback },
    () => Promise.resolve("metrics"),
    QUICK,
  );
  try {
    const port = Number(listener.address.split(":")[1]);
    const status = async (host: string) => {
      using client = await Deno.connect({ hostname: "127.0.0.1", port });
      await client.write(
        new TextEncoder().encode(`GET /metrics HTTP/1.1\r\nHost: ${host}\r\n\r\n`),
      );
      const head = new Uint8Array(100);
      const count = await client.read(head);
      return new TextDecoder().decode(head.subarray(0, count ?? 0)).split(" ")[1];
    };
    for (const host of [listener.address, "localhost:9586", "LOCALHOST", "[::1]:9586"]) {
      assert.equal(await status(host), "200", host);
    }
    for (const host of ["evil.example:9586", "localhost.evil.example", "127.0.0.1.evil.example"]) {
      assert.equal(await status(host), "403", host);
    }
  } finally {
    await listener.close();
  }
});
