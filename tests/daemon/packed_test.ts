/**
 * The shell header of the packed executable in ordinary use, with a small stand-in for the runtime.
 * What is done against it is in packed_attacks_test.ts.
 * @module
 */
import assert from "node:assert/strict";
import { names, withPacked } from "./packed_bench.ts";

/** The shells that a system may have as /bin/sh. */
const SHELLS = [["dash"], ["bash", "--posix"], ["busybox", "sh"], ["mksh"]].filter(([shell]) =>
  new Deno.Command("sh", { args: ["-c", `command -v ${shell}`], stdout: "null" }).outputSync()
    .success
);

Deno.test("it unpacks once, privately, and passes its name and its words", () =>
  withPacked(async ({ run, cache, folder, file, id }) => {
    const first = await run(["ifconfig", "wg1", "two words", ""]);
    assert.equal(first.err, "");
    assert.equal(first.folder, `${cache}/${id}`);
    assert.deepEqual(first.arguments.slice(-5), [file, "ifconfig", "wg1", "two words", ""]);
    for (
      const flag of [
        "--quiet",
        "-A",
        "--no-config",
        "--no-lock",
        "--no-remote",
        "--no-npm",
        "--cached-only",
      ]
    ) {
      assert.ok(first.arguments.includes(flag), flag);
    }
    assert.deepEqual(names(cache), [id]);
    assert.deepEqual(names(`${cache}/${id}`), [".started", "deno", "lib", "main.js"]);
    assert.equal((await Deno.stat(cache)).mode! & 0o777, 0o700);
    assert.equal(
      (await Deno.stat(`${cache}/${id}/lib/worker/data_worker.js`)).mode! & 0o777,
      0o600,
    );
    const { ino } = await Deno.stat(`${cache}/${id}/deno`);
    await Deno.symlink(file, `${folder}/ifconfig`);
    const second = await run(["wg1"], { file: `${folder}/ifconfig` });
    assert.deepEqual(second.arguments.slice(-2), [`${folder}/ifconfig`, "wg1"]);
    assert.equal((await Deno.stat(`${cache}/${id}/deno`)).ino, ino, "not unpacked again");
  }));

for (const shell of SHELLS) {
  Deno.test(`${shell[0]} runs it, unpacked or not, with and without commands of others`, () =>
    withPacked(async ({ run, cache, id, file }) => {
      for (const words of [["version"], ["version"], ["route", "exec", "true"]]) {
        const { err, folder, arguments: given } = await run(words, { shell });
        assert.equal(err, "");
        assert.equal(folder, `${cache}/${id}`);
        assert.deepEqual(given.slice(-words.length - 1), [file, ...words]);
      }
    }));
}

Deno.test("a program that is started in a removed folder runs in another one", () =>
  withPacked(async ({ file, folder, run }) => {
    await run();
    const script = 'mkdir "$1/gone" && cd "$1/gone" && rmdir "$1/gone" && exec "$2" x 2>/dev/null';
    const { code } = await new Deno.Command("sh", {
      args: ["-c", script, "sh", folder, file],
      env: { XDG_CACHE_HOME: `${folder}/cache` },
    }).output();
    assert.equal(code, 0);
  }));

