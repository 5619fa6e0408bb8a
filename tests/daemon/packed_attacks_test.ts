/**
 * What others can do to a packed executable: by the environment, the cache, the folders above it,
 * and the file itself. Nothing of theirs may be run, and nothing of anybody's removed. As root
 * every attack is tried on root and on a user.
 * @module
 */
import assert from "node:assert/strict";
import { missing } from "../../scripts/facilities.ts";
import {
  as,
  type Bench,
  isRoot,
  names,
  packed,
  payloadOf,
  type Start,
  STRANGER,
  USER,
  withPacked,
} from "./packed_bench.ts";

/** Tells by its exit status that it ran, and nothing else. */
const EVIL = "#!/bin/sh\nexit 66\n";
const EVIL_STATUS = 66;
const NEEDS_ROOT = { ignore: !isRoot };
const LONG_AGO = new Date(Date.now() - 5 * 86_400_000);

/** Somebody who starts the program: this user, and, when that is root, another one too. */
interface Victim {
  readonly name: string;
  readonly uid: number | undefined;
  readonly start: Start;
}
const VICTIMS: readonly Victim[] = [
  { name: isRoot ? "root" : "a user", uid: undefined, start: {} },
  ...isRoot ? [{ name: "a user", uid: USER, start: { wrap: as(USER) } }] : [],
];

/** A folder of somebody. */
async function folderOf(uid: number | undefined, path: string, mode = 0o700): Promise<string> {
  await Deno.mkdir(path);
  await Deno.chmod(path, mode);
  if (uid !== undefined) await Deno.chown(path, uid, uid);
  return path;
}

/**
 * A version of the program that somebody put into a folder of the cache: it looks whole, and its
 * runtime is evil.
 */
async function plant(cache: string, { id }: Bench, uid: number | undefined): Promise<void> {
  await Deno.mkdir(`${cache}/${id}/lib/worker`, { recursive: true, mode: 0o700 });
  await Deno.writeTextFile(`${cache}/${id}/deno`, EVIL, { mode: 0o755 });
  await Deno.writeTextFile(`${cache}/${id}/main.js`, "// evil");
  await Deno.writeTextFile(`${cache}/${id}/lib/worker/data_worker.js`, "// evil");
  if (uid === undefined) return;
  const { success } = await new Deno.Command("chown", { args: ["-R", `${uid}:${uid}`, cache] })
    .output();
  assert.ok(success);
}

/** A victim's cache: the system's folder of root, or the folder that $XDG_CACHE_HOME names. */
async function cacheOf({ uid }: Victim, { folder, cache }: Bench, mode = 0o700): Promise<string> {
  await folderOf(uid, `${folder}/cache`, 0o755);
  return await folderOf(uid, cache, mode);
}

/** The folder in the place of /tmp as it was at first. */
async function emptyShared({ places }: Bench): Promise<void> {
  await Deno.remove(places.shared, { recursive: true });
  await folderOf(undefined, places.shared, 0o1777);
}

/** Each attack is tried on each victim. */
function attack(
  name: string,
  options: { ignore?: boolean },
  test: (bench: Bench, victim: Victim) => Promise<void>,
) {
  for (const victim of VICTIMS) {
    Deno.test({
      name: `${name} (${victim.name})`,
      ...options,
      fn: () => withPacked((bench) => test(bench, victim)),
    });
  }
}

/** The program ran from a private folder, because the victim's own one is not to be trusted. */
async function ranElsewhere(
  { run, places, id }: Bench,
  { start }: Victim,
  more: Start = {},
): Promise<void> {
  const { code, err, folder } = await run(["x"], { ...start, ...more });
  assert.deepEqual([code, err], [0, ""]);
  assert.match(folder, new RegExp(`^${places.shared}/wg-program\\.[0-9A-Za-z]{8}/${id}$`));
}

