/** The names of routing tables, as iproute2's files give them. */
import assert from "node:assert/strict";
import {
  findTable,
  parseRouteTables,
  routeTables,
  tableName,
} from "../../lib/linux/route_tables.ts";

Deno.test("a file's lines are a number and a name", () => {
  const text =
    "#\n# reserved values\n255\tlocal\n 1000  vpn # mine\n0x200 hex\nx y\n7\n\n99999999999 n\n";
  assert.deepEqual([...parseRouteTables(text)], [["local", 255], ["vpn", 1000], ["hex", 512]]);
});

Deno.test("folders are searched in iproute2's order", () => {
  const root = Deno.makeTempDirSync();
  try {
    const write = (path: string, text: string) => {
      Deno.mkdirSync(`${root}/${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
      Deno.writeTextFileSync(`${root}/${path}`, text);
    };
    write("etc/rt_tables", "100 first\n");
    write("usr/rt_tables", "200 hidden\n");
    write("etc/rt_tables.d/a.conf", "101 a\n");
    write("usr/rt_tables.d/a.conf", "102 replaced\n");
    write("usr/rt_tables.d/b.conf", "103 b\n");
    write("usr/rt_tables.d/notes", "104 notes\n");
    const tables = routeTables([`${root}/etc`, `${root}/usr`, `${root}/none`]);
    assert.deepEqual([...tables], [
      ["default", 253],
      ["main", 254],
      ["local", 255],
      ["first", 100],
      ["a", 101],
      ["b", 103],
    ]);
    assert.equal(findTable("first", tables), 100);
    assert.equal(findTable("main", tables), 254);
    assert.equal(findTable("51820", tables), 51820);
    assert.equal(findTable("0x10", tables), 16);
    assert.equal(findTable("4294967295", tables), 0xffff_ffff);
    for (const wrong of ["0", "4294967296", "hidden", "-1", "", "1x", "0x", "notes"]) {
      assert.equal(findTable(wrong, tables), undefined, wrong);
    }
    assert.equal(tableName(101, tables), "a");
    assert.equal(tableName(51820, tables), "51820");
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});
