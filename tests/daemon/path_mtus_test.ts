/** The MTU by the paths, in virtual time. */
import assert from "node:assert/strict";
import type { Endpoint } from "../../lib/base/endpoint.ts";
import { PathMtus, PATHS_AT_ONCE } from "../../lib/daemon/path_mtus.ts";

const v4 = (last: number, port = 7): Endpoint => ({
  address: Uint8Array.of(10, 0, last >> 8, last & 255),
  port,
  scope: 0,
});
const v6: Endpoint = { address: new Uint8Array(16).fill(0x20), port: 7, scope: 0 };

/** What an MTU of 1420 comes to when these paths have told these MTUs. */
function chosen(...told: readonly (readonly [Endpoint, number | undefined])[]): number {
  const paths = new PathMtus(0);
  paths.due(told.map(([endpoint]) => endpoint));
  for (const [endpoint, mtu] of told) paths.told(endpoint, mtu, 0);
  return paths.choose(1420, 0);
}

Deno.test("the narrowest path decides, within bounds", () => {
  assert.equal(chosen(), 1420, "no path is known");
  assert.equal(chosen([v4(1), undefined]), 1420, "no path could be asked");
  assert.equal(chosen([v4(1), 1400]), 1340);
  assert.equal(chosen([v6, 1400]), 1320);
  assert.equal(chosen([v4(1), 1400], [v6, 1390], [v4(2), undefined]), 1310);
  assert.equal(chosen([v4(1), 1500]), 1420, "Ethernet: as much as IPv6 leaves");
  assert.equal(chosen([v4(1), 552]), 1280);
  assert.equal(chosen([v6, 1280]), 1280);
  assert.equal(chosen([v4(1), 9000]), 8940);
  assert.equal(chosen([v6, 9000]), 8920);
  assert.equal(chosen([v4(1), 65_595]), 65_535);
});

Deno.test("smaller at once, larger when it was possible all the time for two minutes", () => {
  const paths = new PathMtus(120_000);
  let mtu = 1420;
  const look = (seconds: number, told: number | undefined) => {
    paths.due([v4(1)]);
    paths.told(v4(1), told, seconds * 1000);
    return mtu = paths.choose(mtu, seconds * 1000);
  };
  assert.equal(look(0, 1400), 1340);
  assert.equal(look(60, 1500), 1340);
  assert.equal(look(120, 1500), 1340);
  assert.equal(look(179, 1500), 1340);
  assert.equal(look(180, 1500), 1420);
  assert.equal(look(240, 1350), 1290);
  // Each change of mind begins anew, and so does a look that finds the path narrow again.
  assert.equal(look(300, 1500), 1290);
  assert.equal(look(360, 1400), 1290);
  assert.equal(look(420, 1350), 1290);
  assert.equal(look(480, 1400), 1290);
  assert.equal(look(540, undefined), 1290);
  assert.equal(look(600, 1400), 1290);
  assert.equal(look(720, 1400), 1340);
});

Deno.test("a path that is in use no longer does not count", () => {
  const paths = new PathMtus(0);
  paths.due([v4(1), v4(2)]);
  paths.told(v4(1), 1400, 0);
  paths.told(v4(2), 1500, 0);
  assert.equal(paths.choose(1420, 0), 1340);
  paths.due([v4(2)]);
  assert.equal(paths.choose(1340, 1), 1420);
});

Deno.test("all paths are asked in turn, new ones first, one for each address", () => {
  const paths = new PathMtus(0);
  const all = Array.from({ length: 100 }, (_, i) => v4(i));
  const asked: number[] = [];
  const look = (endpoints: readonly Endpoint[], now: number) => {
    const due = paths.due(endpoints);
    assert.ok(due.length <= PATHS_AT_ONCE);
    for (const endpoint of due) {
      asked.push(endpoint.address[3]);
      // One that cannot be asked does not hold up the others.
      paths.told(endpoint, endpoint.address[3] % 2 === 0 ? undefined : 1500, now);
    }
  };
  for (let now = 0; now < 4; now++) look(all, now);
  assert.equal(new Set(asked).size, 100);
  assert.deepEqual(asked.slice(100), asked.slice(0, 28));
  asked.length = 0;
  look([...all, v4(200)], 5);
  assert.equal(asked[0], 200);
  assert.equal(paths.due([v4(1), v4(1, 8), v4(1, 9)]).length, 1);
});