attack("a name with blanks, line feeds or globs removes nothing", {}, async (bench, victim) => {
  const { folder, cache, run, id } = bench;
  // Root's folder has the name of the test's: others cannot give it one.
  const base = victim.uid === undefined && isRoot ? cache : `${folder}/my * ho[m]e/wg`;
  await folderOf(victim.uid, base.slice(0, base.lastIndexOf("/")), 0o755);
  await folderOf(victim.uid, base);
  const victims = [`${folder}/my`, `${folder}/other`, "/nowhere"].slice(0, 2);
  for (const path of victims) await Deno.mkdir(path);
  const [old, hex] = ["0", "a"].map((digit) => digit.repeat(32));
  const kept = [
    `b ${folder}/my`.replaceAll("/", "_"),
    "c\nother",
    "*",
    "-rf",
    "A".repeat(32),
    "a".repeat(31),
    "a".repeat(33),
    `${"a".repeat(31)}g`,
    ".new.a b*efgh",
    ".new.12",
  ];
  for (const name of [old, ...kept]) await folderOf(victim.uid, `${base}/${name}`);
  await Deno.symlink(`${folder}/other`, `${base}/${hex}`);
  await Deno.writeTextFile(`${base}/${"d".repeat(32)}`, "a file");
  for (const path of [...[old, ...kept].map((name) => `${base}/${name}`), ...victims]) {
    await Deno.utime(path, LONG_AGO, LONG_AGO);
  }
  await new Deno.Command("touch", { args: ["-hd", "@0", `${base}/${hex}`] }).output();
  const environment = { XDG_CACHE_HOME: base.slice(0, base.lastIndexOf("/")) };
  const { code, err, folder: ran } = await run(["x"], { ...victim.start, environment });
  assert.deepEqual([code, err, ran], [0, "", `${base}/${id}`]);
  assert.deepEqual(names(base), [...kept, hex, "d".repeat(32), id].sort());
  for (const path of victims) assert.ok((await Deno.stat(path)).isDirectory);
});

attack("an old version of somebody else is left alone", NEEDS_ROOT, async (bench, victim) => {
  const cache = await cacheOf(victim, bench);
  const theirs = await folderOf(STRANGER, `${cache}/${"e".repeat(32)}`);
  await Deno.utime(theirs, LONG_AGO, LONG_AGO);
  assert.equal((await bench.run(["x"], victim.start)).code, 0);
  assert.ok((await Deno.stat(theirs)).isDirectory);
});

Deno.test(
  "as root no folder of the environment is used",
  NEEDS_ROOT,
  () =>
    withPacked(async (bench) => {
      const { folder, run, cache, id } = bench;
      // Even folders that are root's own: a user may have made root unpack something there.
      for (const owner of [undefined, STRANGER]) {
        for (const home of ["home", "xdg", "runtime"]) {
          await Deno.remove(`${folder}/${home}`, { recursive: true }).catch(() => {});
          await folderOf(owner, `${folder}/${home}`);
        }
        await Deno.mkdir(`${folder}/home/.cache`);
        for (const place of ["home/.cache/wg", "xdg/wg", "runtime/wg-program"]) {
          await plant(`${folder}/${place}`, bench, owner);
          await Deno.chmod(`${folder}/${place}`, 0o700);
        }
        const environment = {
          HOME: `${folder}/home`,
          XDG_CACHE_HOME: `${folder}/xdg`,
          XDG_RUNTIME_DIR: `${folder}/runtime`,
          TMPDIR: `${folder}/xdg`,
          system: `${folder}/xdg/wg`,
          shared: `${folder}/xdg/wg`,
          real: `${folder}/xdg/wg`,
        };
        assert.equal((await run(["x"], { environment })).folder, `${cache}/${id}`);
        // Without its own place neither.
        await Deno.remove(`${folder}/cache`, { recursive: true });
        await Deno.writeTextFile(`${folder}/cache`, "no folder");
        await ranElsewhere(bench, VICTIMS[0], { environment });
        await Deno.remove(`${folder}/cache`);
        await emptyShared(bench);
      }
    }),
);

