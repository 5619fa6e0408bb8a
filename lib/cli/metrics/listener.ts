/**
 * Serves metrics by HTTP, to few clients and for a limited time each. The runtime's node:http does
 * HTTP: its other server, Deno.serve, has no limits for clients and times.
 * @module
 */
import http from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { errnoNumber, osError } from "../../base/errno.ts";
import { formatEndpoint, formatIp, parseIp } from "../../base/ip_text.ts";
import { unixSocketState } from "../../../ffi/unix_socket.ts";
import { CONTENT_TYPES, type MetricsFormat } from "./text.ts";
import { isLocal, type ListenAddress } from "./words.ts";

/**
 * The most connections at once. For another one the oldest that has no request is closed, or, when
 * all have one, the new one.
 */
export const CONNECTIONS_MAX = 16;
/** How long clients may take, in milliseconds. */
export interface ListenerLimits {
  /** For the head of a request. */
  readonly headMs: number;
  /** For a whole request. */
  readonly requestMs: number;
  /** Without a request, or while nothing of an answer is read. */
  readonly idleMs: number;
  /** To read a whole answer. */
  readonly answerMs: number;
}

const LIMITS: ListenerLimits = {
  headMs: 5_000,
  requestMs: 10_000,
  idleMs: 60_000,
  answerMs: 30_000,
};
/** How often the times are checked. */
const CHECK_MS = 1_000;
/** The most bytes of a request's head. */
const HEAD_MAX = 8_192;
const PATH = "/metrics";

/** A listener that runs. */
export interface Listener {
  /** Where it listens, e.g. `127.0.0.1:9586` or `unix:/run/wg-metrics.sock`. */
  readonly address: string;
  /** Stops listening, ends all connections and removes the Unix socket. */
  close(): Promise<void>;
}

/** Makes the text of an answer. */
export type MetricsSource = (format: MetricsFormat) => Promise<string>;

/**
 * Starts to listen. A Unix socket has the mode 0660; one that nobody listens on is replaced.
 * @throws OsError `EADDRINUSE`, `EACCES` and others
 */
export async function listen(
  to: ListenAddress,
  source: MetricsSource,
  limits: ListenerLimits = LIMITS,
): Promise<Listener> {
  const busy = new WeakSet<object>();
  const server = http.createServer({
    headersTimeout: limits.headMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: CHECK_MS,
    maxHeaderSize: HEAD_MAX,
  }, (request, response) => {
    // node:http reads the next request while an answer is not taken: answers would pile up.
    if (busy.has(request.socket)) return void request.socket.destroy();
    busy.add(request.socket);
    response.once("close", () => busy.delete(request.socket));
    const late = setTimeout(() => response.destroy(), limits.answerMs);
    response.once("close", () => clearTimeout(late));
    void answer(request, response, source, to.kind !== "unix" && isLocal(to));
  });
  const open = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    const idle = [...open].find((other) => !busy.has(other));
    if (open.size >= CONNECTIONS_MAX) {
      if (idle === undefined) return void socket.destroy();
      open.delete(idle);
      idle.destroy();
    }
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  server.timeout = limits.idleMs;
  await bind(server, to);
  server.on("error", () => {});
  return {
    address: addressOf(server, to),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      if (to.kind === "unix" && unixSocketState(to.path) === "dead") Deno.removeSync(to.path);
    },
  };
}

async function bind(server: http.Server, to: ListenAddress): Promise<void> {
  if (to.kind === "unix" && unixSocketState(to.path) === "dead") Deno.removeSync(to.path);
  const before = Deno.umask(0o117);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      const listening = () => {
        server.removeListener("error", reject);
        resolve();
      };
      if (to.kind === "unix") server.listen(to.path, listening);
      else server.listen(to.endpoint.port, formatIp(to.endpoint.address), listening);
    });
  } catch (error) {
    const code = (error as { code?: string }).code ?? "EIO";
    throw osError(
      "bind",
      to.kind === "unix" ? to.path : formatEndpoint(to.endpoint),
      errnoNumber(code),
    );
  } finally {
    Deno.umask(before);
  }
}

function addressOf(server: http.Server, to: ListenAddress): string {
  const bound = server.address();
  if (to.kind === "unix" || bound === null || typeof bound === "string") {
    return `unix:${to.kind === "unix" ? to.path : bound}`;
  }
  return formatEndpoint({ ...to.endpoint, port: bound.port });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  source: MetricsSource,
  onLoopback: boolean,
): Promise<void> {
  const refuse = (status: number, text: string) => {
    response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
    response.end(`${text}\n`);
  };
  // A body is of no use. What comes of it is read and forgotten within the time of the request.
  request.resume();
  if (onLoopback && !isLocalHost(request.headers.host)) {
    return refuse(403, "Host must be an IP address or localhost");
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("allow", "GET, HEAD");
    return refuse(405, "only GET and HEAD are allowed");
  }
  if (request.url?.split("?")[0] !== PATH) return refuse(404, `the metrics are at ${PATH}`);
  const format = formatFor(request.headers.accept ?? "");
  try {
    const text = await source(format);
    response.writeHead(200, {
      "content-type": CONTENT_TYPES[format],
      "content-length": new TextEncoder().encode(text).length,
    });
    response.end(request.method === "HEAD" ? undefined : text);
  } catch {
    refuse(500, "internal error");
  }
}

/**
 * Whether a Host is that of a listener on loopback: an address, `localhost`, or none. Another name
 * is that of a web page which has its name lead here, to read the answer in a browser.
 */
function isLocalHost(host: string | undefined): boolean {
  const name = host?.replace(/:[0-9]+$/, "").toLowerCase();
  return name === undefined || name === "localhost" ||
    parseIp(name.replace(/^\[(.*)\]$/, "$1")) !== undefined;
}

/** OpenMetrics for clients that ask for it, as Prometheus does. */
const formatFor = (accept: string): MetricsFormat =>
  accept.includes("application/openmetrics-text") ? "openmetrics" : "prometheus";
