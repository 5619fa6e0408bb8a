/** The advice of `wg mtu`, and its search. */
import assert from "node:assert/strict";
import { innerMtu } from "../../lib/base/inner_mtu.ts";
import { adviceOf, largestPassing } from "../../lib/cli/mtu/verdict.ts";
import { Chance, SEED } from "../random.ts";

Deno.test("mtu: the advice is the smaller of what was answered and what the path tells", () => {
  const base = { link: 1420, outerHeader: 20 };
  for (
    const [inner, outer, mtu, fits] of [
      [1420, 1500, 1440, true],
      [1420, 1480, 1420, true],
      [1420, 1479, 1419, false],
      [1380, 1500, 1380, false],
      [1380, 1400, 1340, false],
      [undefined, 1400, 1340, false],
      [1420, undefined, 1420, true],
      [1300, undefined, 1300, false],
      // Nothing came back: what the path tells is no proof that the peer is reached.
      [undefined, undefined, undefined, undefined],
      [undefined, 1500, undefined, undefined],
      // A forged message of ICMP cannot ask for less than IPv6 requires.
      [1420, 576, 1280, false],
      [900, undefined, 1280, false],
    ] as const
  ) {
    const what = `${inner} ${outer}`;
    assert.deepEqual(adviceOf({ ...base, inner, outer }), { mtu, fits }, what);
  }
  // One that has the least MTU is not advised to set it again.
  assert.deepEqual(adviceOf({ link: 1280, outerHeader: 20, inner: 1232, outer: 1500 }), {
    mtu: undefined,
    fits: false,
  });
  assert.equal(innerMtu(1500, 20), 1440);
  assert.equal(innerMtu(1500, 40), 1420);
});

Deno.test("mtu: the search finds the limit with few sizes", () => {
  const chance = Chance.of(SEED);
  for (let round = 0; round < 200; round++) {
    const most = 100 + chance.int(9000);
    const limit = 84 + chance.int(most);
    let asked = 0;
    const found = largestPassing(84, most, (size) => {
      asked++;
      assert.ok(size > 84 && size <= most);
      return size <= limit;
    });
    assert.equal(found, Math.min(limit, most), `seed ${SEED}, round ${round}`);
    assert.ok(asked <= 1 + Math.ceil(Math.log2(most)));
  }
});
