import { equal, match, ok, rejects } from "node:assert/strict";
import { eventually, LabError, Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";

Deno.test(
  "a room has its own network, /run and processes, and leaves the host alone",
  needs("namespaces"),
  async () => {
    await using room = await Room.open();
    equal((await room.output(["sh", "-c", "ls /run"])).trim(), "bin\nnetns");
    equal(
      (await room.output([
        "sh",
        "-c",
        "ls /sys/class/net 2>/dev/null; cat /proc/net/dev | tail -n +3 | cut -d: -f1",
      ]))
        .split("\n").at(-2)?.trim(),
      "lo",
    );
    match(await room.output(["cat", "/proc/net/fib_trie"]), /127\.0\.0\.1/);
    await room.output(["sh", "-c", "echo here > /run/only-in-the-room"]);
    await rejects(Deno.stat("/run/only-in-the-room"));
  },
);

Deno.test("namespaces and veth pairs carry packets", needs("namespaces", "ping"), async () => {
  await using room = await Room.open();
  await room.namespace("a");
  await room.namespace("b");
  await room.link(
    { netns: "a", name: "v0", addresses: ["10.9.0.1/24", "fd00:9::1/64"] },
    { netns: "b", name: "v0", addresses: ["10.9.0.2/24", "fd00:9::2/64"] },
  );
  await room.output(["ping", "-c1", "-W2", "10.9.0.2"], { netns: "a" });
  await room.output(["ping", "-c1", "-W2", "fd00:9::1"], { netns: "b" });
  equal((await room.run(["ping", "-c1", "-W1", "10.9.0.2"])).code !== 0, true);
});

Deno.test("exit codes, signals, input, a time limit", needs("namespaces"), async () => {
  await using room = await Room.open();
  equal((await room.run(["sh", "-c", "exit 7"])).code, 7);
  equal((await room.run(["cat"], { stdin: "some words" })).stdout, "some words");
  await rejects(room.run(["false"], { check: true }), LabError);
  await rejects(room.run(["sleep", "60"], { timeoutMs: 200 }), /not done after 200 ms/);
  const running = room.spawn([
    "sh",
    "-c",
    "trap 'echo told; exit 3' TERM; echo on; while :; do sleep 0.05; done",
  ]);
  await running.wrote("on");
  running.signal("SIGTERM");
  equal((await running.status).code, 3);
  match(running.output(), /told/);
});

Deno.test("closing a room ends what runs in it, detached or not", needs("namespaces"), async () => {
  const room = await Room.open();
  await room.output(["sh", "-c", "setsid sleep 61.25 >/dev/null 2>&1 </dev/null &"]);
  const running = room.spawn(["sleep", "61.25"]);
  const found = await eventually("two sleepers", async () => {
    const all = (await room.processes()).filter((line) => line.endsWith(" sleep 61.25"));
    return all.length === 2 && all;
  });
  await room.close();
  await running.status;
  for (const line of found) {
    const pid = line.split(" ")[0];
    await eventually(
      `the end of ${line}`,
      () => Deno.stat(`/proc/${pid}`).then(() => false, () => true),
    );
  }
});

Deno.test("waits end, and say what was waited for", needs("namespaces"), async () => {
  await using room = await Room.open();
  const running = room.spawn(["sleep", "63.25"]);
  await rejects(running.wait(300), /^LabError: sleep 63.25: not done after 300 ms: .*\d sleep S/);
  equal(running.hasEnded, false);
  await rejects(
    running.wrote("ready", 300),
    /^LabError: sleep 63.25: after 300 ms it has not written "ready": .*\d sleep S/,
  );
  const writer = room.spawn(["sh", "-c", "echo port 7; echo port 8 >&2"]);
  equal((await writer.wrote(/^port (7)$/m))[1], "7");
  await writer.wrote("port 8");
  await rejects(
    writer.wrote("port 9"),
    /: ended without writing "port 9": it has ended\nport \d\nport \d\n$/,
  );
  await rejects(
    room.run(["sh", "-c", "echo begun; kill -STOP $$"], { timeoutMs: 300 }),
    /not done after 300 ms: \d+ nsenter T.*, \d+ sh T.*\nbegun\n/,
  );
  await rejects(
    room.run(["sh", "-c", "sleep 63.25 & echo begun"], { timeoutMs: 300 }),
    /it has ended, but another process has its output open\nbegun\n/,
  );
});

Deno.test(
  "a stopped program goes on when it is told, and else ends with its room",
  needs("namespaces"),
  async () => {
    await using room = await Room.open();
    const stopped = async () => {
      const running = room.spawn(["sh", "-c", "echo on; exec sleep 63.25"]);
      await running.wrote("on\n");
      running.signal("SIGSTOP");
      const stat = () => Deno.readTextFileSync(`/proc/${running.pid}/stat`);
      await eventually("nsenter has stopped", () => stat().includes(") T "));
      return running;
    };
    const told = await stopped();
    told.signal("SIGTERM");
    told.signal("SIGCONT");
    equal((await told.status).signal, "SIGTERM");
    const left = await stopped();
    await room.close();
    equal((await left.status).success, false);
  },
);

Deno.test("a laboratory that is killed leaves nothing", needs("namespaces"), async () => {
  const script = `
    import { Room } from ${JSON.stringify(import.meta.resolve("../../scripts/netlab.ts"))};
    const room = await Room.open();
    await room.namespace("inner");
    room.spawn(["sleep", "62.25"], { netns: "inner" });
    await new Promise((resolve) => setTimeout(resolve, 300));
    console.log(room.pid);
    await new Promise(() => setInterval(() => {}, 1000));
  `;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", script],
    stdout: "piped",
    stdin: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const holder = new TextDecoder().decode(value).trim();
  ok((await Deno.stat(`/proc/${holder}`)).isDirectory);
  child.kill("SIGKILL");
  await child.status;
  await reader.cancel();
  await eventually(
    "the end of the room",
    () => Deno.stat(`/proc/${holder}`).then(() => false, () => true),
  );
  await rejects(Deno.stat("/run/netns/inner"));
});

Deno.test(
  "a program in a folder that only root may enter runs in the room, for every user, and so does a command in a folder",
  needs("namespaces"),
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "two words " });
    try {
      await Deno.writeTextFile(
        `${folder}/own name`,
        '#!/bin/sh\necho "called as $0 by $(id -u)"\n',
        { mode: 0o755 },
      );
      await using room = await Room.open();
      equal(await room.install(`${folder}/own name`, ["first", "second"]), "/run/program/own name");
      equal(await room.output(["second"]), "called as /run/bin/second by 0\n");
      // A user namespace of somebody who is not root has no other users.
      if (room.kind === "root") {
        const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
        equal(await room.output([...nobody, "first"]), "called as /run/bin/first by 65534\n");
      }
      // More links to the program that is there already leave it as it is.
      await room.install(`${folder}/own name`, ["third"]);
      equal(await room.output(["third"]), "called as /run/bin/third by 0\n");
      equal(await room.output(["pwd"], { cwd: folder }), `${folder}\n`);
      equal(await room.output(["pwd"]), "/\n");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
