/** The README does what it says: its commands are run as they stand there, in rooms. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { PACKAGES } from "../../scripts/facilities.ts";
import type { Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { may, must, traces, wgRoom } from "./peers.ts";

const README = Deno.readTextFileSync(`${ROOT}README.md`);
const NEEDED = needs("namespaces", "tun");

/** The shell commands of a section, a block each. */
function blocks(heading: string): string[] {
  const [, section] = new RegExp(`^## ${heading}\n([^]*?)(?=^## |$(?![^]))`, "m").exec(README) ??
    [];
  ok(section !== undefined, heading);
  return [...section.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, code]) => code);
}

/** Everything in a room's folder that is no folder itself. */
async function filesIn(room: Room, ...folders: string[]): Promise<string[]> {
  const found = await room.output(["find", ...folders, "!", "-type", "d"]);
  return found.split("\n").filter((path) => path !== "").sort();
}

Deno.test("installing, using it, and uninstalling it leaves nothing", NEEDED, async () => {
  await using room = await wgRoom();
  const folders = ["/usr/local", "/etc/systemd/system", "/var/cache"];
  const empty = `rm /run/bin/*; mkdir -p ${folders.join(" ")}; ` +
    `for folder in ${folders.join(" ")}; do mount -t tmpfs -o mode=755 tmpfs $folder; done`;
  await room.output(["sh", "-ec", empty]);
  const env = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };
  const [install, undo] = blocks("Installing").map((block) =>
    block.replace("wg install", "wg install --links all --init systemd")
  );
  const ran = await room.run(["sh", "-e"], { stdin: install, cwd: ROOT, env, check: true });
  equal(ran.stderr, "");
  match(ran.stdout, /^install \/usr\/local\/bin\/wg$/m);

  for (const name of ["ifconfig", "route", "netstat", "netstart"]) {
    equal(
      await room.output(["sh", "-c", `command -v ${name}`], { env }),
      `/usr/local/sbin/${name}\n`,
    );
    equal(
      await room.output(["readlink", "-f", `/usr/local/sbin/${name}`]),
      "/usr/local/bin/wg\n",
    );
  }
  match(
    await room.output(["cat", "/usr/local/lib/systemd/system/wg-netstart.service"]),
    /^\[Unit\]\n[^]*^ExecStart=-\/usr\/local\/bin\/wg /m,
  );
  const pages = await filesIn(room, "/usr/local/share/man");
  const wanted = [...Deno.readDirSync(`${ROOT}man`)].map(({ name }) => `man${name.at(-1)}/${name}`);
  deepEqual(pages, wanted.map((name) => `/usr/local/share/man/${name}`).sort());
  match(
    await room.output(["cat", "/usr/local/share/bash-completion/completions/wg"]),
    /complete /,
  );
  await room.output(["ifconfig", "wg1", "create", "wgport", "7111"], { env });
  match(await room.output(["netstat", "-ln"], { env }), /\*\.7111/);
  const early = await room.run(["sh", "-e"], { stdin: undo, env });
  match(early.stderr, /^wg: wg1 \(wg ifconfig wg1 destroy\): run from this program /);
  await room.output(["ifconfig", "wg1", "destroy"], { env });

  await room.output(["sh", "-e"], { stdin: undo, env });
  deepEqual(await filesIn(room, ...folders), []);
});

Deno.test(
  "the words for a user namespace: everything works in it",
  needs("user-namespaces", "user-tun"),
  async () => {
    const [words] = blocks("What runs where");
    const program = `${ROOT}wg`;
    const script =
      '"$WG" ifconfig wg1 create wgport 7111 rdomain 1 10.9.0.1/24 && "$WG" ifconfig wg1 && ' +
      '"$WG" route -T1 exec "$WG" netstat -rn && "$WG" ifconfig wg1 destroy && ls /run/netns /run/wireguard\n';
    // The shell that the words start reads its commands from standard input.
    const command = new Deno.Command("sh", {
      args: ["-ec", words],
      env: { SHELL: "/bin/sh", WG: program },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = command.stdin.getWriter();
    await writer.write(new TextEncoder().encode(script));
    await writer.close();
    const { code, stdout, stderr } = await command.output();
    const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    deepEqual([code, error], [0, ""]);
    match(out, /^wg1: [^\n]* rdomain 1 /m);
    match(out, /^10\.9\.0\/24 +10\.9\.0\.1 /m);
  },
);

Deno.test(
  "without a /run to write to, and without /dev/net/tun, ifconfig names what is missing",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await room.output(["sh", "-c", "mkdir /run/empty && mount --bind /run/empty /dev/net"]);
    match(
      (await may(room, "ifconfig wg1 create")).stderr,
      /^ifconfig: [^\n]*\/dev\/net\/tun[^\n]*\n$/,
    );
    await room.output([
      "sh",
      "-c",
      "umount /dev/net && mount -t tmpfs -o ro tmpfs /var/run/wireguard 2>/dev/null || " +
      "{ mkdir -p /run/wireguard && mount -t tmpfs -o ro tmpfs /run/wireguard; }",
    ]);
    match(
      (await may(room, "ifconfig wg1 create")).stderr,
      /^ifconfig: [^\n]*\/run\/wireguard[^\n]*\n$/,
    );
    deepEqual((await traces(room)).filter((trace) => trace !== "/run/wireguard"), []);
    await must(room, "umount /run/wireguard");
  },
);

Deno.test("the packages that the tests install are those that the README names", () => {
  const [, section] = /^## Two commands\n([^]*?)^## /m.exec(README) ?? [];
  const [, list] = /`task\s+test`\s+installs\s+([^.]*)\./.exec(section) ?? [];
  const named = list.split(/,|\sand\s/).map((name) => name.trim().replace(/\s+/g, " ")).sort();
  deepEqual(named, [...new Set(Object.values(PACKAGES))].sort());
});
