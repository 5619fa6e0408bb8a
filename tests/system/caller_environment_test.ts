/**
 * The commands that this program runs for its caller have the caller's environment, and the program
 * itself does not.
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import type { Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { may, must, WG, wgRoom } from "./peers.ts";

const NEEDED = needs("namespaces", "tun", "ip");
const FOLDER = "/run/hostname";
/**
 * Names that a runtime, its libraries and shells follow; none of them stops this test's own tools.
 */
const VARIABLES: Readonly<Record<string, string>> = {
  DENO_DIR: "/run/own",
  DENO_NO_PROMPT: "own",
  GLIBC_TUNABLES: "glibc.malloc.arena_max=1",
  HOME: "/run/own home",
  LINES_: "one\nLD_PRELOAD=/two\n\n= three ",
  NODE_OPTIONS: "--no-such-option",
  OPENSSL_CONF: "/run/nothing",
  OTHER: "ü 'quoted' $HOME `id`",
  TMPDIR: "/run/own",
};

/** A caller with these variables and a PATH, and nothing else. `sh` reads the command line. */
const call = (room: Room, command: string) => {
  const settings = Object.entries(VARIABLES).map(([name, value]) => `${name}=${value}`);
  return room.run(["sh", "-c", `exec env -i PATH="$PATH" "$@" ${command}`, "sh", ...settings]);
};

/** The variables of `env -0`. */
const told = (text: string) =>
  Object.fromEntries(
    text.split("\0").slice(0, -1).map((line) => {
      const end = line.indexOf("=");
      return [line.slice(0, end), line.slice(end + 1)];
    }),
  );

Deno.test("route exec: the caller's environment, and no more", NEEDED, async () => {
  await using room = await wgRoom();
  await must(room, "ifconfig wg1 create rdomain 1");
  const path = await room.output(["sh", "-c", 'printf %s "$PATH"']);
  for (const rdomain of ["0", "1"]) {
    const { code, stdout, stderr } = await call(room, `${WG} route -T ${rdomain} exec env -0`);
    deepEqual([code, stderr], [0, ""]);
    deepEqual(told(stdout), { PATH: path, ...VARIABLES });
  }
  // The command is looked up on the caller's PATH.
  await room.output(["sh", "-ec", "mkdir /run/mine; cat >/run/mine/own; chmod 755 /run/mine/own"], {
    stdin: "#!/bin/sh\necho mine\n",
  });
  const own = await room.run([WG, "route", "-T", "1", "exec", "own"], {
    env: { PATH: "/run/mine:/usr/bin:/bin" },
  });
  deepEqual([own.code, own.stdout, own.stderr], [0, "mine\n", ""]);
  // Bytes that are no UTF-8 arrive as they are.
  const odd =
    "A=$(printf '\\377\\n\\200') exec \"$1\" route -T 1 exec sh -c 'printf %s \"$A\" | od -An -tx1'";
  equal(await room.output(["sh", "-c", odd, "sh", WG]), " ff 0a 80\n");
});

Deno.test("an entry without a name, and a PATH with other programs", NEEDED, async () => {
  await using room = await wgRoom();
  await room.output([
    "sh",
    "-ec",
    `mkdir /run/evil
for name in cat env sh; do
  printf '#!/bin/sh\\necho >/run/EVIL\\n' >/run/evil/$name; chmod 755 /run/evil/$name
done
printf '[Interface]\\nAddress = 10.66.0.1/24\\nPostUp = /bin/true; echo >/run/hook\\n' >/run/wg6.conf
chmod 600 /run/wg6.conf`,
  ]);
  // A shell would not pass on an entry without a name.
  const nameless = `import { execve } from "${new URL("../../ffi/libc.ts", import.meta.url)}";
    const bytes = (text) => new TextEncoder().encode(text);
    const words = ["wg", "quick", "up", "/run/wg6.conf"];
    const path = "PATH=/run/evil:" + Deno.env.get("PATH");
    Deno.exit(-execve("${WG}", words, ["=x", "=y=z", path].map(bytes)));`;
  const { code, stderr } = await room.run([Deno.execPath(), "eval", "--quiet", nameless]);
  equal(code, 0, stderr);
  equal((await may(room, "cat /run/hook")).code, 0, "the command has run");
  equal((await may(room, "cat /run/EVIL")).code, 1, "no program of the PATH has run");
});

Deno.test(
  "netstart: its lines have the caller's environment, through our own commands as well",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await room.output([
      "sh",
      "-ec",
      `mkdir -p ${FOLDER} "/run/own home"; cat >${FOLDER}/hostname.wg1`,
    ], {
      stdin: `up
!env -0 >/run/plain
!true; env -0 >/run/shell
!route exec env -0 >/run/exec
!route exec sh -c 'route exec env -0' >/run/nested
!echo "$OTHER" >/run/value
`,
    });
    await must(room, `chmod 600 ${FOLDER}/hostname.wg1`);
    const { code, stderr } = await call(room, `${WG} netstart -d ${FOLDER}`);
    deepEqual([code, stderr], [0, ""]);
    for (const file of ["plain", "shell", "exec", "nested"]) {
      const { PATH, PWD: _, WG_NETSTART, ...rest } = told(await must(room, `cat /run/${file}`));
      equal(/wg-netstart-[^/]*\/[^/]*\.routes$/.test(WG_NETSTART), true, file);
      equal(/^[^:]*wg-netstart-[^:]*:/.test(PATH), true, file);
      deepEqual(rest, { ...VARIABLES }, file);
    }
    equal(await must(room, "cat /run/value"), `${VARIABLES.OTHER}\n`);
  },
);

Deno.test(
  "route add notes its route in a folder of netstart, and in no file that the environment names",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await must(room, "ifconfig wg1 create 10.9.0.1/24");
    await room.output([
      "sh",
      "-ec",
      "umask 022; mkdir /run/wg-netstart-open /run/wg-netstart-own /run/plain; chmod 700 /run/wg-netstart-own /run/plain",
    ]);
    for (
      const [i, list] of [
        "/run/a.routes",
        "/run/wg-netstart-open/a.routes",
        "/run/plain/a.routes",
        "/run/wg-netstart-own/a",
      ].entries()
    ) {
      const words = ["route", "add", `10.${20 + i}.0.0/16`, "10.9.0.2"];
      const { code, stderr } = await room.run(words, { env: { WG_NETSTART: list } });
      deepEqual([code, stderr], [0, ""]);
      equal((await room.run(["test", "-e", list])).code, 1, list);
    }
    const list = "/run/wg-netstart-own/a.routes";
    equal(
      (await room.run(["route", "add", "10.30.0.0/16", "10.9.0.2"], { env: { WG_NETSTART: list } }))
        .code,
      0,
    );
    equal((await room.run(["test", "-s", list])).code, 0);
  },
);

Deno.test(
  "the process of an interface has nothing of the caller's environment",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    equal((await call(room, `${WG} ifconfig wg1 create`)).code, 0);
    const pid = /^\tpid ([0-9]+)$/m.exec(await must(room, "ifconfig wg1 hwfeatures"))?.[1];
    const environment = told(await room.output(["sh", "-c", `cat /proc/${pid}/environ`]));
    for (
      const name of ["OTHER", "LINES_", "NODE_OPTIONS", "OPENSSL_CONF", "GLIBC_TUNABLES", "TMPDIR"]
    ) {
      equal(Object.hasOwn(environment, name), false, name);
    }
  },
);
