/**
 * What the caller's environment can do to a packed executable: to sh, to the programs that unpack
 * it, and to the runtime.
 * @module
 */
import assert from "node:assert/strict";
import { missing } from "../../scripts/facilities.ts";
import { isRoot, type Told, withPacked } from "./packed_bench.ts";

const CARRIED = "WG_CALLER_ENVIRONMENT";
/** Variables that sh, the C library, libcrypto, the tools or the runtime would follow. */
const HOSTILE: Readonly<Record<string, string>> = {
  BASH_ENV: "/evil/profile",
  BASHOPTS: "nullglob",
  "BASH_FUNC_ls%%": "() { echo evil >&2; }",
  "BASH_FUNC_env%%": "() { echo evil >&2; }",
  "BASH_FUNC_[%%": "() { echo evil >&2; }",
  CDPATH: "/evil",
  DENO_AUTO_SERVE: "1",
  DENO_DIR: "/evil",
  DENO_FUTURE_FLAG: "1",
  DENO_V8_FLAGS: "--jitless",
  ENV: "/evil/profile",
  GCONV_PATH: "/evil",
  GLIBC_TUNABLES: "glibc.malloc.check=3",
  GZIP: "--keep",
  HOSTALIASES: "/evil",
  IFS: "/=0abc",
  LD_BIND_NOW: "1",
  LD_LIBRARY_PATH: "/evil",
  LOCALDOMAIN: "evil",
  LOCPATH: "/evil",
  MALLOC_ARENA_MAX: "1",
  MALLOC_PERTURB_: "7",
  NLSPATH: "/evil/%N",
  NODE_EXTRA_CA_CERTS: "/evil",
  NODE_OPTIONS: "--require=/evil",
  OPENSSL_CONF: "/evil/openssl.cnf",
  OPENSSL_MODULES: "/evil",
  PS4: "$(echo evil >&2)",
  QUOTING_STYLE: "shell",
  RES_OPTIONS: "debug",
  RUST_LOG: "trace",
  RUST_MIN_STACK: "1",
  SSL_CERT_FILE: "/evil",
  SSLKEYLOGFILE: "/evil",
  TAR_OPTIONS: "--to-command=/evil/tar",
  TIME_STYLE: "+%ndrwx------ 1 0",
  TZ: ":/evil",
  id: "evil",
  real: "/evil",
  carry: "yes",
  variables: "evil",
  unmapped: "0",
  [CARRIED]: "TERfUFJFTE9BRD1ldmlsAA==",
};
const OWN = { LOG_LEVEL: "debug", WG_HIDE_KEYS: "never", WG_COLOR_MODE: "a b", NO_COLOR: "1" };
const TOOLS = [
  "[",
  "base64",
  "cat",
  "env",
  "gzip",
  "ls",
  "mktemp",
  "mv",
  "printf",
  "sha256sum",
  "tail",
  "tar",
  "uname",
];

/** What is in the runtime's environment whatever the caller's is. */
function settings(folder: string): Record<string, string> {
  return {
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: `${folder}/cache`,
    DENO_DIR: `${folder}/cache`,
    DENO_NO_UPDATE_CHECK: "1",
    DENO_NO_PROMPT: "1",
  };
}

/** The carried environment, as bytes of Latin-1. */
const carriedBy = ({ environment }: Told) => atob(environment[CARRIED].replaceAll("\n", ""));

Deno.test("the runtime gets five variables and those that the program reads", () =>
  withPacked(async ({ run }) => {
    for (const words of [["version"], ["version"], ["ifconfig", "wg1", "description", "netstar"]]) {
      const told = await run(words, { environment: { ...HOSTILE, ...OWN } });
      assert.deepEqual([told.code, told.err], [0, ""]);
      assert.deepEqual(told.environment, { ...settings(told.folder), ...OWN });
    }
    assert.deepEqual((await run()).environment, settings((await run()).folder));
  }));

Deno.test("programs of the caller's PATH are not run", () =>
  withPacked(async ({ run, folder }) => {
    await Deno.mkdir(`${folder}/bin`);
    for (const tool of TOOLS) {
      await Deno.writeTextFile(
        `${folder}/bin/${tool}`,
        `#!/bin/sh\necho evil >&2\n: >"${folder}/ran"\n`,
        {
          mode: 0o755,
        },
      );
    }
    for (const words of [["version"], ["version"], ["route", "exec", "true"]]) {
      const told = await run(words, { environment: { PATH: `${folder}/bin` }, shell: ["/bin/sh"] });
      assert.deepEqual([told.code, told.err], [0, ""]);
    }
    await assert.rejects(Deno.stat(`${folder}/ran`));
  }));

