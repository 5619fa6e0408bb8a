/**
 * `deno task release [--output DIR]`: the files of a release for this processor.
 *
 * - wg-VERSION-linux-ARCH.tar.gz: the executable with manual pages, units and documents
 * - wg_VERSION_ARCH.deb: a Debian package
 * - wg-VERSION-linux-ARCH.cdx.json: the bill of materials
 * - SHA256SUMS: the sums of these files
 *
 * All times in the files are SOURCE_DATE_EPOCH, or the time of the last commit, so that the same
 * source and runtime make the same files. DEBFULLNAME and DEBEMAIL name the maintainer of the
 * package. It requires tar, gzip and dpkg-deb.
 * @module
 */
import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import { VERSION } from "../lib/daemon/program.ts";
import { ROOT } from "./built.ts";
import { compile } from "./compile.ts";
import {
  changelog,
  controlFile,
  copyright,
  DEBIAN_ARCHITECTURES,
  LINTIAN_OVERRIDES,
  maintainerOf,
  POSTINST,
  POSTRM,
} from "./release/debian.ts";
import {
  billOfMaterials,
  type Component,
  importedPackages,
  type ModuleGraph,
  npmUrl,
  sha512Of,
} from "./release/sbom.ts";

/** Documents that are in the archive and in the package. */
const DOCUMENTS = ["README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE"];
/** The licence of the runtime, of @noble and of qr, which is under another one too. */
const LICENCE = "MIT";

/**
 * Makes the files of a release.
 * @param options.executable the program to pack; by default it is compiled
 * @returns the names of the files
 */
