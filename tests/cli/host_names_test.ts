/** Look-ups that commands make themselves, with getaddrinfo(3). */
import { match, ok } from "node:assert/strict";
import { addressesOfHost, lookUpHost } from "../../lib/cli/host_names.ts";

Deno.test("getaddrinfo(3) gives the addresses of /etc/hosts and says what it does not know", async () => {
  const local = await lookUpHost("localhost");
  ok("addresses" in local && local.addresses.length > 0);
  for (const { address } of local.addresses) ok(address[0] === 127 || address.at(-1) === 1);
  const unknown = `${"a".repeat(63)}.invalid`;
  const none = await lookUpHost(unknown);
  ok("problem" in none && none.problem !== "");
  match(String(await addressesOfHost(unknown, "inet")), /^the host's name does not resolve: /);
});
