/** Settings of the kernel in a namespace of the test's own. */
import assert from "node:assert/strict";
import { readSysctl, setSysctl, SRC_VALID_MARK, sysctlPath } from "../../lib/linux/sysctl.ts";
import { freshNamespace, isRoot, osErrorOf } from "./lab.ts";

Deno.test("the path of a setting", () => {
  assert.equal(sysctlPath(SRC_VALID_MARK), "/proc/sys/net/ipv4/conf/all/src_valid_mark");
  assert.equal(
    sysctlPath("net/ipv4/conf/eth0.100/rp_filter"),
    "/proc/sys/net/ipv4/conf/eth0.100/rp_filter",
  );
});

Deno.test({
  name: "a setting is written only where its value differs",
  ignore: !isRoot,
  fn: () => {
    using namespace = freshNamespace();
    namespace.run(() => {
      const before = readSysctl(SRC_VALID_MARK);
      const other = before === "1" ? "0" : "1";
      assert.equal(setSysctl(SRC_VALID_MARK, other), before);
      assert.equal(readSysctl(SRC_VALID_MARK), other);
      assert.equal(setSysctl(SRC_VALID_MARK, other), undefined);
      assert.match(osErrorOf("ENOENT", () => setSysctl("net.no.such", "1")), /net\/no\/such/);
    });
  },
});

Deno.test({
  name: "a read-only /proc/sys is no error where the value is right, and named where it is not",
  ignore: !isRoot,
  fn: async () => {
    const module = import.meta.resolve("../../lib/linux/sysctl.ts");
    const script = `
      import { setSysctl, readSysctl, SRC_VALID_MARK } from ${JSON.stringify(module)};
      const value = readSysctl(SRC_VALID_MARK);
      console.log(setSysctl(SRC_VALID_MARK, value) === undefined);
      try {
        setSysctl(SRC_VALID_MARK, value === "1" ? "0" : "1");
      } catch (error) {
        console.log(error.code, error.message.includes(SRC_VALID_MARK + " is " + value + ", and "));
      }
    `;
    const shell = 'mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys && "$@"';
    const { code, stdout, stderr } = await new Deno.Command("unshare", {
      args: ["-nm", "sh", "-c", shell, "sh", Deno.execPath(), "eval", "--quiet", script],
      stdin: "null",
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    assert.equal(new TextDecoder().decode(stdout), "true\nEROFS true\n");
  },
});
