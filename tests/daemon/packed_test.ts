/**
 * The shell header of the packed executable, with a small stand-in for the runtime that prints how it was called.
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { packedHeader } from "../../scripts/pack/header.ts";
import { tarEnd, tarEntry } from "../../scripts/pack/tar.ts";

const RUNTIME = `#!/bin/sh
[ -n "$(pwd -P 2>/dev/null)" ] || exit 9
printf '%s\\n' "deno_dir=$DENO_DIR" "home=$HOME $WG_PACKED_HOME" "flags=$DENO_V8_FLAGS" "$@"
`;

interface Bench {
  readonly folder: string;
  readonly file: string;
  readonly cache: string;
  run(
    args?: readonly string[],
    environment?: Readonly<Record<string, string>>,
    file?: string,
  ): Promise<{ code: number; out: string; err: string }>;
}

async function withPacked(test: (bench: Bench) => Promise<void>, damage = false): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const text = (value: string) => new TextEncoder().encode(value);
    const members = [
      gzipSync(tarEntry({ path: "deno", mode: 0o700, bytes: text(RUNTIME) })),
      gzipSync(
        new Uint8Array([
          ...tarEntry({ path: "main.js", mode: 0o600, bytes: text("// program") }),
          ...tarEntry({ path: "lib/worker/data_worker.js", mode: 0o600, bytes: text("// worker") }),
          ...tarEnd(),
        ]),
      ),
    ];
    const payload = new Uint8Array([...members[0], ...members[1]]);
    const sha256 = createHash("sha256").update(payload).digest("hex");
    if (damage) payload[payload.length >> 1] ^= 1;
    const cache = `${folder}/cache/wg`;
    // Root's folder is the test's too; the offset of the payload grows with its path.
    const grown = cache.length - "/var/cache/wg".length;
    const header = packedHeader({ sha256, bytes: payload.length, machine: Deno.build.arch })
      .replace("/var/cache/wg", cache)
      .replaceAll(/tail -c \+(\d+)/g, (_, offset) => `tail -c +${Number(offset) + grown}`);
    const file = `${folder}/wg`;
    await Deno.writeFile(file, new Uint8Array([...text(header), ...payload]), { mode: 0o755 });
    await test({
      folder,
      file,
      cache,
      async run(args = [], environment = {}, run = file) {
        const { code, stdout, stderr } = await new Deno.Command(run, {
          args: [...args],
          clearEnv: true,
          env: {
            PATH: Deno.env.get("PATH") ?? "",
            XDG_CACHE_HOME: `${folder}/cache`,
            ...environment,
          },
        }).output();
        const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
        return { code, out: decode(stdout), err: decode(stderr) };
      },
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const folders = (path: string) => [...Deno.readDirSync(path)].map((entry) => entry.name);

Deno.test("it unpacks once, privately, and passes name, words and nothing of the user's Deno settings", () =>
  withPacked(async ({ run, cache, folder, file }) => {
    const first = await run(["ifconfig", "wg1", "two words", ""], { DENO_V8_FLAGS: "--jitless" });
    assert.equal(first.err, "");
    const lines = first.out.split("\n");
    assert.match(lines[0], /^deno_dir=.*\/cache$/);
    assert.equal(lines[2], "flags=");
    assert.deepEqual(lines.slice(-6), [file, "ifconfig", "wg1", "two words", "", ""]);
    for (
      const flag of ["-A", "--no-config", "--no-lock", "--no-remote", "--no-npm", "--cached-only"]
    ) {
      assert.ok(lines.includes(flag), flag);
    }
    assert.equal(folders(cache).length, 1);
    const [id] = folders(cache);
    assert.equal((await Deno.stat(cache)).mode! & 0o777, 0o700);
    assert.equal(
      (await Deno.stat(`${cache}/${id}/lib/worker/data_worker.js`)).mode! & 0o777,
      0o600,
    );
    const { ino } = await Deno.stat(`${cache}/${id}/deno`);
    await Deno.symlink(file, `${folder}/ifconfig`);
    const second = await run(["wg1"], {}, `${folder}/ifconfig`);
    assert.deepEqual(second.out.split("\n").slice(-3), [`${folder}/ifconfig`, "wg1", ""]);
    assert.equal((await Deno.stat(`${cache}/${id}/deno`)).ino, ino, "not unpacked again");
  }));

Deno.test("the runtime gets a home of its own, the program hears of the user's", () =>
  withPacked(async ({ run, cache }) => {
    const home = async (environment: Record<string, string>) =>
      (await run([], environment)).out.split("\n")[1];
    assert.equal(
      await home({ HOME: "/home/me" }),
      `home=${cache}/${folders(cache)[0]}/cache /home/me`,
    );
    assert.equal(
      await home({ WG_PACKED_HOME: "/forged" }),
      `home=${cache}/${folders(cache)[0]}/cache `,
    );
  }));

Deno.test("started in a folder that was removed it runs in another", () =>
  withPacked(async ({ file, folder, run }) => {
    await run();
    const script = 'mkdir "$1/gone" && cd "$1/gone" && rmdir "$1/gone" && exec "$2" x 2>/dev/null';
    const { code } = await new Deno.Command("sh", {
      args: ["-c", script, "sh", folder, file],
      env: { XDG_CACHE_HOME: `${folder}/cache` },
    }).output();
    assert.equal(code, 0);
  }));

Deno.test("several at once leave one folder and all run", () =>
  withPacked(async ({ run, cache }) => {
    const results = await Promise.all(Array.from({ length: 6 }, () => run(["x"])));
    for (const { code, err } of results) assert.deepEqual([code, err], [0, ""]);
    assert.equal(folders(cache).length, 1);
    assert.equal(
      folders(`${cache}/${folders(cache)[0]}`).some((name) => name.startsWith(".new")),
      false,
    );
  }));

Deno.test("a damaged file says so and unpacks nothing", () =>
  withPacked(async ({ run, cache }) => {
    const { code, err } = await run();
    assert.equal(code, 1);
    assert.match(err, /damaged/);
    assert.deepEqual(folders(cache), []);
  }, true));

Deno.test("a folder that others may write to, or that is a link, is not used; another is", () =>
  withPacked(async ({ run, cache, folder }) => {
    await Deno.mkdir(cache, { recursive: true });
    await Deno.chmod(cache, 0o777);
    await Deno.mkdir(`${folder}/run`, { mode: 0o700 });
    const other = await run(["x"], { XDG_RUNTIME_DIR: `${folder}/run` });
    assert.equal(other.code, 0);
    assert.match(other.out, new RegExp(`^deno_dir=${folder}/run/`));
    await Deno.remove(cache, { recursive: true });
    await Deno.mkdir(`${folder}/elsewhere`, { mode: 0o700 });
    await Deno.symlink(`${folder}/elsewhere`, cache);
    const linked = await run(["x"], { XDG_RUNTIME_DIR: `${folder}/run` });
    assert.match(linked.out, new RegExp(`^deno_dir=${folder}/run/`));
    assert.deepEqual(folders(`${folder}/elsewhere`), []);
  }));

Deno.test("no place to unpack to: one clear sentence for each place, status 1", () =>
  withPacked(async ({ run, folder }) => {
    await Deno.writeTextFile(`${folder}/cache`, "a file where the folder should be");
    const { code, err, out } = await run([], { XDG_RUNTIME_DIR: `${folder}/cache` });
    assert.equal(code, 1);
    assert.equal(out, "");
    assert.match(
      err,
      /^wg: there is no folder to unpack the program into:\nwg: .*: cannot be made/,
    );
    await Deno.symlink(`${folder}/wg`, `${folder}/ifconfig`);
    const linked = await run([], { XDG_RUNTIME_DIR: `${folder}/cache` }, `${folder}/ifconfig`);
    assert.match(linked.err, /^ifconfig: there is no folder [^\n]*:\nifconfig: .*: cannot be made/);
  }));

Deno.test("in a folder whose path has blanks an old version is removed, and nothing of a part of that path", () =>
  withPacked(async ({ run, folder }) => {
    const home = `${folder}/my home`;
    const old = `${home}/wg/${"0".repeat(32)}`;
    for (const path of [old, `${folder}/my`, `${folder}/home`]) {
      await Deno.mkdir(path, { recursive: true });
    }
    await Deno.chmod(`${home}/wg`, 0o700);
    // The usual folder is a file, so that root takes this one too.
    await Deno.mkdir(`${folder}/cache`, { recursive: true });
    await Deno.writeTextFile(`${folder}/cache/wg`, "");
    const longAgo = new Date(Date.now() - 5 * 86_400_000);
    for (const path of [old, `${folder}/my`]) await Deno.utime(path, longAgo, longAgo);
    const { code, err } = await run(["x"], { XDG_CACHE_HOME: home });
    assert.deepEqual([code, err], [0, ""]);
    assert.equal(folders(`${home}/wg`).includes("0".repeat(32)), false);
    assert.equal(folders(`${home}/wg`).length, 1);
    assert.deepEqual(folders(folder).filter((name) => name === "my" || name === "home").sort(), [
      "home",
      "my",
    ]);
  }));

Deno.test("an old version that nobody runs is removed, a young one stays", () =>
  withPacked(async ({ run, cache }) => {
    const old = `${cache}/${"0".repeat(32)}`;
    const young = `${cache}/${"1".repeat(32)}`;
    for (const path of [old, young]) await Deno.mkdir(path, { recursive: true });
    await Deno.chmod(cache, 0o700);
    const longAgo = new Date(Date.now() - 5 * 86_400_000);
    await Deno.utime(old, longAgo, longAgo);
    assert.equal((await run(["x"])).code, 0);
    const left = folders(cache);
    assert.ok(!left.includes("0".repeat(32)) && left.includes("1".repeat(32)));
    assert.equal(left.length, 2);
  }));
