/** The tables of a full tunnel in a real namespace, beside what nft makes of wg-quick's lines. */
import assert from "node:assert/strict";
import {
  hasTunnelFirewall,
  removeTunnelFirewall,
  setTunnelFirewall,
} from "../../lib/linux/tunnel_firewall.ts";
import { missing } from "../../scripts/facilities.ts";
import { freshNamespace, ip, isRoot, runIn } from "./lab.ts";

const needed = { ignore: !isRoot || missing("nft") !== undefined };

/** The lines that wg-quick gives nft. */
function wgQuickLines(name: string, family: 4 | 6, mark: number, addresses: string[]): string {
  const ip = family === 4 ? "ip" : "ip6";
  const table = `${ip} wg-quick-${name}`;
  return [
    `add table ${table}`,
    `add chain ${table} preraw { type filter hook prerouting priority -300; }`,
    `add chain ${table} premangle { type filter hook prerouting priority -150; }`,
    `add chain ${table} postmangle { type filter hook postrouting priority -150; }`,
    ...addresses.map((one) =>
      `add rule ${table} preraw iifname != "${name}" ${ip} daddr ${one} fib saddr type != local drop`
    ),
    `add rule ${table} postmangle meta l4proto udp mark ${mark} ct mark set mark`,
    `add rule ${table} premangle meta l4proto udp meta mark set ct mark`,
  ].join("\n");
}

Deno.test({
  name: "our tables are those of wg-quick, again and again, and go without the others",
  ...needed,
  fn: () => {
    using ours = freshNamespace();
    using theirs = freshNamespace();
    const list = (place: typeof ours) => runIn(place, "nft", "list", "ruleset");
    const scenes = [
      ["wg0", 4, 51820, ["10.0.0.1", "192.0.2.77"]],
      ["wg1", 6, 0x1234_5678, ["fd00::1", "2001:db8::ffff"]],
      ["a-longer_name.1", 4, 1, ["203.0.113.9"]],
      ["none", 6, 0xffff_ffff, []],
    ] as const;
    for (const [name, family, mark, addresses] of scenes) {
      runIn(theirs, "nft", wgQuickLines(name, family, mark, [...addresses]).replaceAll("\n", "; "));
      // Addresses of the other family are no matter of the table.
      const all = [...addresses, family === 4 ? "fd99::9" : "10.99.0.9"].map(ip);
      const table = { interfaceName: name, family, mark, addresses: all };
      assert.ok(!hasTunnelFirewall(name, family, ours));
      setTunnelFirewall({ ...table, addresses: [ip("10.0.0.200")] }, ours);
      assert.ok(hasTunnelFirewall(name, family, ours));
      setTunnelFirewall(table, ours);
    }
    assert.equal(list(ours), list(theirs));
    for (const [name, family] of scenes) {
      removeTunnelFirewall(name, family, ours);
      removeTunnelFirewall(name, family, ours);
      runIn(theirs, "nft", "delete", "table", family === 4 ? "ip" : "ip6", `wg-quick-${name}`);
      assert.equal(list(ours), list(theirs));
    }
    assert.equal(list(ours), "");
  },
});

Deno.test({
  name: "without the right to change tables the error names the table",
  ...needed,
  fn: async () => {
    const module = import.meta.resolve("../../lib/linux/tunnel_firewall.ts");
    const script = `
      import { setTunnelFirewall } from ${JSON.stringify(module)};
      try {
        setTunnelFirewall({ interfaceName: "wg0", family: 4, mark: 1, addresses: [] });
      } catch (error) {
        console.log(error.message);
      }
    `;
    const { stdout, stderr } = await new Deno.Command("setpriv", {
      args: ["--bounding-set=-net_admin", Deno.execPath(), "eval", "--quiet", script],
      stdin: "null",
    }).output();
    const text = new TextDecoder().decode(stdout);
    assert.match(
      text,
      /^table ip wg-quick-wg0: NFT_MSG_NEWTABLE: Operation not permitted \(EPERM\)\n$/,
      new TextDecoder().decode(stderr),
    );
  },
});
