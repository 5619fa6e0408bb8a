import assert from "node:assert/strict";
import { gatewayRoute, parseMygate } from "../../lib/cli/netstart/mygate.ts";

Deno.test("mygate: gateways of both families, comments, commands, and what is wrong", () => {
  const gate = parseMygate(
    "# the router\n\n 192.0.2.1 # first\n192.0.2.2\n2001:db8::1\nfe80::1%eth0\n!/sbin/route show # x\n!# no\nrouter\n10.0.0\n",
  );
  assert.deepEqual(gate.inet, [{ line: 3, text: "192.0.2.1" }, { line: 4, text: "192.0.2.2" }]);
  assert.deepEqual(gate.inet6, [{ line: 5, text: "2001:db8::1" }, {
    line: 6,
    text: "fe80::1%eth0",
  }]);
  assert.deepEqual(gate.commands, [{ line: 7, text: "route show # x" }]);
  assert.deepEqual(gate.problems.map(({ line }) => line), [9, 10]);
  assert.deepEqual(gatewayRoute("192.0.2.1"), ["-qn", "add", "-host", "default", "192.0.2.1"]);
  assert.deepEqual(gatewayRoute("2001:db8::1"), [
    "-qn",
    "add",
    "-host",
    "-inet6",
    "default",
    "2001:db8::1",
  ]);
});
