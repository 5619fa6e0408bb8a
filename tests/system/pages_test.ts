/** The pages of docs/ do what they say: their commands are run as they stand there, in rooms. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { eventually } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { must, traces, WG, wgRoom, writeFile } from "./peers.ts";

const NEEDED = needs("namespaces", "tun");

/** The fenced blocks of a page in a language. */
function blocks(page: string, language: string): string[] {
  const text = Deno.readTextFileSync(`${ROOT}docs/${page}.md`);
  const found = [...text.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, "gm"))];
  ok(found.length > 0, `${page}: ${language}`);
  return found.map(([, code]) => code);
}

const ENVIRONMENT = { PATH: "/run/bin:/usr/sbin:/usr/bin:/sbin:/bin" };

/** A room with `wg` on its PATH and a folder to work in. */
async function pageRoom() {
  const room = await wgRoom();
  await room.output(["sh", "-ec", `ln -sf ${WG} /run/bin/wg; mkdir /run/work`]);
  return room;
}

const CONFIGURATION = `[Interface]
PrivateKey = yEsnYq6Mt3PDy8yNYlbJDQdbOm5a9iB8tRBcAh0zqkA=
ListenPort = 7111
Address = 10.9.0.1/24

[Peer]
PublicKey = hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=
AllowedIPs = 10.9.0.2/32
`;

/** What is written to /etc stays in the room. */
const OWN_ETC = `mkdir -p /run/etc/up /run/etc/work &&
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/etc/up,workdir=/run/etc/work /etc`;

Deno.test("the commands for people of wireguard-tools", NEEDED, async () => {
  await using room = await pageRoom();
  await room.output(["sh", "-ec", OWN_ETC]);
  await writeFile(room, "/etc/wireguard/wg0.conf", CONFIGURATION);
  const [keys, quick] = blocks("from-wireguard-tools", "sh");
  const options = { cwd: "/run/work", env: ENVIRONMENT, check: true };
  await room.run(["sh", "-e"], { ...options, stdin: keys });
  const made = await room.output(["cat", "private.key", "public.key", "peer.psk"], {
    cwd: "/run/work",
  });
  match(made, /^(\S{43}=\n){3}$/);
  const ran = await room.run(["sh", "-e"], { ...options, stdin: quick });
  match(ran.stdout, /^interface: wg0$/m);
  deepEqual((await traces(room)).filter((trace) => !trace.startsWith("/run")), []);
});

Deno.test("the commands for people of OpenBSD", NEEDED, async () => {
  await using room = await pageRoom();
  await room.output(["sh", "-ec", OWN_ETC]);
  const [commands, netstart] = blocks("from-openbsd", "sh");
  const options = { cwd: "/run/work", env: ENVIRONMENT, check: true };
  const ran = await room.run(["sh", "-e"], { ...options, stdin: commands });
  match(ran.stdout, /^wg1: [^\n]* rdomain 1 /m);
  match(ran.stdout, /^10\.9\.0\/24 +10\.9\.0\.1 /m);
  const [file] = blocks("from-openbsd", "hostname\\.wg0");
  await writeFile(room, "/etc/hostname.wg0", file);
  const started = await room.run(["sh", "-e"], { ...options, stdin: netstart });
  match(started.stdout, /^ifconfig wg0 .*wgport 7111$/m);
  match(await must(room, "ifconfig wg0"), /\twgport 7111\n[^]*\tinet 10\.9\.0\.1 /);
});

Deno.test(
  "the words for a user namespace in the page of containers",
  needs("user-namespaces", "user-tun"),
  async () => {
    const [words] = blocks("containers", "sh");
    const { code, stdout, stderr } = await new Deno.Command("sh", {
      args: [
        "-ec",
        words.replaceAll("wg ifconfig", `${ROOT}wg ifconfig`)
          .replaceAll("wg show", `${ROOT}wg show`),
      ],
      stdout: "piped",
      stderr: "piped",
    }).output();
    equal(code, 0, new TextDecoder().decode(stderr));
    match(new TextDecoder().decode(stdout), /listening port: 7111/);
  },
);

Deno.test("the container's entry point runs with CAP_NET_ADMIN only", NEEDED, async () => {
  const dockerfile = Deno.readTextFileSync(`${ROOT}etc/container/Dockerfile`);
  const [, entry] = /^ENTRYPOINT (\[.*\])$/m.exec(dockerfile) ?? [];
  const words = JSON.parse(entry) as string[];
  equal(words[0], "/usr/local/bin/wg");
  await using room = await pageRoom();
  await room.output(["sh", "-ec", OWN_ETC]);
  // Docker mounts /proc/sys read-only.
  await room.output([
    "sh",
    "-ec",
    "mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys",
  ]);
  await writeFile(room, "/etc/wireguard/wg0.conf", CONFIGURATION);
  const only = ["setpriv", "--bounding-set=-all,+net_admin", "--inh-caps=-all"];
  const container = room.spawn([...only, WG, ...words.slice(1)]);
  await eventually(
    "wg0 is up",
    async () => (await room.run([WG, "show", "wg0"])).stdout.includes("listening port: 7111"),
  );
  match(await must(room, "ifconfig wg0"), /\tinet 10\.9\.0\.1 /);
  // The supervisor looks at the interface's process twice a second.
  await new Promise((resolve) => setTimeout(resolve, 2000));
  container.signal("SIGTERM");
  equal((await container.status).code, 0, container.output());
  match((await room.run([WG, "show", "wg0"])).stderr, /No such device/);
});