attack("a cache that others may use is not used", {}, async (bench, victim) => {
  for (const mode of [0o777, 0o770, 0o720, 0o702, 0o1777, 0o755]) {
    await plant(await cacheOf(victim, bench, mode), bench, victim.uid);
    await Deno.chmod(bench.cache, mode);
    await ranElsewhere(bench, victim);
    await Deno.remove(`${bench.folder}/cache`, { recursive: true });
  }
});

attack("a cache of somebody else is not used", NEEDS_ROOT, async (bench, victim) => {
  await folderOf(victim.uid, `${bench.folder}/cache`, 0o755);
  await folderOf(STRANGER, bench.cache, 0o755);
  await plant(bench.cache, bench, STRANGER);
  await ranElsewhere(bench, victim);
});

attack(
  "a cache that is a link is not used, and nothing is made behind it",
  {},
  async (bench, victim) => {
    await folderOf(victim.uid, `${bench.folder}/cache`, 0o755);
    const behind = await folderOf(victim.uid, `${bench.folder}/behind`);
    await Deno.symlink(behind, bench.cache);
    await ranElsewhere(bench, victim);
    assert.deepEqual(names(behind), []);
    await plant(behind, bench, victim.uid);
    await ranElsewhere(bench, victim);
  },
);

attack(
  "folders above that others could exchange are not used, and nothing is made in them",
  {},
  async (bench, victim) => {
    for (const mode of [0o777, 0o775]) {
      const above = await folderOf(victim.uid, `${bench.folder}/cache`, mode);
      await ranElsewhere(bench, victim);
      assert.deepEqual(names(above), []);
      await folderOf(victim.uid, bench.cache);
      await plant(bench.cache, bench, victim.uid);
      await ranElsewhere(bench, victim);
      await Deno.remove(above, { recursive: true });
    }
    // With the sticky bit only the owner can.
    await emptyShared(bench);
    await folderOf(victim.uid, `${bench.folder}/cache`, 0o1777);
    assert.equal((await bench.run(["x"], victim.start)).folder, `${bench.cache}/${bench.id}`);
  },
);

attack(
  "a folder above that is somebody else's is not used, however it is reached",
  NEEDS_ROOT,
  async (bench, victim) => {
    const { folder, id, cache } = bench;
    const theirs = await folderOf(STRANGER, `${folder}/theirs`, 0o1777);
    await folderOf(victim.uid, `${theirs}/wg`);
    await plant(`${theirs}/wg`, bench, victim.uid);
    await Deno.chmod(`${theirs}/wg`, 0o700);
    await Deno.symlink(theirs, `${folder}/cache`);
    await ranElsewhere(bench, victim);
    assert.deepEqual(names(`${theirs}/wg`), [id]);
    await Deno.remove(`${theirs}/wg`, { recursive: true });
    await ranElsewhere(bench, victim);
    assert.deepEqual(names(theirs), []);
    // A link to a folder that nobody else can exchange is as good as the folder.
    await Deno.remove(`${folder}/cache`);
    await emptyShared(bench);
    await folderOf(victim.uid, `${folder}/good`, 0o755);
    await Deno.symlink(`${folder}/good`, `${folder}/cache`);
    assert.equal((await bench.run(["x"], victim.start)).folder, `${folder}/good/wg/${id}`);
    assert.ok((await Deno.stat(cache)).isDirectory);
  },
);

attack(
  "an unpacked program that others could have written, or that is a link, is not run",
  {},
  async (bench, victim) => {
    const cache = await cacheOf(victim, bench);
    const program = `${cache}/${bench.id}`;
    const spoil: Readonly<Record<string, () => Promise<void>>> = {
      "folder 0777": () => Deno.chmod(program, 0o777),
      "runtime 0722": () => Deno.chmod(`${program}/deno`, 0o722),
      "module 0666": () => Deno.chmod(`${program}/main.js`, 0o666),
      "runtime is a link": async () => {
        await Deno.rename(`${program}/deno`, `${cache}/evil`);
        await Deno.symlink(`${cache}/evil`, `${program}/deno`);
      },
      "folder is a link": async () => {
        await Deno.rename(program, `${cache}/evil`);
        await Deno.symlink(`${cache}/evil`, program);
      },
      ...isRoot && {
        "runtime of somebody else": () => Deno.chown(`${program}/deno`, STRANGER, STRANGER),
        "folder of somebody else": () => Deno.chown(program, STRANGER, STRANGER),
      },
    };
    for (const [how, act] of Object.entries(spoil)) {
      await plant(cache, bench, victim.uid);
      await act();
      const { code, folder, err } = await bench.run(["x"], victim.start);
      assert.deepEqual([code, err], [0, ""], how);
      // A user cannot remove what is somebody else's.
      if (how !== "folder of somebody else" || victim.uid === undefined) {
        assert.equal(folder, program, how);
      }
      assert.deepEqual(names(folder), [".started", "deno", "lib", "main.js"], how);
      for (const name of names(cache)) await Deno.remove(`${cache}/${name}`, { recursive: true });
    }
  },
);

