/**
 * The scenarios of interop.ts with Debian's wireguard-go. `deno task interop` runs them with the
 * newest wireguard-go, Tailscale's, boringtun and gotatun too (docs/interop.md).
 * @module
 */
import { equal } from "node:assert/strict";
import { SCENARIOS } from "./interop.ts";
import { needs } from "./needs.ts";
import { wgRoom } from "./peers.ts";

const OTHER = { title: "Debian's wireguard-go", command: ["/usr/bin/wireguard-go", "-f"] };
const NEEDED = needs("namespaces", "tun", "ip", "ping", "wireguard-go", "wg", "ipv6");

for (const { what, slow, run } of SCENARIOS) {
  if (slow) continue;
  Deno.test(`beside Debian's wireguard-go: ${what}`, NEEDED, async () => {
    await using room = await wgRoom();
    equal(await run(room, OTHER), "yes");
  });
}
