/** Replacing resolv.conf: plain files, links, mount points, read-only folders. */
import assert from "node:assert/strict";
import { changeResolvConf, readResolvConf } from "../../../lib/linux/dns/resolv_conf_file.ts";
import type { ResolvConf } from "../../../lib/linux/dns/resolv_conf.ts";
import { isRoot, osErrorOf } from "../lab.ts";

function inFolder(body: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const NEW: ResolvConf = { type: "file", text: "nameserver 10.0.0.1\n" };

Deno.test("files, links and nothing become each other, and nothing else is left", () =>
  inFolder((folder) => {
    const path = `${folder}/resolv.conf`;
    const states: ResolvConf[] = [
      NEW,
      { type: "link", target: "nowhere/resolv.conf" },
      NEW,
      { type: "file", text: "\xff\x80\x00 bytes" },
      { type: "absent" },
      { type: "link", target: "/run/x" },
      { type: "absent" },
    ];
    assert.deepEqual(readResolvConf(path), { type: "absent" });
    let before: ResolvConf = { type: "absent" };
    for (const state of states) {
      changeResolvConf((now) => {
        assert.deepEqual(now, before);
        return state;
      }, path);
      assert.deepEqual(readResolvConf(path), state);
      before = state;
    }
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  }));

Deno.test("a new file has the mode of the old one, or 0644 whatever the umask is", () =>
  inFolder((folder) => {
    const path = `${folder}/resolv.conf`;
    const umask = Deno.umask(0o077);
    try {
      changeResolvConf(() => NEW, path);
      assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o644);
      Deno.chmodSync(path, 0o640);
      changeResolvConf(() => ({ type: "file", text: "" }), path);
      assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o640);
    } finally {
      Deno.umask(umask);
    }
  }));

Deno.test("the same content is not written", () =>
  inFolder((folder) => {
    const path = `${folder}/resolv.conf`;
    changeResolvConf(() => NEW, path);
    const { ino } = Deno.statSync(path);
    changeResolvConf((now) => now, path);
    assert.equal(Deno.statSync(path).ino, ino);
  }));

Deno.test({
  name: "a mount point is written in place, also in a read-only folder; a read-only file is not",
  ignore: !isRoot,
  fn: async () => {
    const module = import.meta.resolve("../../../lib/linux/dns/resolv_conf_file.ts");
    const script = `
      import { changeResolvConf } from ${JSON.stringify(module)};
      try {
        changeResolvConf((now) => ({ type: "file", text: now.text + "new\\n" }), Deno.args[0]);
      } catch (error) {
        console.log(error.code, error.object);
      }
    `;
    const lines = `
      folder=$(mktemp -d) && mount -t tmpfs tmpfs $folder && cd $folder && mkdir etc &&
      echo old >inside && echo hidden >etc/resolv.conf && mount --bind inside etc/resolv.conf &&
      "$@" $folder/etc/resolv.conf && cat inside && ls etc &&
      mount --bind etc etc && mount --bind inside etc/resolv.conf &&
      mount -o remount,ro,bind etc && "$@" $folder/etc/resolv.conf && cat inside &&
      mount -o remount,ro,bind etc/resolv.conf && "$@" $folder/etc/resolv.conf && cat inside
      cd / && umount -R $folder && rmdir $folder
    `;
    const file = Deno.makeTempFileSync({ suffix: ".ts" });
    try {
      Deno.writeTextFileSync(file, script);
      const { stdout, stderr } = await new Deno.Command("unshare", {
        args: ["-m", "sh", "-c", lines, "sh", Deno.execPath(), "run", "-A", "--quiet", file],
        stdin: "null",
      }).output();
      const text = new TextDecoder().decode(stdout).replaceAll(/\/\S*\/etc\//g, "");
      assert.equal(
        text,
        "old\nnew\nresolv.conf\nold\nnew\nnew\nEROFS resolv.conf\nold\nnew\nnew\n",
        new TextDecoder().decode(stderr),
      );
    } finally {
      Deno.removeSync(file);
    }
  },
});

Deno.test("errors name the file", () => {
  const path = "/proc/self/no-folder/resolv.conf";
  osErrorOf("ENOENT", () => changeResolvConf(() => NEW, path));
});