export async function release(
  output: string,
  options: { readonly executable?: string } = {},
): Promise<string[]> {
  const executable = options.executable ?? `${ROOT}wg`;
  if (options.executable === undefined) await compile();
  await Deno.mkdir(output, { recursive: true });
  const time = await releaseTime();
  const name = `wg-${VERSION}-linux-${Deno.build.arch}`;
  const folder = await Deno.makeTempDir({ prefix: "wg-release." });
  try {
    const names = [
      await archive(folder, name, executable, time, output),
      await debianPackage(folder, executable, time, output),
      `${name}.cdx.json`,
    ];
    await Deno.writeTextFile(`${output}/${name}.cdx.json`, await bill(executable, time));
    const sums = names.map((file) => `${sha256(`${output}/${file}`)}  ${file}\n`);
    await Deno.writeTextFile(`${output}/SHA256SUMS`, sums.join(""));
    return [...names, "SHA256SUMS"];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Seconds since 1970. */
async function releaseTime(): Promise<number> {
  const given = Deno.env.get("SOURCE_DATE_EPOCH");
  const text = given ?? await run(["git", "-C", ROOT, "log", "-1", "--format=%ct"]);
  const time = Number(text.trim());
  if (!/^[0-9]+$/.test(text.trim()) || !Number.isSafeInteger(time)) {
    throw new Error(`SOURCE_DATE_EPOCH: ${text.trim()} is no number of seconds`);
  }
  return time;
}

/** The archive for everybody. */
async function archive(
  folder: string,
  name: string,
  executable: string,
  time: number,
  output: string,
): Promise<string> {
  const content = `${folder}/${name}`;
  await Deno.mkdir(content);
  await run(["install", "-m", "755", executable, `${content}/wg`]);
  for (const path of [...DOCUMENTS, "man", "etc"]) {
    await run(["cp", "-R", `${ROOT}${path}`, `${content}/${path}`]);
  }
  const file = `${name}.tar.gz`;
  await run(["chmod", "-R", "u=rwX,go=rX", content]);
  await tar(folder, [name], time, `${output}/${file}`);
  return file;
}

async function debianPackage(
  folder: string,
  executable: string,
  time: number,
  output: string,
): Promise<string> {
  const architecture = DEBIAN_ARCHITECTURES[Deno.build.arch];
  const tree = `${folder}/debian`;
  const documents = `${tree}/usr/share/doc/wg`;
  await Deno.mkdir(`${tree}/DEBIAN`, { recursive: true });
  await run([executable, "install", "--root", tree, "--prefix", "/usr", "--init", "systemd"]);
  // dpkg removes these files, so `wg uninstall` must not.
  await Deno.remove(`${tree}/usr/share/wg`, { recursive: true });
  await Deno.mkdir(documents, { recursive: true });
  for (const path of DOCUMENTS.filter((one) => one !== "LICENSE")) {
    await Deno.copyFile(`${ROOT}${path}`, `${documents}/${path}`);
  }
  const maintainer = maintainerOf((variable) => Deno.env.get(variable));
  await Deno.writeTextFile(`${documents}/changelog`, changelog(VERSION, time, maintainer));
  const overrides = `${tree}/usr/share/lintian/overrides`;
  await Deno.mkdir(overrides, { recursive: true });
  await Deno.writeTextFile(`${overrides}/wg`, LINTIAN_OVERRIDES);
  await Deno.writeTextFile(
    `${documents}/copyright`,
    copyright(await Deno.readTextFile(`${ROOT}LICENSE`)),
  );
  const compressed = [
    ...pathsBelow(`${tree}/usr/share/man`),
    ...["changelog", "CHANGELOG.md"].map((
      file,
    ) => `${documents}/${file}`),
  ];
  await run(["gzip", "-9n", ...compressed]);

  const files = pathsBelow(tree).filter((path) => !path.startsWith(`${tree}/DEBIAN/`));
  const bytes = files.reduce((sum, path) => sum + Deno.lstatSync(path).size, 0);
  const facts = {
    version: VERSION,
    architecture,
    installedKib: Math.ceil(bytes / 1024),
    maintainer,
  };
  const sums = files.filter((path) => Deno.lstatSync(path).isFile).map((path) =>
    `${createHash("md5").update(Deno.readFileSync(path)).digest("hex")}  ${
      path.slice(tree.length + 1)
    }\n`
  );
  await Deno.writeTextFile(`${tree}/DEBIAN/control`, controlFile(facts));
  await Deno.writeTextFile(`${tree}/DEBIAN/md5sums`, sums.join(""));
  for (const [script, text] of [["postinst", POSTINST], ["postrm", POSTRM]]) {
    await Deno.writeTextFile(`${tree}/DEBIAN/${script}`, text);
  }
  await run(["chmod", "-R", "u=rwX,go=rX", tree]);
  await run(["chmod", "755", `${tree}/DEBIAN/postinst`, `${tree}/DEBIAN/postrm`]);
  const file = `wg_${VERSION}_${architecture}.deb`;
  // The executable is compressed already.
  await run(
    ["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, `${output}/${file}`],
    { SOURCE_DATE_EPOCH: String(time) },
  );
  return file;
}

/** Packs paths so that the archive depends on their content only. */
async function tar(folder: string, paths: string[], time: number, file: string): Promise<void> {
  const plain = file.replace(/\.gz$/, "");
  await run([
    "tar",
    ...["--sort=name", "--owner=0", "--group=0", "--numeric-owner", `--mtime=@${time}`],
    ...["--format=ustar", "-C", folder, "-cf", plain, ...paths],
  ]);
  await run(["gzip", "-fn6", plain]);
}

async function bill(executable: string, time: number): Promise<string> {
  const graph: ModuleGraph = JSON.parse(
    await run([Deno.execPath(), "info", "--json", `${ROOT}main.ts`]),
  );
  const lock: { npm: Record<string, { integrity: string }> } = JSON.parse(
    await Deno.readTextFile(`${ROOT}deno.lock`),
  );
  const packages = importedPackages(graph).map(({ name, version }): Component => {
    const sha512 = sha512Of(lock.npm[`${name}@${version}`]?.integrity ?? "");
    return {
      name,
      version,
      purl: npmUrl(name, version),
      licence: LICENCE,
      ...(sha512 === undefined ? {} : { sha512 }),
    };
  });
  const runtime = Deno.version.deno;
  return billOfMaterials(VERSION, await Deno.readFile(executable), [
    ...packages,
    {
      name: "deno",
      version: runtime,
      purl: `pkg:github/denoland/deno@v${runtime}`,
      licence: LICENCE,
    },
  ], time);
}

function pathsBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory ? pathsBelow(path) : [path];
  });
}

const sha256 = (path: string) => createHash("sha256").update(Deno.readFileSync(path)).digest("hex");

/** Runs a program and returns its standard output. @throws Error with what it complained of */
async function run(argv: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(argv[0], {
    args: argv.slice(1),
    env: { LC_ALL: "C", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`${argv[0]}: ${new TextDecoder().decode(stderr).trim()}`);
  return new TextDecoder().decode(stdout);
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args as string[],
    options: { output: { type: "string" } },
  });
  const output = values.output ?? `${ROOT}build/release`;
  for (const name of await release(output)) console.log(`${output}/${name}`);
}
