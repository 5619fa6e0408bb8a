/**
 * Names of hosts, and endpoints that are given by the name of their host.
 * @module
 */
import { parseDecimal } from "./ip_text.ts";

/** An endpoint that is given by the name of its host. */
export interface NamedEndpoint {
  /** The name, as `isHostName` accepts it. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
}

/**
 * Whether the text may be the name of a host: labels of 1 to 63 letters, digits, `-` and `_`, at
 * most 253 characters, and not digits and dots alone.
 */
export function isHostName(text: string): boolean {
  return text.length <= 253 && !/^[0-9.]*$/.test(text) &&
    text.replace(/\.$/, "").split(".").every((label) =>
      /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label)
    );
}

/**
 * Whether two endpoints have the same name and port. Names are compared without regard to case.
 */
export function sameNamedEndpoint(a: NamedEndpoint, b: NamedEndpoint): boolean {
  return a.port === b.port && a.host.toLowerCase() === b.host.toLowerCase();
}

/** An endpoint from `NAME:PORT`; undefined for other text, an address among it. */
export function parseNamedEndpoint(text: string): NamedEndpoint | undefined {
  const colon = text.lastIndexOf(":");
  const host = text.slice(0, Math.max(colon, 0));
  const port = parseDecimal(text.slice(colon + 1), 0xffff);
  return port === undefined || port === 0 || !isHostName(host) ? undefined : { host, port };
}

/** The endpoint as `NAME:PORT`. */
export function formatNamedEndpoint({ host, port }: NamedEndpoint): string {
  return `${host}:${port}`;
}
