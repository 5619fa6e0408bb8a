/**
 * The rules of the house (ARCHITECTURE.md): who may import whom, what pure rooms may not touch,
 * where FFI lives.
 * @module
 */
import assert from "node:assert/strict";

/** Each room of lib/ and the rooms it may import besides itself. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  crypto: ["base"],
  wire: ["base"],
  timers: ["base"],
  allowed_ips: ["base"],
  netlink: ["base"],
  noise: ["base", "crypto", "wire"],
  cookie: ["base", "crypto", "wire"],
  data: ["base", "crypto", "wire", "allowed_ips", "cookie"],
  device: ["base", "crypto", "wire", "allowed_ips", "timers", "noise", "cookie"],
  uapi: ["base"],
  wgconf: ["base", "allowed_ips"],
  openbsd: ["base", "uapi"],
  runtime: ["base", "crypto"],
  ports: ["base", "wire", "data"],
  linux: ["base", "netlink", "ports"],
  worker: ["base", "crypto", "wire", "data", "device", "runtime", "ports", "linux"],
  embed: ["base", "crypto", "data", "device", "runtime", "ports", "worker"],
  daemon: ["base", "data", "device", "runtime", "ports", "linux", "worker", "uapi", "openbsd"],
  cli: [
    "base",
    "crypto",
    "runtime",
    "ports",
    "linux",
    "worker",
    "daemon",
    "uapi",
    "netlink",
    "wire",
    "wgconf",
  ],
};
/**
 * The package's other modules besides mod.ts: what programs may import. They stand beside the
 * rooms.
 */
const DOORS: readonly string[] = ["lib/engine.ts", "lib/linux.ts", "lib/openbsd.ts"];
const OS_ROOMS = new Set(["runtime", "ports", "linux", "worker", "embed", "daemon", "cli"]);
/** Files of lib/cli that are pure: the words and the text of a command, apart from what it does. */
const PURE_OF_CLI =
  /^lib\/cli\/([a-z]+\/(words\/.*|words|help|address_plan|wanted|difference|status_text|text|hostname_if|shell_words|mygate|plan|quota|strip_text|tally|found_steps|packet|pcapng)|why\/(facts|diagnose|verdict|states|unsent|[a-z]+_causes)|manual|mdoc|commands)\.ts$/;
const isPure = (path: string) =>
  path.startsWith("lib/") && !DOORS.includes(path) &&
  (!OS_ROOMS.has(roomOf(path)) || PURE_OF_CLI.test(path));

/**
 * What a pure room may not name outside comments: the world's clock, chance, timers and the
 * runtime.
 */
const IMPURE =
  /\bDeno\.|\bDate\.|\bnew Date\b|\bMath\.random\b|\bsetTimeout\b|\bsetImmediate\b|\bsetInterval\b|\bperformance\.|\bcrypto\.(getRandom|subtle|random)/;

interface SourceFile {
  readonly path: string;
  readonly code: string;
  readonly imports: readonly string[];
}

