/**
 * Sources of a command line for tests: a few files, lines of standard input, hosts and interfaces.
 * @module
 */
import type { PublicKey } from "../../lib/base/brands.ts";
import { ConfigError } from "../../lib/base/errors.ts";
import { parseIp } from "../../lib/base/ip_text.ts";
import type { Command, Sources } from "../../lib/cli/ifconfig/words/draft.ts";
import { parseWords, settle } from "../../lib/cli/ifconfig/words/parse.ts";

export const KEY = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";
export const KEY2 = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
export const KEY3 = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=";

const HOSTS: Readonly<Record<string, readonly string[]>> = {
  "hub.example.org": ["192.0.2.7", "2001:db8::7"],
  "six.example.org": ["2001:db8::6"],
};

/** The peers of wg2: one is called office, two are called laptop. */
const PEERS = [[KEY2, "office"], [KEY3, "laptop"], [KEY, "laptop"]].map(([key, description]) => ({
  publicKey: Uint8Array.fromBase64(key) as PublicKey,
  description,
}));

/**
 * A file `key`, a file `junk`, two lines of standard input, two hosts, the interface eth0 as number
 * 3.
 */
export function testSources(): Sources & { readonly asked: string[] } {
  const lines = [KEY, KEY2];
  const asked: string[] = [];
  return {
    asked,
    secret(word, from) {
      asked.push(`${word} ${from === "stdin" ? "-" : from.file}`);
      if (from === "stdin") {
        return lines.shift() ??
          fail(word, "standard input has ended; one line for each - is required");
      }
      if (from.file === "/etc/wg/key") return `${KEY}\n`;
      return from.file === "junk" ? "not a key\n" : fail(word, "No such file or directory");
    },
    resolve(word, host, family) {
      asked.push(`${word} ${host}`);
      const found = (HOSTS[host] ?? []).map((text) => parseIp(text)!)
        .filter((address) =>
          family === undefined || (address.length === 4) === (family === "inet")
        );
      return found.length > 0
        ? Promise.resolve(found)
        : Promise.reject(new ConfigError(word, `"${host}": does not resolve`));
    },
    peers: (name) => Promise.resolve(name === "wg2" ? PEERS : []),
    random: (into) => void into.fill(0x5a),
    interfaceIndex: (name) => name === "eth0" || name === "3" ? 3 : undefined,
  };
}

function fail(word: string, problem: string): never {
  throw new ConfigError(word, problem);
}

/** A whole command line, from `wg1` on. */
export async function commandOf(
  args: readonly string[],
  sources = testSources(),
): Promise<Command> {
  return await settle(parseWords(args), sources);
}

/** Splits a line at blanks; `K`, `K2`, `K3` stand for keys. */
export function words(line: string): string[] {
  const keys: Record<string, string> = { K: KEY, K2: KEY2, K3: KEY3 };
  return line.split(" ").filter((word) => word !== "").map((word) => keys[word] ?? word);
}
