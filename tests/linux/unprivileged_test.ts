/**
 * What happens to people who are not root: everything works in a user namespace of their own, and outside of it each call that needs a privilege
 * is an OsError that names it. When the tests run as root the program is started as `nobody`.
 */
import assert from "node:assert/strict";
import { isRoot } from "./lab.ts";

const NOBODY = 65534;
const ROOT = new URL("../../", import.meta.url).pathname;
const FOLDERS = ["ffi", "lib/base", "lib/netlink", "lib/linux", "lib/ports", "tests/linux"];

/** The program and the runtime where anybody may read them: both may be in a home that nobody else enters. */
function stage(): string {
  const folder = Deno.makeTempDirSync();
  for (const path of FOLDERS) {
    Deno.mkdirSync(`${folder}/${path}`, { recursive: true });
    for (const { name, isFile } of Deno.readDirSync(ROOT + path)) {
      if (isFile && name.endsWith(".ts")) Deno.copyFileSync(`${ROOT}${path}/${name}`, `${folder}/${path}/${name}`);
    }
  }
  const runtime = Deno.realPathSync(Deno.execPath());
  try {
    Deno.linkSync(runtime, `${folder}/deno`);
  } catch {
    Deno.copyFileSync(runtime, `${folder}/deno`);
  }
  Deno.mkdirSync(`${folder}/cache`);
  if (isRoot) Deno.chownSync(`${folder}/cache`, NOBODY, NOBODY);
  Deno.chmodSync(folder, 0o755);
  return folder;
}

/** Runs `unprivileged.ts MODE` as somebody without privileges; `wrap` goes before it. */
async function run(mode: string, wrap: string[] = []): Promise<{ code: number; output: string }> {
  const folder = stage();
  try {
    const program = `${folder}/tests/linux/unprivileged.ts`;
    const command = [...wrap, `${folder}/deno`, "run", "--no-check", "--no-config", "-A", program, mode];
    const { code, stdout, stderr } = await new Deno.Command(command[0], {
      args: command.slice(1),
      cwd: folder,
      env: { DENO_DIR: `${folder}/cache`, HOME: folder, DENO_NO_UPDATE_CHECK: "1" },
      ...(isRoot ? { uid: NOBODY, gid: NOBODY } : {}),
    }).output();
    return { code, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const unshare = ["unshare", "--user", "--map-root-user", "--net", "--mount"];

async function userNamespacesWork(): Promise<boolean> {
  try {
    return (await new Deno.Command("unshare", {
      args: [...unshare.slice(1), "true"],
      ...(isRoot ? { uid: NOBODY, gid: NOBODY } : {}),
    }).output()).success;
  } catch {
    return false;
  }
}

Deno.test("without privileges every call that needs one says so", async () => {
  const { code, output } = await run("without");
  assert.equal(output, "ok\n");
  assert.equal(code, 0);
});

Deno.test({
  name: "root of a user namespace can do everything",
  ignore: !await userNamespacesWork(),
  fn: async () => {
    const script = 'mount -t tmpfs none /run && exec "$@"';
    const { code, output } = await run("within", [...unshare, "sh", "-c", script, "sh"]);
    assert.equal(output, "ok\n");
    assert.equal(code, 0);
  },
});

Deno.test({
  name: "root of a user namespace that may not write to /run is told so",
  ignore: !await userNamespacesWork(),
  fn: async () => {
    const { output } = await run("no-run", unshare);
    assert.equal(output, "ok\n");
  },
});
