/**
 * The routing table that a word of route(8) names.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { displayValue } from "../../base/quote.ts";
import { findTable, RT_TABLE_MAX } from "../../linux/route_tables.ts";

/**
 * The number of a table; undefined without a word.
 * @param option the word before the table, for errors
 * @throws ConfigError if there is no such table
 */
export function tableOf(option: string, word: string | undefined): number | undefined {
  if (word === undefined) return undefined;
  const table = findTable(word);
  if (table === undefined) {
    const required = `a number from 1 to ${RT_TABLE_MAX}, or a name in /etc/iproute2/rt_tables`;
    throw new ConfigError(option, `${displayValue(word)} is no table; ${required} is required`);
  }
  return table;
}
