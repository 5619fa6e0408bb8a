/** Endpoints of a tunnel that are given by names: by the system, and by a resolver of the test. */
import { deepEqual, equal, match } from "node:assert/strict";
import { formatIp } from "../../lib/base/ip_text.ts";
import type { NameAnswer } from "../../lib/device/device.ts";
import { HostLookUps, type Resolve } from "../../lib/embed/host_look_ups.ts";
import { udpPacket } from "../conformance/packets.ts";
import { eventually } from "../../scripts/running.ts";
import { address4, Pair, side } from "./pair.ts";

// Libraries of the machine stay open for the life of the process.
await side().tunnel.close();

Deno.test("a name of a host is an endpoint, also one that was changed to it", async () => {
  await using pair = new Pair({ peers: [] });
  const { left, right } = pair;
  const { publicKey } = right.tunnel.status();
  const endpoint = `localhost:${right.tunnel.port}`;
  left.tunnel.addPeer({ publicKey, allowedIps: ["10.0.0.2/32"] });
  left.tunnel.changePeer(publicKey, { endpoint });
  await eventually("the address of the name", () => left.endpoints.length === 1);
  left.tunnel.send(udpPacket(address4(1), address4(2), 1, 64));
  await eventually("the packet on the right", () => right.packets.length === 1);
  const [peer] = left.tunnel.status().peers;
  const address = `127.0.0.1:${right.tunnel.port}`;
  deepEqual([peer.endpointName, peer.endpoint, peer.endpointProblem], [endpoint, address, ""]);
  deepEqual(left.endpoints, [{ publicKey, endpoint: address, before: undefined }]);
  left.tunnel.changePeer(publicKey, { endpoint: address });
  equal(left.tunnel.status().peers[0].endpointName, undefined);
});

Deno.test("a name that does not resolve is told in the status, and its peer waits", async () => {
  await using alone = side({
    peers: [{
      publicKey: new Uint8Array(32).fill(9),
      endpoint: "nosuch.invalid:7",
      allowedIps: ["10.0.0.2/32"],
    }],
  });
  alone.tunnel.send(udpPacket(address4(1), address4(2), 1, 64));
  const peer = () => alone.tunnel.status().peers[0];
  await eventually("the answer", () => peer().endpointProblem !== "");
  match(peer().endpointProblem, /nosuch\.invalid/);
  deepEqual([peer().endpointName, peer().endpoint], ["nosuch.invalid:7", undefined]);
});

/** Look-ups with a resolver of the test, and their answers. */
function lookUps(resolve: Resolve) {
  const answers = new Map<string, NameAnswer>();
  const isIpv4 = (address: Uint8Array) => address.length === 4;
  const of = new HostLookUps((host, answer) => answers.set(host, answer), isIpv4, resolve);
  return { of, answers };
}

Deno.test("only addresses that the socket reaches are answers", async () => {
  const { of, answers } = lookUps((host) =>
    Promise.resolve(host === "six" ? ["::1"] : ["::1", "192.0.2.1"])
  );
  of.lookUp("six");
  of.lookUp("both");
  await eventually("both answers", () => answers.size === 2);
  of.close();
  deepEqual(answers.get("six"), { problem: "the socket reaches no address of the name" });
  const both = answers.get("both")!;
  deepEqual("addresses" in both && both.addresses.map(({ address }) => formatIp(address)), [
    "192.0.2.1",
  ]);
});

Deno.test("sixteen look-ups run at once, the others wait, and none answers after the end", async () => {
  const asked = new Map<string, PromiseWithResolvers<readonly string[]>>();
  const { of, answers } = lookUps((host) => {
    asked.set(host, Promise.withResolvers());
    return asked.get(host)!.promise;
  });
  for (let n = 0; n < 20; n++) of.lookUp(`host${n}`);
  equal(asked.size, 16);
  asked.get("host3")!.reject(new Error("no such host"));
  asked.get("host4")!.resolve([]);
  await eventually("two answers", () => answers.size === 2);
  deepEqual(answers.get("host3"), { problem: "no such host" });
  deepEqual(answers.get("host4"), { addresses: [] });
  equal(asked.size, 18);
  of.close();
  for (const { resolve } of asked.values()) resolve(["192.0.2.1"]);
  await new Promise((resolve) => setTimeout(resolve));
  deepEqual([answers.size, asked.size], [2, 18]);
});