Deno.test("options and functions that bash takes from the environment do nothing", {
  ignore: !new Deno.Command("sh", { args: ["-c", "command -v bash"], stdout: "null" }).outputSync()
    .success,
}, () =>
  withPacked(async ({ run }) => {
    const environment = {
      ...HOSTILE,
      PS4: "+ ",
      SHELLOPTS: "errexit:noglob:nounset:noclobber:xtrace",
    };
    for (const words of [["version"], ["version"], ["route", "exec", "true"]]) {
      const told = await run(words, { environment, shell: ["/bin/bash", "--posix"] });
      assert.equal(told.code, 0);
      // What bash says before the first line of the script has been read.
      const before = /.*error importing function.*\n|^.*unset -f .*\n|^.*set \+aCefnuvx\n/gm;
      assert.equal(told.err.replaceAll(before, "").trim(), "");
    }
  }));

Deno.test("commands that start others get the caller's environment, unchanged and only as data", () =>
  withPacked(async ({ run, folder, file }) => {
    await Deno.symlink(file, `${folder}/netstart`);
    const { [CARRIED]: _forged, ...hostile } = HOSTILE;
    const environment: Record<string, string> = {
      ...hostile,
      ...OWN,
      LINES_: "a\nLD_PRELOAD=/evil\n\n=\tb ",
      "odd name.x": "",
      Z: "ü",
    };
    for (
      const [words, program] of [
        [["route", "-T", "1", "exec", "true"], file],
        [["netstart", "wg1"], file],
        [["wg1"], `${folder}/netstart`],
      ] as const
    ) {
      const told = await run(words, { environment, file: program });
      assert.deepEqual([told.code, told.err], [0, ""]);
      const { [CARRIED]: _, ...rest } = told.environment;
      assert.deepEqual(rest, { ...settings(told.folder), ...OWN });
      const carried = new TextDecoder().decode(
        Uint8Array.from(carriedBy(told), (char) => char.charCodeAt(0)),
      );
      const expected = {
        PATH: Deno.env.get("PATH") ?? "",
        XDG_CACHE_HOME: `${folder}/cache`,
        ...environment,
      };
      assert.deepEqual(
        carried.split("\0").sort(),
        ["", ...Object.entries(expected).map(([name, value]) => `${name}=${value}`)].sort(),
      );
    }
    // A forged one replaces nothing and is not believed.
    const forged = await run(["netstart"], { environment: { [CARRIED]: HOSTILE[CARRIED] } });
    assert.ok(carriedBy(forged).includes(`${CARRIED}=${HOSTILE[CARRIED]}\0`));
    // Bytes that are no UTF-8.
    const bytes = await run(["netstart"], {
      wrap: ["sh", "-c", 'A=$(printf "\\377\\n\\200x") exec "$@"', "sh"],
    });
    assert.ok(carriedBy(bytes).includes("A=\xff\n\x80x\0"));
  }));

Deno.test("an environment that is too large is refused with a message, and other commands work", () =>
  withPacked(async ({ run }) => {
    const environment = { LARGE: "x".repeat(120_000) };
    assert.equal((await run(["version"], { environment })).code, 0);
    const { code, out, err } = await run(["netstart"], { environment });
    assert.deepEqual([code, out], [1, ""]);
    assert.match(
      err,
      /^wg: the environment is too large to be handed to other commands; at most 97 KB is possible\n$/,
    );
    assert.equal((await run(["netstart"], { environment: { LARGE: "x".repeat(90_000) } })).code, 0);
  }));

Deno.test("no value of the caller's environment is ever among the arguments of a process", {
  ignore: missing("strace") !== undefined,
}, () =>
  withPacked(async ({ run }) => {
    const secret = "token-0123456789";
    for (const words of [["version"], ["netstart"], ["route", "exec", "true"]]) {
      const { err, code } = await run(words, {
        environment: { SECRET: secret },
        wrap: ["strace", "-f", "-s", "100000", "-e", "trace=execve"],
      });
      assert.equal(code, 0);
      assert.match(err, /execve\("[^"]*\/env"/);
      assert.ok(!err.includes(secret), words[0]);
      assert.ok(!err.includes(btoa(`SECRET=${secret}`).slice(8, 24)), words[0]);
    }
  }));

Deno.test("without /proc the environment is not passed on", {
  ignore: !isRoot || missing("namespaces") !== undefined,
}, () =>
  withPacked(async ({ run }) => {
    const wrap = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"];
    const { code, err } = await run(["netstart"], { wrap, environment: HOSTILE });
    assert.equal(code, 1);
    assert.match(
      err,
      /wg: the environment for other commands cannot be read: \/proc, tr and base64 are required\n$/,
    );
  }));
