/**
 * Reads the values that a command line only names: keys in files and on standard input, addresses
 * of hosts, and indices of interfaces.
 * @module
 */
import { wipeStatus } from "../../base/config.ts";
import type { IpBytes } from "../../base/endpoint.ts";
import { ConfigError } from "../../base/errors.ts";
import { parseDecimal } from "../../base/ip_text.ts";
import { displayPath, quote } from "../../base/quote.ts";
import { fillRandom } from "../../runtime/entropy.ts";
import { getDevice, interfaceExists } from "../../daemon/client.ts";
import { RouteSocket } from "../../linux/route_socket.ts";
import { addressesOfHost } from "../host_names.ts";
import type { Family, Sources } from "./words/draft.ts";

/** The largest number of bytes that are read of a file or line with a key. */
const SECRET_MAX = 4096;

/** The sources of one command line. Each `-` reads the next line of standard input. */
export function commandSources(): Sources {
  let lines: Iterator<string> | undefined;
  return {
    secret(word, from) {
      if (from !== "stdin") return fileSecret(word, from.file);
      lines ??= standardInputLines();
      const line = lines.next();
      if (line.done === true) {
        throw new ConfigError(word, "standard input has ended; one line for each - is required");
      }
      return line.value;
    },
    resolve: resolveHost,
    interfaceIndex(name) {
      const number = parseDecimal(name, 0x7fff_ffff);
      if (number !== undefined) return number;
      using routes = RouteSocket.open();
      return routes.link(name)?.index;
    },
    async peers(name) {
      if (!interfaceExists(name)) return [];
      const status = await getDevice(name);
      wipeStatus(status);
      return status.peers;
    },
    random: fillRandom,
  };
}

function fileSecret(word: string, path: string): string {
  try {
    using file = Deno.openSync(path, { read: true });
    return readUpTo((into) => file.readSync(into));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const reason = error instanceof Deno.errors.NotFound
      ? "No such file or directory"
      : error instanceof Deno.errors.PermissionDenied
      ? "Permission denied"
      : "cannot be read";
    throw new ConfigError(word, `"${displayPath(path)}": ${reason}`);
  }
}

/**
 * The lines of standard input. It reads one byte at a time, so that the next reader of standard
 * input gets what follows the line.
 */
function* standardInputLines(): Generator<string> {
  const byte = new Uint8Array(1);
  while (true) {
    const bytes: number[] = [];
    let ended = false;
    while (bytes.length < SECRET_MAX) {
      if (Deno.stdin.readSync(byte) === null) {
        ended = true;
        break;
      }
      if (byte[0] === 10) break;
      bytes.push(byte[0]);
    }
    if (ended && bytes.length === 0) return;
    yield new TextDecoder().decode(Uint8Array.from(bytes));
  }
}

function readUpTo(read: (into: Uint8Array) => number | null): string {
  const bytes = new Uint8Array(SECRET_MAX);
  let length = 0;
  while (length < bytes.length) {
    const count = read(bytes.subarray(length));
    if (count === null || count === 0) break;
    length += count;
  }
  const text = new TextDecoder().decode(bytes.subarray(0, length));
  bytes.fill(0);
  return text;
}

async function resolveHost(
  word: string,
  host: string,
  family: Family | undefined,
): Promise<readonly IpBytes[]> {
  const found = await addressesOfHost(host, family);
  if (typeof found === "string") throw new ConfigError(word, `${quote(host)}: ${found}`);
  return found;
}
