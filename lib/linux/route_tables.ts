/**
 * The names of routing tables: iproute2's files rt_tables and rt_tables.d.
 * @module
 */
import { parseDecimal } from "../base/ip_text.ts";
import { RT_TABLE_LOCAL, RT_TABLE_MAIN } from "../netlink/route.ts";
import type { RouteSocket } from "./route_socket.ts";

/** The table of default routes, which the last rule names. It is empty on most machines. */
export const RT_TABLE_DEFAULT = 253;
/** The highest number of a table. */
export const RT_TABLE_MAX = 0xffff_ffff;

/** The names that exist without any file. */
const BUILT_IN: ReadonlyMap<string, number> = new Map([
  ["default", RT_TABLE_DEFAULT],
  ["main", RT_TABLE_MAIN],
  ["local", RT_TABLE_LOCAL],
]);

/** The folders of iproute2. A file of an earlier folder replaces the file of the same name. */
const FOLDERS = ["/etc/iproute2", "/usr/share/iproute2", "/usr/lib/iproute2"];
/** The most bytes of a file that are read. */
const FILE_BYTES = 1 << 20;

/** The tables of a file by name, e.g. `51820 vpn`. Wrong lines are left out, as in iproute2. */
export function parseRouteTables(text: string): Map<string, number> {
  const tables = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [word, name] = line.replace(/#.*/, "").trim().split(/\s+/);
    const number = tableNumber(word ?? "");
    if (number !== undefined && name !== undefined) tables.set(name, number);
  }
  return tables;
}

/** A table's number in decimal, or in hexadecimal with 0x; undefined for other text. */
export function tableNumber(text: string): number | undefined {
  if (!/^0[xX][0-9a-fA-F]{1,8}$/.test(text)) return parseDecimal(text, RT_TABLE_MAX);
  return parseInt(text, 16);
}

/**
 * The names of all tables, with iproute2's files of this machine. Files that cannot be read are
 * left out.
 * @param folders where the files are searched, the first folder first
 */
export function routeTables(folders: readonly string[] = FOLDERS): Map<string, number> {
  const tables = new Map(BUILT_IN);
  const add = (path: string) => {
    const text = readSmall(path);
    for (const [name, number] of parseRouteTables(text ?? "")) tables.set(name, number);
    return text !== undefined;
  };
  folders.some((folder) => add(`${folder}/rt_tables`));
  const seen = new Set<string>();
  for (const folder of folders) {
    for (const name of filesOf(`${folder}/rt_tables.d`)) {
      if (!name.endsWith(".conf") || seen.has(name)) continue;
      seen.add(name);
      add(`${folder}/rt_tables.d/${name}`);
    }
  }
  return tables;
}

/**
 * The table that a word names: a name of `tables`, or a number from 1 on.
 * @returns undefined when it is neither
 */
export function findTable(
  word: string,
  tables: ReadonlyMap<string, number> = routeTables(),
): number | undefined {
  const number = tables.get(word) ?? tableNumber(word);
  return number === 0 ? undefined : number;
}

/** The name of a table, or its number where it has none. */
export function tableName(table: number, tables: ReadonlyMap<string, number>): string {
  for (const [name, number] of tables) if (number === table) return name;
  return String(table);
}

/** The first number that wg-quick(8) tries for the table and the mark of a full tunnel. */
export const FIRST_TUNNEL_TABLE = 51820;

/** The first table from `from` on that has no route of either family. @throws OsError */
export function freeTable(routes: RouteSocket, from: number = FIRST_TUNNEL_TABLE): number {
  const used = new Set(routes.routes().map((route) => route.table));
  let table = from;
  while (used.has(table)) table++;
  return table;
}

function readSmall(path: string): string | undefined {
  try {
    const { isFile, size } = Deno.statSync(path);
    return isFile && size <= FILE_BYTES ? Deno.readTextFileSync(path) : undefined;
  } catch {
    return undefined;
  }
}

function filesOf(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
  } catch {
    return [];
  }
}
