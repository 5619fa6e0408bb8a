/** The files of a release: what they hold, that they are always the same, and the package. */
import assert from "node:assert/strict";
import { ensureBuilt, ROOT } from "../../scripts/built.ts";
import { program } from "../../scripts/facilities.ts";
import { release } from "../../scripts/release.ts";
import { changelog, controlFile, copyright, maintainerOf } from "../../scripts/release/debian.ts";
import { billOfMaterials, importedPackages, npmUrl, sha512Of } from "../../scripts/release/sbom.ts";
import { VERSION } from "../../lib/daemon/program.ts";

/** Runs a program in a shell and returns its standard output. */
async function sh(script: string, env: Record<string, string> = {}): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-ec", script],
    env: { LC_ALL: "C", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test({
  name: "a release: its sums, twice the same files, and the package installed and removed",
  ignore: Deno.uid() !== 0 || program("dpkg-deb") === undefined,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    const before = Deno.env.get("SOURCE_DATE_EPOCH");
    try {
      Deno.env.set("SOURCE_DATE_EPOCH", "1700000000");
      const executable = await ensureBuilt(true);
      const names = await release(`${folder}/one`, { executable });
      await release(`${folder}/two`, { executable });
      const sums = await Deno.readTextFile(`${folder}/one/SHA256SUMS`);
      assert.equal(await Deno.readTextFile(`${folder}/two/SHA256SUMS`), sums);
      await sh(`cd ${folder}/one && sha256sum --check --strict SHA256SUMS`);

      const archive = names.find((name) => name.endsWith(".tar.gz"))!;
      const listed = await sh(`tar -tzf ${folder}/one/${archive}`);
      for (const path of ["wg", "man/wg.8", "etc/wg-netstart.service", "LICENSE"]) {
        assert.ok(listed.split("\n").includes(`${archive.slice(0, -7)}/${path}`), path);
      }

      const root = `${folder}/root`;
      const admin = `${root}/var/lib/dpkg`;
      await sh(`mkdir -p ${admin}/updates ${admin}/info && touch ${admin}/status`);
      const dpkg = `dpkg --root=${root} --force-depends --force-script-chrootless`;
      const package_ = names.find((name) => name.endsWith(".deb"))!;
      await sh(`${dpkg} -i ${folder}/one/${package_}`);
      assert.match(await sh(`${root}/usr/bin/wg version`), new RegExp(`^wg ${VERSION} `));
      assert.equal(await sh(`readlink ${root}/usr/sbin/netstart`), "../bin/wg\n");
      assert.match(
        await sh(`cat ${root}/usr/lib/systemd/system/wg-netstart.service`),
        /^ExecStart=-\/usr\/bin\/wg netstart$/m,
      );
      assert.equal(
        await sh(`cd ${root} && md5sum --check --quiet var/lib/dpkg/info/wg.md5sums`),
        "",
      );
      await sh(`${dpkg} --purge wg`);
      assert.equal(
        await sh(`find ${root} ! -type d ! -path '*/var/lib/dpkg/*' ! -name dpkg.log`),
        "",
      );
    } finally {
      if (before === undefined) Deno.env.delete("SOURCE_DATE_EPOCH");
      else Deno.env.set("SOURCE_DATE_EPOCH", before);
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("the bill of materials lists what the program imports, with its dependencies", () => {
  const one = (name: string, dependencies: string[] = []) => ({
    name,
    version: "1.0.0",
    dependencies,
  });
  const graph = {
    modules: [{ kind: "esm" }, { kind: "npm", npmPackage: "b@1.0.0" }],
    npmPackages: {
      "b@1.0.0": one("b", ["@c/a@1.0.0"]),
      "@c/a@1.0.0": one("@c/a"),
      "d@1.0.0": one("d"),
    },
  };
  assert.deepEqual(importedPackages(graph).map(({ name }) => name), ["@c/a", "b"]);
  assert.equal(npmUrl("@c/a", "1.0.0"), "pkg:npm/%40c/a@1.0.0");
  assert.equal(sha512Of(`sha512-${"A".repeat(86)}==`), "00".repeat(64));
  assert.equal(sha512Of("sha1-AAAA"), undefined);
  const component = { name: "b", version: "1.0.0", purl: "pkg:npm/b@1.0.0", licence: "MIT" };
  const bill = () => billOfMaterials("1.2.3", new Uint8Array(3), [component], 1_700_000_000);
  assert.equal(bill(), bill());
  const { serialNumber, metadata, components } = JSON.parse(bill());
  assert.match(serialNumber, /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-/);
  assert.equal(metadata.timestamp, "2023-11-14T22:13:20.000Z");
  assert.equal(components[0].purl, "pkg:npm/b@1.0.0");
});

Deno.test("the files of the Debian package have their facts", () => {
  const variables: Record<string, string> = { DEBFULLNAME: "A B", DEBEMAIL: "ab@example.org" };
  const maintainer = maintainerOf((name) => variables[name]);
  const facts = { version: "1.2.3", architecture: "arm64", installedKib: 7, maintainer };
  const control = controlFile(facts);
  assert.match(control, /^Maintainer: A B <ab@example\.org>$/m);
  assert.match(control, /^Version: 1\.2\.3$/m);
  assert.match(control, /^Architecture: arm64$/m);
  assert.match(
    changelog("1.2.3", 0, maintainer),
    /^ -- A B <ab@example\.org> {2}Thu, 01 Jan 1970 00:00:00 \+0000$/m,
  );
  const licence = Deno.readTextFileSync(`${ROOT}LICENSE`);
  assert.match(copyright(licence), /^Copyright: 2026 the wg authors$/m);
});

Deno.test("the workflows run what the project has", () => {
  const tasks = Object.keys(JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`)).tasks);
  for (const { name } of Deno.readDirSync(`${ROOT}.github/workflows`)) {
    const text = Deno.readTextFileSync(`${ROOT}.github/workflows/${name}`);
    const used = [...text.matchAll(/deno@([0-9.]+) task ([a-z]+)/g)];
    for (const [, version, task] of used) {
      assert.equal(version, Deno.version.deno, name);
      assert.ok(tasks.includes(task), `${name}: ${task}`);
    }
    for (const [, script] of text.matchAll(/run: (\.\S+)/g)) {
      assert.ok(Deno.statSync(ROOT + script).isFile, `${name}: ${script}`);
    }
  }
});
