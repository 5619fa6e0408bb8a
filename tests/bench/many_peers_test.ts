import assert from "node:assert/strict";
import { IMPLEMENTATIONS } from "../../scripts/bench/implementations.ts";
import { measureTalkers } from "../../scripts/bench/many_peers.ts";
import { internetChecksum } from "../../scripts/bench/outer_device.ts";
import { echoRequest } from "../../scripts/bench/talk_load.ts";
import { needs } from "../system/needs.ts";

Deno.test("an echo request of the load has right checksums", () => {
  const packet = echoRequest(Uint8Array.of(10, 78, 0, 7), Uint8Array.of(10, 77, 0, 2));
  const view = new DataView(packet.buffer);
  // A sum over bytes with their checksum is 0.
  assert.equal(internetChecksum(view, 0, 20), 0);
  assert.equal(internetChecksum(view, 20, packet.length - 20), 0);
  assert.equal(packet.length, view.getUint16(2));
});

Deno.test({
  name: "peers behind one TUN device each get answers, and the load's own time is told apart",
  ...needs("root", "namespaces", "ip"),
  async fn() {
    const ours = IMPLEMENTATIONS.find(({ id }) => id === "ours");
    assert.ok(ours !== undefined);
    await ours.find(() => {});
    const [row] = await measureTalkers(ours, [70], 1, 0.3, () => {});
    assert.deepEqual([row.peers, row.heard], [70, [70]]);
    for (const [value] of [row.rate, row.cpu, row.load ?? []]) assert.ok(value > 0);
  },
});
