/** `wg install` and `wg uninstall`: where things go, and all or nothing. */
import assert from "node:assert/strict";
import {
  filesToInstall,
  hiddenBy,
  LINK_NAMES,
  linksOf,
  parseLinks,
  unitFor,
  USUAL_LINKS,
} from "../../lib/cli/install/layout.ts";
import { type Manifest, manifestText, parseManifest } from "../../lib/cli/install/manifest.ts";
import { parseInstallOptions } from "../../lib/cli/install/options.ts";
import {
  carryOut,
  carryOutRemoval,
  type Placement,
  planInstallation,
  planRemoval,
  planSteps,
} from "../../lib/cli/install/placing.ts";
import { ConfigError } from "../../lib/base/errors.ts";

const MANIFEST = "/usr/local/share/wg/installed.json";
const bytes = (text: string) => new TextEncoder().encode(text);
const file = (path: string, text: string): Placement => ({
  path,
  mode: 0o755,
  content: bytes(text),
});
const PROGRAM = file("/usr/local/bin/wg", "one");
const LINK: Placement = { path: "/usr/local/sbin/netstart", mode: 0o777, content: "../bin/wg" };
const UNIT = file("/usr/local/lib/systemd/system/wg-netstart.service", "[Unit]");

/** A folder that stands for the root, with what is in it afterwards removed. */
function withRoot(use: (root: string) => void) {
  const root = Deno.makeTempDirSync();
  try {
    use(root);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

function install(root: string, placements: readonly Placement[], force = false): void {
  const plan = planInstallation(root, MANIFEST, "1", placements, manifestOf(root), force);
  carryOut(root, plan, MANIFEST, manifestText(plan.manifest));
}

function manifestOf(root: string): Manifest | undefined {
  try {
    return parseManifest(Deno.readTextFileSync(root + MANIFEST), MANIFEST);
  } catch {
    return undefined;
  }
}

function uninstall(root: string): void {
  const manifest = manifestOf(root);
  assert.ok(manifest !== undefined);
  carryOutRemoval(root, planRemoval(root, manifest, MANIFEST));
}

/** Every path below a folder. */
function tree(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return [path, ...isDirectory ? tree(path) : []];
  }).sort();
}

Deno.test("what is installed is removed again, with the folders that were made for it", () => {
  withRoot((root) => {
    Deno.mkdirSync(`${root}/usr`);
    install(root, [PROGRAM, LINK, UNIT]);
    assert.equal(Deno.readTextFileSync(`${root}/usr/local/sbin/netstart`), "one");
    assert.equal(Deno.statSync(`${root}/usr/local/bin/wg`).mode! & 0o7777, 0o755);
    // Enabling and other packages add files of their own.
    Deno.mkdirSync(`${root}/etc/systemd/system/multi-user.target.wants`, { recursive: true });
    const wants = `${root}/etc/systemd/system/multi-user.target.wants`;
    Deno.symlinkSync(UNIT.path, `${wants}/wg-netstart.service`);
    Deno.symlinkSync("/lib/systemd/system/other.service", `${wants}/other.service`);
    uninstall(root);
    assert.deepEqual(tree(`${root}/usr`), []);
    assert.deepEqual(tree(wants), [`${wants}/other.service`]);
  });
});

Deno.test("a root that is not there is made, and goes if the installation fails", () => {
  withRoot((root) => {
    install(`${root}/a/b`, [PROGRAM]);
    assert.equal(Deno.readTextFileSync(`${root}/a/b${PROGRAM.path}`), "one");
    // The second of two equal files cannot be made.
    assert.throws(() => install(`${root}/c/d`, [PROGRAM, PROGRAM]));
    assert.deepEqual(tree(root).filter((path) => path.startsWith(`${root}/c`)), []);
  });
});

Deno.test("a newer version replaces an older one and removes what it no longer has", () => {
  withRoot((root) => {
    install(root, [PROGRAM, LINK]);
    install(root, [file(PROGRAM.path, "two")]);
    assert.equal(Deno.readTextFileSync(root + PROGRAM.path), "two");
    assert.throws(() => Deno.lstatSync(root + LINK.path), Deno.errors.NotFound);
    assert.deepEqual(
      planSteps(
        planInstallation(
          root,
          MANIFEST,
          "1",
          [file(PROGRAM.path, "two")],
          manifestOf(root),
          false,
        ),
      ),
      [],
    );
    uninstall(root);
    assert.deepEqual(tree(root), []);
  });
});

Deno.test("a file of others is never overwritten; --force moves it aside, uninstall back", () => {
  withRoot((root) => {
    Deno.mkdirSync(`${root}/usr/local/bin`, { recursive: true });
    Deno.writeTextFileSync(root + PROGRAM.path, "theirs");
    assert.throws(() => install(root, [LINK, PROGRAM]), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.equal(error.word, PROGRAM.path);
      return true;
    });
    assert.deepEqual(tree(root).filter((path) => !path.endsWith("bin")), [
      `${root}/usr`,
      `${root}/usr/local`,
      `${root}/usr/local/bin/wg`,
    ]);
    install(root, [LINK, PROGRAM], true);
    install(root, [LINK, file(PROGRAM.path, "two")]);
    assert.equal(Deno.readTextFileSync(root + PROGRAM.path), "two");
    uninstall(root);
    assert.equal(Deno.readTextFileSync(root + PROGRAM.path), "theirs");
    assert.deepEqual(tree(`${root}/usr/local`), [
      `${root}/usr/local/bin`,
      `${root}/usr/local/bin/wg`,
    ]);
  });
});

