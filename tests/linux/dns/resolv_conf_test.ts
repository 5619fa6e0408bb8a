/** resolv.conf with the name servers of tunnels, and its way back. */
import assert from "node:assert/strict";
import {
  type DnsSettings,
  type ResolvConf,
  tunnelIn,
  withoutTunnel,
  withTunnel,
} from "../../../lib/linux/dns/resolv_conf.ts";
import { type Chance, trial } from "../../random.ts";

const ORIGINAL: ResolvConf = { type: "file", text: "nameserver 192.0.2.53\nsearch lan\n" };
const ONE: DnsSettings = { servers: ["10.64.0.1", "fd00::53"], search: ["corp.example", "a.b"] };
const TWO: DnsSettings = { servers: ["10.65.0.1"], search: [] };

/** The lines that a resolver reads. */
function active(file: ResolvConf): string[] {
  assert.ok(file.type === "file");
  return file.text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}
const textOf = (file: ResolvConf) => file.type === "file" ? file.text : assert.fail(file.type);

Deno.test("a resolver reads the tunnel's lines only, and down restores every byte", () => {
  const up = withTunnel(ORIGINAL, "wg1", ONE);
  assert.deepEqual(active(up), [
    "nameserver 10.64.0.1",
    "nameserver fd00::53",
    "search corp.example a.b",
  ]);
  assert.deepEqual(tunnelIn(up, "wg1"), ONE);
  assert.equal(tunnelIn(up, "wg2"), undefined);
  assert.deepEqual(withoutTunnel(up, "wg1"), ORIGINAL);
  assert.deepEqual(withoutTunnel(up, "wg9"), up);
});

Deno.test("what was no file comes back too", () => {
  const others: ResolvConf[] = [
    { type: "absent" },
    { type: "link", target: "../run/a folder/stub-résolv.conf" },
    { type: "file", text: "" },
    { type: "file", text: "\n" },
    { type: "file", text: "nameserver 192.0.2.1" },
    { type: "file", text: "#= nameserver 1\n#wg wg1 nameserver 2\n\r\n\xff\n" },
  ];
  for (const original of others) {
    const up = withTunnel(withTunnel(original, "wg1", ONE), "ä€ß", TWO);
    assert.deepEqual(tunnelIn(up, "ä€ß"), TWO);
    assert.deepEqual(withoutTunnel(withoutTunnel(up, "wg1"), "ä€ß"), original);
  }
});

Deno.test("what a user or program changes meanwhile is kept", () => {
  const up = withTunnel(ORIGINAL, "wg1", ONE);
  // Another program has written the whole file.
  const theirs: ResolvConf = { type: "file", text: "nameserver 198.51.100.1\n" };
  assert.deepEqual(withoutTunnel(theirs, "wg1"), theirs);
  const again = withTunnel(theirs, "wg1", TWO);
  assert.deepEqual(withoutTunnel(again, "wg1"), theirs);
  // A line was added to ours.
  const option: ResolvConf = { type: "file", text: textOf(up) + "options edns0\n" };
  assert.deepEqual(withoutTunnel(option, "wg1"), {
    type: "file",
    text: "nameserver 192.0.2.53\nsearch lan\noptions edns0\n",
  });
  // With a name server in it, the added part is the whole truth.
  const server: ResolvConf = { type: "file", text: textOf(up) + "nameserver 198.51.100.9\n" };
  assert.deepEqual(withoutTunnel(server, "wg1"), {
    type: "file",
    text: "nameserver 198.51.100.9\n",
  });
  // It survives another tunnel.
  assert.deepEqual(
    withoutTunnel(withoutTunnel(withTunnel(option, "wg2", TWO), "wg1"), "wg2"),
    withoutTunnel(option, "wg1"),
  );
});

Deno.test("any order of tunnels: the last one up is asked, and the end is as the beginning", () => {
  const names = ["wg1", "wg2", "wg+3"];
  const text = (chance: Chance) =>
    Array.from({ length: chance.int(60) }, () => chance.oneOf(["\n", "#", "=", " ", "a", "\xfe"]))
      .join("");
  trial((chance) => {
    for (let i = 0; i < 500; i++) {
      const original: ResolvConf = { type: "file", text: text(chance) };
      let file: ResolvConf = original;
      let order: { name: string; server: string }[] = [];
      for (let step = chance.int(12); step > 0; step--) {
        const name = chance.oneOf(names);
        order = order.filter((one) => one.name !== name);
        if (chance.once(2)) {
          const server = `10.0.0.${chance.int(256)}`;
          file = withTunnel(file, name, { servers: [server], search: [] });
          order.push({ name, server });
        } else file = withoutTunnel(file, name);
        const last = order.at(-1);
        if (last === undefined) assert.deepEqual(file, original);
        else assert.deepEqual(active(file), [`nameserver ${last.server}`]);
      }
      for (const { name } of order) file = withoutTunnel(file, name);
      assert.deepEqual(file, original);
    }
  });
});