Deno.test("a folder that has another path in this mount namespace is entered by it", {
  ignore: new Deno.Command("unshare", { args: ["-Urm", "true"], stderr: "null" }).outputSync()
    .code !== 0,
}, () =>
  withPacked(async ({ file, folder, run }) => {
    await run();
    // The shell stays in the folder of the mount that is gone.
    const script = 'mkdir "$1/m" && mount --bind "$1" "$1/m" && cd "$1/m" && umount -l "$1/m" && ' +
      'PWD=$1 && export PWD && exec "$2" x';
    const { code, stdout, stderr } = await new Deno.Command("unshare", {
      args: ["-Urm", "sh", "-c", script, "sh", folder, file],
      env: { XDG_CACHE_HOME: `${folder}/cache` },
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    assert.match(new TextDecoder().decode(stdout), /^in\0/);
  }));

Deno.test("several at once leave one folder and all run", () =>
  withPacked(async ({ run, cache, id }) => {
    const results = await Promise.all(Array.from({ length: 6 }, () => run(["x"])));
    for (const { code, err } of results) assert.deepEqual([code, err], [0, ""]);
    assert.deepEqual(names(cache), [id]);
    assert.deepEqual(names(`${cache}/${id}`), [".started", "deno", "lib", "main.js"]);
  }));

Deno.test("a damaged file says so and unpacks nothing", () =>
  withPacked(async ({ run, cache }) => {
    const { code, err } = await run();
    assert.equal(code, 1);
    assert.match(err, /damaged/);
    assert.deepEqual(names(cache), []);
  }, new Uint8Array(1000)));

Deno.test("without a folder of its own the program has a private one, which it finds again", () =>
  withPacked(async ({ run, folder, places, id }) => {
    await Deno.writeTextFile(`${folder}/cache`, "a file where the folder should be");
    const first = await run(["x"]);
    assert.equal(first.err, "");
    const [name, ...more] = names(places.shared);
    assert.match(name, /^wg-program\.[0-9A-Za-z]{8}$/);
    assert.deepEqual(more, []);
    assert.equal(first.folder, `${places.shared}/${name}/${id}`);
    assert.equal((await Deno.stat(`${places.shared}/${name}`)).mode! & 0o777, 0o700);
    assert.equal((await run(["x"], { environment: { XDG_CACHE_HOME: "" } })).folder, first.folder);
    assert.deepEqual(names(places.shared), [name]);
  }));

Deno.test("no place to unpack to: one clear sentence for each place, status 1", () =>
  withPacked(async ({ run, folder, places, file }) => {
    await Deno.writeTextFile(`${folder}/cache`, "a file where the folder should be");
    await Deno.remove(places.shared);
    const { code, err, out } = await run();
    assert.equal(code, 1);
    assert.equal(out, "");
    assert.match(
      err,
      /^wg: there is no folder to unpack the program into:\nwg: .*\/cache: is not a folder\nwg: /,
    );
    assert.match(err, /shared: no folder can be made there/);
    await Deno.symlink(file, `${folder}/ifconfig`);
    const linked = await run([], { file: `${folder}/ifconfig` });
    assert.match(
      linked.err,
      /^ifconfig: there is no folder [^\n]*:\nifconfig: .*: is not a folder/,
    );
  }));

Deno.test("an old version is removed unless it runs or was started lately", () =>
  withPacked(async ({ run, cache, id }) => {
    const [old, young, used, started, ended] = [0, 1, 2, 3, 4].map((digit) =>
      `${digit}`.repeat(32)
    );
    for (const name of [old, young, used, started, ended]) {
      await Deno.mkdir(`${cache}/${name}`, { recursive: true });
    }
    for (const name of [started, ended]) await Deno.create(`${cache}/${name}/.started`);
    await Deno.chmod(cache, 0o700);
    await Deno.copyFile("/bin/sleep", `${cache}/${used}/deno`);
    await using _running = new Deno.Command(`${cache}/${used}/deno`, { args: ["60"] }).spawn();
    const longAgo = new Date(Date.now() - 5 * 86_400_000);
    for (const name of [old, used, started, ended, `${ended}/.started`]) {
      await Deno.utime(`${cache}/${name}`, longAgo, longAgo);
    }
    assert.equal((await run(["x"])).code, 0);
    assert.deepEqual(names(cache), [young, used, started, id].sort());
    const start = Deno.statSync(`${cache}/${id}/.started`).mtime!;
    await Deno.utime(`${cache}/${id}/.started`, longAgo, longAgo);
    assert.equal((await run(["x"])).code, 0);
    assert.ok(Deno.statSync(`${cache}/${id}/.started`).mtime! >= start);
  }));

Deno.test("what a killed unpacking left is removed after a while; a folder that lost pieces is unpacked again", () =>
  withPacked(async ({ run, cache, id }) => {
    for (const name of [".new.abcdEFGH", ".new.12345678"]) {
      await Deno.mkdir(`${cache}/${name}/lib`, { recursive: true });
    }
    await Deno.chmod(cache, 0o700);
    const longAgo = new Date(Date.now() - 5 * 86_400_000);
    await Deno.utime(`${cache}/.new.abcdEFGH`, longAgo, longAgo);
    for (const lost of ["", "deno", "main.js", "lib/worker/data_worker.js"]) {
      if (lost !== "") await Deno.remove(`${cache}/${id}/${lost}`);
      const { code, err } = await run(["x"]);
      assert.deepEqual([code, err], [0, ""], lost);
      assert.deepEqual(names(`${cache}/${id}`), [".started", "deno", "lib", "main.js"], lost);
    }
    assert.deepEqual(names(cache), [".new.12345678", id]);
  }));