function* sources(folder: string): Generator<string> {
  for (const entry of [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* sources(path);
    else if (entry.name.endsWith(".ts")) yield path;
  }
}

/**
 * Comments out, strings kept: enough for this code, which holds no comment marks inside strings of
 * pure rooms.
 */
const withoutComments = (text: string) =>
  text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[^:"'`])\/\/.*$/gm, "$1");

function resolve(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

function read(path: string): SourceFile {
  const code = withoutComments(Deno.readTextFileSync(path));
  const imports = [...code.matchAll(/(?:from\s*|import\s*\(\s*|import\s+)"(\.[^"]+)"/g)].map((m) =>
    resolve(path, m[1])
  );
  return { path, code, imports };
}

const files = ["lib", "ffi"].flatMap((folder) => [...sources(folder)].map(read));
const roomOf = (path: string) => path.startsWith("lib/") ? path.split("/")[1] : path.split("/")[0];

Deno.test("every room is known and imports only from the rooms below it", () => {
  const wrong: string[] = [];
  for (const { path, imports } of files) {
    if (DOORS.includes(path)) continue;
    const room = roomOf(path);
    if (room === "ffi") {
      for (const target of imports) {
        if (!/^(ffi|lib\/(base|crypto|data))\//.test(target)) {
          wrong.push(`${path} imports ${target}`);
        }
      }
      continue;
    }
    const allowed = ROOMS[room];
    assert.ok(allowed !== undefined, `${path}: a room that the house does not know`);
    for (const target of imports) {
      const other = roomOf(target);
      if (other === room || allowed.includes(other)) continue;
      if (other === "ffi" && OS_ROOMS.has(room)) continue;
      wrong.push(`${path} imports ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("a door only hands out what rooms have, and no room uses a door", () => {
  for (const path of ["mod.ts", ...DOORS]) {
    const { code } = read(path);
    assert.match(code.trim(), /^(?:export (?:type )?(?:\*|\{[^}]*\}) from ["][^"]+";\s*)+$/, path);
  }
  const users = files.filter(({ imports }) =>
    imports.some((target) => target === "mod.ts" || DOORS.includes(target))
  );
  assert.deepEqual(users.map(({ path }) => path), []);
});

/** A symbol of `deno doc --json`, as far as it is looked at. */
interface Documented {
  readonly name: string;
  readonly declarations: readonly {
    readonly kind: string;
    readonly jsDoc?: {
      readonly doc?: string;
      readonly tags?: readonly { readonly kind: string }[];
    };
  }[];
}

Deno.test("every function and class that the doors hand out has an example", async () => {
  const list = new Deno.Command(Deno.execPath(), { args: ["doc", "--json", "mod.ts", ...DOORS] });
  const { nodes } = JSON.parse(new TextDecoder().decode((await list.output()).stdout));
  const symbols = Object.values(nodes as Record<string, { symbols: Documented[] }>).flatMap((
    node,
  ) => node.symbols);
  assert.ok(symbols.length > 100, `${symbols.length}`);
  const bare = symbols.filter(({ declarations }) =>
    declarations.some(({ kind, jsDoc }) =>
      (kind === "function" || kind === "class") &&
      !jsDoc?.tags?.some((tag) => tag.kind === "example")
    )
  );
  assert.deepEqual(bare.map(({ name }) => name), []);
});

Deno.test("everything that the doors hand out is documented", async () => {
  const { exports } = JSON.parse(await Deno.readTextFile("deno.json"));
  const doors = Object.values<string>(exports).map((path) => path.replace("./", ""));
  assert.deepEqual(doors, ["mod.ts", ...DOORS]);
  const lint = new Deno.Command(Deno.execPath(), {
    args: ["doc", "--lint", ...doors],
    env: { NO_COLOR: "1" },
  });
  const { code, stderr } = await lint.output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
});

Deno.test("no file imports itself through others", () => {
  const graph = new Map(files.map((file) => [file.path, file.imports]));
  const state = new Map<string, "open" | "done">();
  const visit = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === "done") return;
    assert.notEqual(state.get(path), "open", `a cycle: ${[...trail, path].join(" -> ")}`);
    state.set(path, "open");
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    state.set(path, "done");
  };
  for (const path of graph.keys()) visit(path, []);
});

Deno.test("pure rooms touch neither the runtime, nor the clock, nor chance", () => {
  const wrong = files
    .filter(({ path }) => isPure(path))
    .flatMap(({ path, code }) => {
      const found = IMPURE.exec(code);
      return found === null ? [] : [`${path}: ${found[0]}`];
    });
  assert.deepEqual(wrong, []);
});

Deno.test("pure files import only pure files", () => {
  const wrong = files.filter(({ path }) => isPure(path)).flatMap(({ path, imports }) =>
    imports.filter((target) => !isPure(target)).map((target) => `${path} imports ${target}`)
  );
  assert.deepEqual(wrong, []);
});

Deno.test("only ffi/ opens libraries and makes pointers", () => {
  const wrong = files
    .filter(({ path, code }) =>
      !path.startsWith("ffi/") && /Deno\.(dlopen|UnsafePointer)/.test(code)
    )
    .map(({ path }) => path);
  assert.deepEqual(wrong, []);
});

Deno.test("no default exports, no drawers", () => {
  const wrong = files
    .filter(({ path, code }) =>
      /^export default/m.test(code) || /\/(utils?|helpers?|misc|common)\.ts$/.test(path)
    )
    .map(({ path }) => path);
  assert.deepEqual(wrong, []);
});

Deno.test("packages are named with their exact version, which is the same everywhere", () => {
  // No import map: a program in another folder imports mod.ts, and the map of this folder is not
  // read then.
  const versions = new Map<string, Set<string>>();
  for (
    const path of [
      "main.ts",
      "mod.ts",
      ...["lib", "ffi", "scripts", "tests"].flatMap((folder) => [...sources(folder)]),
    ]
  ) {
    const text = withoutComments(Deno.readTextFileSync(path));
    for (const [, specifier] of text.matchAll(/\b(?:from|import\s*\(?)\s*"([^"\s]+)"/g)) {
      if (/^(\.{1,2}\/|node:)/.test(specifier)) continue;
      const [, name, version] =
        /^npm:((?:@[\w-]+\/)?[\w-]+)@(\d+\.\d+\.\d+)(?:\/|$)/.exec(specifier) ?? [];
      assert.ok(
        name !== undefined,
        `${path}: "${specifier}" is neither a file, nor node:, nor npm:NAME@A.B.C`,
      );
      versions.set(name, (versions.get(name) ?? new Set()).add(version));
    }
  }
  assert.deepEqual([...versions].filter(([, found]) => found.size !== 1), []);
});

Deno.test("errnos stand in one table", () => {
  const table = Deno.readTextFileSync("lib/base/errno.ts");
  const wrong: string[] = [];
  for (const { path, code } of files) {
    for (
      const [, name] of path === "lib/base/errno.ts"
        ? []
        : code.matchAll(/\bconst (E[A-Z0-9]+) = -?\d+;/g)
    ) {
      if (table.includes(`"${name}"`)) wrong.push(`${path} defines ${name}`);
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("the files that ARCHITECTURE.md names are there", () => {
  const named = Deno.readTextFileSync("ARCHITECTURE.md").matchAll(
    /`((?:lib|ffi|scripts)\/[\w/]+\.ts)`/g,
  );
  const missing = [...named].map(([, path]) => path).filter((path) => {
    try {
      return !Deno.statSync(path).isFile;
    } catch {
      return true;
    }
  });
  assert.deepEqual(missing, []);
});

Deno.test("the tests and tasks that SECURITY.md names are there", () => {
  const text = Deno.readTextFileSync("SECURITY.md");
  const isThere = (path: string) => {
    try {
      return Deno.statSync(path) !== undefined;
    } catch {
      return false;
    }
  };
  const files = [...text.matchAll(/`(tests\/[\w/]+\.ts)`/g)].map(([, path]) => path);
  // The last cells of the tables of attacks and faults.
  const start = text.indexOf("| Attack or fault");
  const cells = [...text.slice(start).matchAll(/\| ([\w/ ]+?) +\|$/gm)].map(([, cell]) => cell);
  const tasks = Object.keys(JSON.parse(Deno.readTextFileSync("deno.json")).tasks);
  const missing = cells.filter((cell) =>
    cell.startsWith("deno task ")
      ? !tasks.includes(cell.slice("deno task ".length))
      : cell.includes("/") && !isThere(`tests/${cell}_test.ts`)
  );
  assert.ok(cells.some((cell) => cell === "system/flood"));
  assert.deepEqual([...files.filter((path) => !isThere(path)), ...missing], []);
});

/** Columns of comments and documents. `deno fmt` keeps code within the same width. */
const COLUMNS = 100;

function* filesBelow(folder: string, ending: string): Generator<string> {
  for (const entry of [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1)) {
    const path = folder === "." ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory && folder !== ".") yield* filesBelow(path, ending);
    else if (entry.isFile && entry.name.endsWith(ending)) yield path;
  }
}

Deno.test("comments and documents are at most 100 columns wide", () => {
  const isComment = (line: string) => /^\s*(\/\*|\*|\/\/)|\s\/\/ /.test(line);
  const folders = [".", "lib", "ffi", "scripts", "tests", "docs"];
  const wide = (ending: string, counts: (line: string) => boolean) =>
    folders.flatMap((folder) => [...filesBelow(folder, ending)])
      .flatMap((path) =>
        Deno.readTextFileSync(path).split("\n").flatMap((line, i) =>
          [...line].length > COLUMNS && counts(line) ? [`${path}:${i + 1}`] : []
        )
      );
  assert.deepEqual(wide(".ts", isComment), []);
  assert.deepEqual(wide(".md", () => true), []);
});