attack(
  "somebody else's private folders in /tmp are passed over",
  NEEDS_ROOT,
  async (bench, victim) => {
    const { folder, places } = bench;
    await Deno.writeTextFile(`${folder}/cache`, "no folder");
    for (const name of ["wg-program.AAAAAAAA", "wg-program.a b *\nd"]) {
      await folderOf(STRANGER, `${places.shared}/${name}`, 0o755);
      await plant(`${places.shared}/${name}`, bench, STRANGER);
    }
    await Deno.symlink(
      `${places.shared}/wg-program.AAAAAAAA`,
      `${places.shared}/wg-program.BBBBBBBB`,
    );
    await Deno.writeTextFile(`${places.shared}/wg-program.CCCCCCCC`, EVIL, { mode: 0o755 });
    await ranElsewhere(bench, victim);
    await ranElsewhere(bench, victim);
    assert.equal(names(places.shared).length, 5);
    for (const name of ["wg-program.AAAAAAAA", "wg-program.a b *\nd"]) {
      assert.deepEqual(names(`${places.shared}/${name}`), [bench.id]);
    }
  },
);

attack(
  "/tmp without the sticky bit is not used",
  {},
  async ({ folder, places, run }, { start }) => {
    await Deno.writeTextFile(`${folder}/cache`, "no folder");
    await Deno.chmod(places.shared, 0o777);
    const { code, err } = await run(["x"], start);
    assert.equal(code, 1);
    assert.match(err, /shared: others may write there\n$/);
    assert.deepEqual(names(places.shared), []);
  },
);

Deno.test("a path with an equals sign or a line feed is not used", () =>
  withPacked(async (bench) => {
    const victim = VICTIMS[VICTIMS.length - 1];
    for (const name of ["a=b", "line\nfeed"]) {
      const home = await folderOf(victim.uid, `${bench.folder}/${name}`);
      if (isRoot || victim.uid === undefined) {
        const more = { environment: { XDG_CACHE_HOME: "", HOME: home } };
        const { code, err, folder } = await bench.run(["x"], { ...victim.start, ...more });
        assert.deepEqual([code, err, folder.startsWith(home)], [0, "", false]);
        assert.deepEqual(names(home), []);
      }
    }
  }));

attack(
  "the file is exchanged while it is read: only bytes of the right SHA-256 run",
  {},
  async (bench, victim) => {
    const { folder, file, places } = bench;
    const good = await Deno.readFile(file);
    const { bytes: evil } = packed(places, "", payloadOf(places, EVIL));
    assert.notDeepEqual(good, evil);
    const header = good.slice(0, packed(places, undefined, new Uint8Array()).bytes.length);
    const forged = new Uint8Array([...header, ...payloadOf(places, EVIL)]);
    const write = async (bytes: Uint8Array) => {
      await Deno.writeFile(`${folder}/next`, bytes);
      await Deno.chmod(`${folder}/next`, 0o755);
      await Deno.rename(`${folder}/next`, file);
    };
    let done = false;
    const exchanging = (async () => {
      for (let turn = 0; !done; turn++) await write(turn % 2 === 0 ? forged : good);
    })();
    const codes = new Set<number>();
    try {
      for (let trial = 0; trial < 25; trial++) {
        await Deno.remove(`${folder}/cache`, { recursive: true }).catch(() => {});
        await emptyShared(bench);
        const { code } = await bench.run(["x"], victim.start);
        codes.add(code);
      }
    } finally {
      done = true;
      await exchanging;
    }
    assert.equal(codes.has(EVIL_STATUS), false);
    for (const code of codes) assert.ok(code === 0 || code === 1 || code === 126, `${code}`);
    await write(forged);
    await Deno.remove(`${folder}/cache`, { recursive: true }).catch(() => {});
    await emptyShared(bench);
    const { code, err } = await bench.run(["x"], victim.start);
    assert.equal(code, 1);
    assert.match(err, /damaged/);
  },
);