Deno.test("a file that was changed since is kept, and not replaced either", () => {
  withRoot((root) => {
    install(root, [PROGRAM, UNIT]);
    Deno.writeTextFileSync(root + UNIT.path, "mine");
    assert.throws(() => install(root, [PROGRAM, file(UNIT.path, "new")]), ConfigError);
    const removal = planRemoval(root, manifestOf(root)!, MANIFEST);
    assert.deepEqual(removal.keep, [UNIT.path]);
    carryOutRemoval(root, removal);
    assert.equal(Deno.readTextFileSync(root + UNIT.path), "mine");
  });
});

Deno.test("a step that fails leaves everything as it was", () => {
  withRoot((root) => {
    install(root, [PROGRAM, LINK]);
    const before = tree(root);
    const plan = planInstallation(
      root,
      MANIFEST,
      "2",
      [file(PROGRAM.path, "two"), UNIT],
      manifestOf(root),
      false,
    );
    // Somebody makes a folder of the unit's name between the plan and its steps.
    Deno.mkdirSync(`${root}${UNIT.path}/inside`, { recursive: true });
    const made = tree(root);
    assert.throws(() => carryOut(root, plan, MANIFEST, "{}"));
    assert.deepEqual(tree(root), made);
    assert.equal(Deno.readTextFileSync(root + PROGRAM.path), "one");
    Deno.removeSync(`${root}/usr/local/lib`, { recursive: true });
    assert.deepEqual(tree(root), before);
  });
});

Deno.test("the list of files is read with distrust", () => {
  const list = (path: string) =>
    JSON.stringify({ version: "1", files: [{ path, is: "x" }], folders: [] });
  for (const path of ["/etc/../etc/passwd", "etc", "/a//b", "/a\n", "/a/", ""]) {
    assert.throws(() => parseManifest(list(path), MANIFEST), ConfigError, path);
  }
  for (const text of ["", "null", "[]", "{}", '{"version":"1","files":[1],"folders":[]}']) {
    assert.throws(() => parseManifest(text, MANIFEST), ConfigError, text);
  }
});

Deno.test("links and pages: net-tools' names stay theirs unless they are asked for", () => {
  const paths = (links: readonly string[]) =>
    filesToInstall({ prefix: "/usr/local", links, init: "none" }, ["route.8", "wg.8"], []).map((
      { path },
    ) => path);
  assert.ok(USUAL_LINKS.includes("netstart") && !USUAL_LINKS.includes("route"));
  assert.ok(paths(USUAL_LINKS).includes("/usr/local/share/man/man8/wg-route.8"));
  assert.ok(paths(LINK_NAMES).includes("/usr/local/share/man/man8/route.8"));
  assert.ok(paths(LINK_NAMES).includes("/usr/local/sbin/route"));
  assert.deepEqual(parseLinks("all"), LINK_NAMES);
  assert.deepEqual(parseLinks("none"), []);
  assert.throws(() => parseLinks("route,rout"), /"rout" is no link of wg/);
});

Deno.test("links: those of an installation, and programs of others that they would hide", () => {
  const files = filesToInstall({ prefix: "/usr/local", links: LINK_NAMES, init: "none" }, [], []);
  assert.deepEqual(linksOf("/usr/local", files), LINK_NAMES);
  assert.deepEqual(linksOf("/opt", files), []);
  const there = new Set(["/usr/bin/wg-quick", "/usr/local/sbin/netstart", "/usr/sbin/route"]);
  const hidden = (prefix: string) => [...hiddenBy(prefix, (path) => there.has(path))];
  assert.deepEqual(hidden("/usr/local"), [["wg-quick", "/usr/bin/wg-quick"]]);
  assert.deepEqual(hidden("/usr").map(([name]) => name), ["netstart", "wg-quick"]);
});

Deno.test("a unit has the path of the executable, and no comment about where to put it", () => {
  const unit = unitFor("# Put\n[Unit]\nExecStart=-/usr/local/bin/wg netstart\n", "/opt/bin/wg");
  assert.equal(unit, "[Unit]\nExecStart=-/opt/bin/wg netstart\n");
});

Deno.test("options: joined and separate values, and what is refused", () => {
  const { prefix, root, print } = parseInstallOptions("install", [
    "-n",
    "--prefix=/usr/",
    "--root",
    "/srv/image",
  ]);
  assert.deepEqual([prefix, root, print], ["/usr", "/srv/image", true]);
  for (
    const [command, words, word] of [
      ["install", ["--prefix"], "--prefix"],
      ["install", ["--prefix", "usr"], "--prefix"],
      ["install", ["--root", "/a/../b"], "--root"],
      ["install", ["--init", "upstart"], "--init"],
      ["install", ["wg"], "wg"],
      ["uninstall", ["--links", "all"], "--links"],
    ] as const
  ) {
    assert.throws(
      () => parseInstallOptions(command, words),
      (error) => error instanceof ConfigError && error.word === word,
      words.join(" "),
    );
  }
});
