import assert from "node:assert/strict";
import { SESSION_SLOTS } from "../../lib/base/constants.ts";
import { IndexTable } from "../../lib/data/index_table.ts";
import { property } from "../random.ts";

Deno.test("rows are found by whole indices and by slots, as in a Map", () => {
  property(60, (chance) => {
    const table = new IndexTable();
    const rows = new Map<number, { readonly index: number; readonly row: number }>();
    // Few low bits, so that many entries want the same place, also at the end of the table.
    const spread = chance.oneOf([8, 60, 64, 300, SESSION_SLOTS]);
    const anIndex = () => {
      const slot = (SESSION_SLOTS - 4 + chance.int(spread) * chance.oneOf([1, 64])) % SESSION_SLOTS;
      return (chance.int(4) * 2 ** 30 + slot) >>> 0;
    };
    for (let i = 0; i < 400; i++) {
      const index = anIndex();
      const slot = index % SESSION_SLOTS;
      const there = rows.get(slot);
      assert.equal(table.rowOfSlot(index), there?.row ?? -1);
      assert.equal(table.find(index), there?.index === index ? there.row : -1);
      assert.equal(table.find(index | 0), table.find(index));
      if (there !== undefined) {
        table.delete(index);
        rows.delete(slot);
      } else if (chance.int(3) > 0) {
        table.set(index, i);
        rows.set(slot, { index, row: i });
      } else table.delete(index);
    }
    for (const { index, row } of rows.values()) assert.equal(table.find(index), row);
  });
});

Deno.test("it is as large as the most rows at a time need, however many come and go", () => {
  property(8, (chance) => {
    const table = new IndexTable();
    const rows = new Set<number>();
    const most = chance.oneOf([1, 32, 33, 64, 256, 257]);
    for (let i = 0; i < 4_000; i++) {
      const index = chance.int(SESSION_SLOTS);
      if (rows.size === most) {
        const [first] = rows;
        table.delete(first);
        rows.delete(first);
      }
      // What is not there takes nothing away.
      if (!rows.has(index)) {
        table.delete(index);
        table.set(index, i);
        rows.add(index);
      }
    }
    assert.equal(table.capacity, Math.max(64, 2 ** Math.ceil(Math.log2(2 * most))));
  });
});

Deno.test("every slot can have a row", () => {
  const table = new IndexTable();
  for (let slot = 0; slot < SESSION_SLOTS / 2; slot++) table.set(slot * 2, slot);
  for (let slot = 0; slot < SESSION_SLOTS / 2; slot++) {
    assert.equal(table.find(slot * 2), slot);
    assert.equal(table.find(slot * 2 + 1), -1);
  }
});