Deno.test("mounted noexec, read-only or full: the private folder, or a sentence", {
  ignore: !isRoot || missing("namespaces") !== undefined,
}, () =>
  withPacked(async (bench) => {
    const { folder, places, id, cache, run } = bench;
    await Deno.mkdir(cache, { recursive: true });
    const mounted = (options: string, on: string): Start => ({
      wrap: [
        "unshare",
        "-m",
        "sh",
        "-c",
        'mount -t tmpfs -o "$1" none "$2" && shift 2 && exec "$@"',
        "sh",
        options,
        on,
      ],
    });
    for (const options of ["mode=700,noexec", "mode=700,size=4k", "mode=700,ro"]) {
      await ranElsewhere(bench, VICTIMS[0], mounted(options, cache));
    }
    await Deno.remove(`${folder}/cache`, { recursive: true });
    await Deno.writeTextFile(`${folder}/cache`, "no folder");
    await emptyShared(bench);
    const said = async (options: string) => {
      const { code, err } = await run(["x"], mounted(options, places.shared));
      assert.equal(code, 1);
      return err;
    };
    assert.match(
      await said("mode=1777,noexec"),
      /the runtime cannot be run there \(mounted noexec\?\)/,
    );
    assert.match(await said("mode=1777,size=4k"), /unpacking failed \(is the disk full\?/);
    assert.match(await said("mode=1777,ro"), /no folder can be made there/);
    assert.equal(id.length, 32);
  }));

Deno.test("in a user namespace folders of others, who have no number there, are not trusted", {
  ignore: !isRoot || missing("user-namespaces") !== undefined,
}, () =>
  withPacked(async (bench) => {
    const { folder, run, places, id } = bench;
    await Deno.chown(folder, USER, USER);
    await Deno.chown(places.shared, USER, USER);
    const wrap = [...as(USER), "unshare", "-Ur"];
    const mine = await folderOf(USER, `${folder}/mine`);
    const first = await run(["x"], { wrap, environment: { XDG_CACHE_HOME: mine } });
    assert.deepEqual([first.code, first.err, first.folder], [0, "", `${mine}/wg/${id}`]);
    const theirs = await folderOf(STRANGER, `${folder}/theirs`, 0o755);
    await folderOf(USER, `${theirs}/wg`);
    await plant(`${theirs}/wg`, bench, USER);
    await ranElsewhere(bench, { name: "", uid: USER, start: { wrap } }, {
      environment: { XDG_CACHE_HOME: theirs },
    });
  }));

Deno.test("in a user namespace of the user nobody, folders of that user are not trusted", {
  ignore: !isRoot || missing("user-namespaces") !== undefined,
}, () =>
  withPacked(async (bench) => {
    // All who have no number there seem to be this user.
    const nobody = 65534;
    const wrap = [...as(nobody), "unshare", "-U", `--map-user=${nobody}`, `--map-group=${nobody}`];
    const theirs = await folderOf(STRANGER, `${bench.folder}/theirs`, 0o755);
    await folderOf(nobody, `${theirs}/wg`);
    await plant(`${theirs}/wg`, bench, nobody);
    const { code, err } = await bench.run(["x"], {
      wrap,
      environment: { XDG_CACHE_HOME: theirs },
    });
    assert.equal(code, 1);
    assert.match(err, /no folder to unpack the program into:\n.*: belongs to another user/);
  }));
