/**
 * The command line of metrics, and the addresses that a listener may have.
 * @module
 */
import type { Endpoint } from "../../base/endpoint.ts";
import { ConfigError } from "../../base/errors.ts";
import { checkInterfaceName } from "../../base/interface_name.ts";
import { parseEndpoint } from "../../base/ip_text.ts";
import { displayValue, quote } from "../../base/quote.ts";
import type { MetricsFormat } from "./text.ts";

/** Where a listener listens: a TCP address, or the path of a Unix socket. */
export type ListenAddress =
  | { readonly kind: "tcp"; readonly endpoint: Endpoint }
  | { readonly kind: "unix"; readonly path: string };

/** The content of a command line of metrics. */
export interface MetricsLine {
  /** The interface; undefined for all. */
  readonly name: string | undefined;
  readonly format: MetricsFormat;
  /** Undefined to print the metrics once. */
  readonly listen: ListenAddress | undefined;
}

const UNIX = "unix:";
/** Bytes of the longest path of a Unix socket. */
const PATH_MAX = 107;
const LOOPBACK = Uint8Array.of(127, 0, 0, 1);

/**
 * Reads `metrics [interface] [--prometheus] [--listen ADDRESS]`.
 * @throws ConfigError that names the word
 */
export function parseMetrics(args: readonly string[]): MetricsLine {
  let name: string | undefined;
  let format: MetricsFormat = "openmetrics";
  let listen: ListenAddress | undefined;
  for (let at = 0; at < args.length; at++) {
    const word = args[at];
    if (word === "--prometheus") format = "prometheus";
    else if (word === "--listen") listen = parseListen(args[++at]);
    else if (word.startsWith("-") || name !== undefined) {
      throw new ConfigError(
        displayValue(word),
        "unexpected word; `wg help metrics` shows the usage",
      );
    } else name = checkInterfaceName(word);
  }
  if (listen !== undefined && format === "prometheus") {
    throw new ConfigError("--prometheus", "a listener lets the client choose; remove the word");
  }
  return { name, format, listen };
}

/**
 * The address of `--listen`: `127.0.0.1:9586`, `[::1]:9586`, `9586` for 127.0.0.1, or
 * `unix:/run/wg-metrics.sock`.
 * @throws ConfigError
 */
export function parseListen(word: string | undefined): ListenAddress {
  if (word === undefined) {
    throw new ConfigError("--listen", "requires ADDRESS:PORT, PORT or unix:PATH");
  }
  if (word.startsWith(UNIX)) {
    const path = word.slice(UNIX.length);
    const length = new TextEncoder().encode(path).length;
    if (!path.startsWith("/") || hasControls(path) || length > PATH_MAX) {
      throw new ConfigError(
        "--listen",
        `${quote(word)} is invalid; an absolute path of at most ${PATH_MAX} bytes, without ` +
          "control characters, is required",
      );
    }
    return { kind: "unix", path };
  }
  const port = /^[0-9]{1,5}$/.test(word) ? Number(word) : undefined;
  const endpoint = port === undefined
    ? parseEndpoint(word)
    : port > 0 && port <= 65_535
    ? { address: LOOPBACK, port, scope: 0 }
    : undefined;
  if (endpoint === undefined || endpoint.scope !== 0) {
    throw new ConfigError(
      "--listen",
      `${
        quote(word)
      } is invalid; an address with a port, such as 127.0.0.1:9586, or unix:PATH is ` +
        "required",
    );
  }
  return { kind: "tcp", endpoint };
}

// deno-lint-ignore no-control-regex
const hasControls = (text: string) => /[\x00-\x1f\x7f]/.test(text);

/** Whether only this machine reaches the address. */
export function isLocal(listen: ListenAddress): boolean {
  if (listen.kind === "unix") return true;
  const { address } = listen.endpoint;
  if (address.length === 4) return address[0] === 127;
  return address.slice(0, 15).every((byte) => byte === 0) && address[15] === 1;
}
