/**
 * Interfaces as services: readiness, the watchdog, and supervisors that restart what was killed.
 * The test stands for systemd where sd_notify(3) is concerned, and for a supervisor.
 */
import { equal, match, ok } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { program } from "../../scripts/facilities.ts";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { must, wgRoom, writeFile } from "./peers.ts";

const NEEDED = needs("namespaces", "tun");
const FILE = `[Interface]
PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=
ListenPort = 7111
Address = 10.9.0.1/24
`;

/** A room with an interface's file in the folder of wg-quick(8), and one of hostname.if(5). */
async function room(): Promise<Room> {
  const room = await wgRoom();
  await must(room, "mkdir -m 700 -p /run/files");
  await writeFile(room, "/run/files/wg1.conf", FILE, "600");
  await writeFile(room, "/run/files/hostname.wg2", "wgport 7112\ninet 10.9.1.1/24\n", "600");
  return room;
}

/** A receiver of sd_notify's messages, which writes them to /run/told. */
const RECEIVER = `
import { writeFileSync } from "node:fs";
const socket = Deno.listenDatagram({ transport: "unixpacket", path: "/run/notify" });
Deno.writeTextFileSync("/run/told", "");
for await (const [message] of socket) {
  Deno.writeTextFileSync("/run/told", new TextDecoder().decode(message) + ".\\n", { append: true });
}
writeFileSync("/run/over", "");
`;

Deno.test("a service manager hears of readiness, the process, and its life", NEEDED, async () => {
  await using place = await room();
  await writeFile(place, "/run/receiver.ts", RECEIVER, "600");
  const receiver = place.spawn([
    Deno.execPath(),
    "run",
    "-A",
    "--no-config",
    "--unstable-net",
    "/run/receiver.ts",
  ]);
  try {
    await eventually(
      "the receiver",
      async () => (await place.run(["test", "-e", "/run/told"])).code === 0,
    );
    const env = { NOTIFY_SOCKET: "/run/notify", WATCHDOG_USEC: "600000" };
    for (
      const [start, name] of [
        ["wg quick up /run/files/wg1.conf", "wg1"],
        ["wg netstart -d /run/files wg2", "wg2"],
      ]
    ) {
      await place.output(["sh", "-c", start.replace("wg ", `${ROOT}wg `)], { env });
      const told = await must(place, "cat /run/told");
      const [, pid] = new RegExp(`^MAINPID=([0-9]+)\nREADY=1\nSTATUS=${name} is up\n`, "m").exec(
        told,
      ) ?? [];
      ok(pid !== undefined, told);
      match(
        (await must(place, `cat /proc/${pid}/cmdline`)).replaceAll("\0", " "),
        new RegExp(` daemon ${name} `),
      );
      const beats = async () => (await must(place, "cat /run/told")).split("WATCHDOG=1").length;
      const before = await beats();
      await eventually("signs of life", async () => await beats() > before + 2);
      await must(place, `ifconfig ${name} destroy`);
    }
  } finally {
    receiver.signal("SIGTERM");
    await receiver.status;
  }
});

Deno.test(
  "wg -f NAME --config FILE stays, reloads on HUP, and takes all down",
  NEEDED,
  async () => {
    await using place = await room();
    const wg = `${ROOT}wg`;
    for (
      const [name, file, change] of [
        ["wg1", "/run/files/wg1.conf", "sed -i 's/^ListenPort.*/ListenPort = 7113/'"],
        ["wg2", "/run/files/hostname.wg2", "sed -i 's/^wgport.*/wgport 7113/'"],
      ]
    ) {
      const running = place.spawn([wg, "-f", name, "--config", file]);
      const isUp = async (port: number) =>
        (await place.run(["ifconfig", name])).stdout.includes(`wgport ${port}`);
      await eventually("the interface", async () => await isUp(name === "wg1" ? 7111 : 7112));
      await place.output(["sh", "-c", `${change} ${file}`]);
      running.signal("SIGHUP");
      await eventually("the new port", async () => await isUp(7113));
      running.signal("SIGTERM");
      equal((await running.status).code, 0);
      equal((await place.run(["ifconfig", name])).code, 1);
    }
  },
);

Deno.test("a killed interface comes back under a supervisor, with all it had", NEEDED, async () => {
  await using place = await room();
  const loop = `while ! ${ROOT}wg -f wg1 --config /run/files/wg1.conf; do sleep 0.2; done`;
  const running = place.spawn(["sh", "-c", loop]);
  const daemon = async () => {
    const pids = await place.run(["pgrep", "-f", " daemon wg1 ?$"]);
    return pids.stdout.trim();
  };
  const isWhole = async () => {
    const { stdout } = await place.run(["ifconfig", "wg1"]);
    return stdout.includes("wgport 7111") && stdout.includes("inet 10.9.0.1 ");
  };
  await eventually("the interface", isWhole);
  const first = await daemon();
  await must(place, `kill -KILL ${first}`);
  await eventually("another process", async () => await isWhole() && await daemon() !== first);
  await place.output(["pkill", "-TERM", "-f", "--", "deno run .* wg1 --config"]);
  equal((await running.status).code, 0);
});

Deno.test("an interface in the foreground is restarted by its service alone", NEEDED, async () => {
  await using place = await room();
  const wg = `${ROOT}wg`;
  for (const words of [["-f", "wg1", "--config", "/run/files/wg1.conf"], ["-f", "wg1"]]) {
    const running = place.spawn([wg, ...words]);
    const shown = async () => (await place.run(["ifconfig", "wg1"])).stdout;
    const isUp = async () => /wgport|wgpubkey|mtu/.test(await shown());
    await eventually("the interface", isUp);
    await eventually(
      "its address",
      async () => words.length < 4 || / 10\.9\.0\.1 /.test(await shown()),
    );
    const before = await shown();
    const { code, stderr } = await place.run([wg, "restart", "wg1"]);
    equal(code, 1);
    match(
      stderr,
      /^wg: wg1: process [0-9]+ runs it in the foreground \(wg -f\); restart its service instead\n$/,
    );
    equal(await shown(), before);
    running.signal("SIGTERM");
    equal((await running.status).code, 0);
  }
});

for (const name of ["wg@", "wg-ifconfig@", "wg-events", "wg-metrics", "wg-usage"]) {
  Deno.test({
    name: `${name}.service: systemd accepts it, and calls its exposure OK`,
    ignore: program("systemd-analyze") === undefined,
    fn: async () => {
      const folder = await Deno.makeTempDir();
      try {
        const unit = await Deno.readTextFile(`${ROOT}etc/${name}.service`);
        const path = `${folder}/${name}${name.endsWith("@") ? "wg0" : ""}.service`;
        await Deno.writeTextFile(path, unit.replaceAll("/usr/local/bin/wg", "/bin/true"));
        const run = async (...args: string[]) => {
          const { code, stdout, stderr } = await new Deno.Command("systemd-analyze", {
            args,
            env: { LC_ALL: "C" },
            stdin: "null",
          }).output();
          const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
          return { code, out, error };
        };
        const verified = await run("verify", "--man=no", path);
        equal(`${verified.code}${verified.error}`, "0");
        const { out } = await run("security", "--offline=yes", "--no-pager", path);
        match(out, /Overall exposure level for \S+: [0-4]\.[0-9] OK/);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}
