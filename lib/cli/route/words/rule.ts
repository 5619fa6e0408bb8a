/**
 * The words of `route rule`. They are those of ip-rule(8), as far as tunnels need them.
 * @module
 */
import type { AllowedIp } from "../../../base/endpoint.ts";
import { ConfigError } from "../../../base/errors.ts";
import { isInterfaceName } from "../../../base/interface_name.ts";
import { parseDecimal, parseRange } from "../../../base/ip_text.ts";
import { displayValue, quote } from "../../../base/quote.ts";
import { type Family, familyName, familyOfAddress } from "./destination.ts";
import type { RuleCommand } from "./line.ts";
import type { Words } from "./reader.ts";

const U32_MAX = 0xffff_ffff;
const VERBS = ["add", "delete", "show"] as const;
const HINT = "`wg help route` lists the words";

/** Reads the words behind `rule`. @throws ConfigError that names the word */
export function parseRule(words: Words): RuleCommand {
  const first = words.next();
  const verb = first === "del" ? "delete" : VERBS.find((one) => one === first);
  if (verb === undefined) {
    throw new ConfigError(
      first === undefined ? "rule" : displayValue(first),
      "add, delete or show is required",
    );
  }
  const line = new RuleLine();
  for (let word = words.next(); word !== undefined; word = words.next()) {
    const known = word === "-inet" || word === "-inet6" || words.readOption(word)
      ? line.takeOption(word)
      : verb !== "show" && line.take(word, words);
    if (!known) throw new ConfigError(displayValue(word), `unknown word of rule ${verb}; ${HINT}`);
  }
  if (verb !== "show") line.check(verb);
  return { type: "rule", verb, rule: line.rule, table: line.table };
}

class RuleLine {
  rule: RuleCommand["rule"] = { family: undefined };
  table: string | undefined;

  takeOption(word: string): true {
    if (word === "-inet" || word === "-inet6") this.#family(word, word === "-inet" ? 4 : 6);
    return true;
  }

  /** Takes a word with its values. @returns false for an unknown word */
  take(word: string, words: Words): boolean {
    switch (word) {
      case "not":
        this.rule = { ...this.rule, inverted: true };
        return true;
      case "fwmark":
        this.rule = {
          ...this.rule,
          ...parseMark(words.value(word, "a mark, as 51820 or 0x1/0xf")),
        };
        return true;
      case "from":
      case "to": {
        const range = this.#range(word, words);
        this.rule = { ...this.rule, [word === "from" ? "source" : "destination"]: range };
        return true;
      }
      case "iif":
        this.rule = { ...this.rule, incomingInterface: interfaceOf(word, words) };
        return true;
      case "oif":
        this.rule = { ...this.rule, outgoingInterface: interfaceOf(word, words) };
        return true;
      case "priority":
      case "pref":
        this.rule = { ...this.rule, priority: words.number(word, "a priority", U32_MAX) };
        return true;
      case "suppress":
      case "suppress_prefixlength": {
        const suppressPrefixLength = words.number(word, "a prefix length", 128);
        this.rule = { ...this.rule, suppressPrefixLength };
        return true;
      }
      case "table":
      case "lookup":
        this.table = words.value(word, "a routing table, by number or name");
        return true;
      case "blackhole":
      case "unreachable":
      case "prohibit":
        this.rule = { ...this.rule, action: word };
        return true;
      default:
        return false;
    }
  }

  /** @throws ConfigError when a required word is missing, or when two contradict each other */
  check(verb: string): void {
    const { action, suppressPrefixLength } = this.rule;
    if (this.table === undefined && action === undefined) {
      throw new ConfigError(verb, "requires table and a routing table");
    }
    if (this.table !== undefined && action !== undefined) {
      throw new ConfigError(action, "a rule that refuses packets has no table");
    }
    if (suppressPrefixLength !== undefined && this.table === undefined) {
      throw new ConfigError("suppress", "requires a table");
    }
    const bits = this.rule.family === 6 ? 128 : 32;
    if (suppressPrefixLength !== undefined && suppressPrefixLength > bits) {
      throw new ConfigError("suppress", `${suppressPrefixLength} is out of range; 0 to ${bits}`);
    }
  }

  #range(word: string, words: Words): AllowedIp {
    const text = words.value(word, "an address or a network");
    const range = parseRange(text);
    if (range === undefined) {
      throw new ConfigError(word, `${quote(text)} is not an address or a network`);
    }
    this.#family(word, familyOfAddress(range.address));
    return range;
  }

  #family(word: string, family: Family): void {
    if (this.rule.family !== undefined && this.rule.family !== family) {
      throw new ConfigError(word, `not ${familyName(this.rule.family)}, as a word before it`);
    }
    this.rule = { ...this.rule, family };
  }
}

function interfaceOf(word: string, words: Words): string {
  const name = words.value(word, "an interface");
  if (!isInterfaceName(name)) throw new ConfigError(word, `${quote(name)} is not an interface`);
  return name;
}

/** A mark with its mask: `51820`, `0xca6c` or `0x1/0xf`. */
function parseMark(text: string): { readonly mark: number; readonly markMask?: number } {
  const [mark, mask, more] = text.split("/").map(markNumber);
  const isWrong = mark === undefined || (text.includes("/") && mask === undefined) ||
    more !== undefined;
  if (isWrong) {
    throw new ConfigError("fwmark", `${quote(text)} is not a mark, as 51820 or 0x1/0xf`);
  }
  return mask === undefined ? { mark } : { mark, markMask: mask };
}

function markNumber(text: string): number | undefined {
  return /^0[xX][0-9a-fA-F]{1,8}$/.test(text) ? parseInt(text, 16) : parseDecimal(text, U32_MAX);
}
