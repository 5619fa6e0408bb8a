/**
 * The text of /etc/resolv.conf while tunnels have name servers, for machines without a program that
 * manages it. The file has its own undo: the lines of the file before, behind `#=`, and the name
 * servers of each interface, behind `#wg`. So one change of one file is everything, and a crash or
 * a restart of the machine loses nothing. Comments are ignored by all resolvers.
 * @module
 */

/** Name servers and search domains. */
export interface DnsSettings {
  /** Addresses of name servers. */
  readonly servers: readonly string[];
  /** Search domains. */
  readonly search: readonly string[];
}

/** What is at the path of resolv.conf. A character of the text is a byte of the file. */
export type ResolvConf =
  | { readonly type: "file"; readonly text: string }
  /** A symbolic link, as systemd-resolved and NetworkManager make it. */
  | { readonly type: "link"; readonly target: string }
  | { readonly type: "absent" };

interface TunnelDns extends DnsSettings {
  readonly name: string;
}

/** A file of ours, read. */
interface Parsed {
  /** The tunnels, the last one that came up last. Its name servers are in use. */
  readonly tunnels: readonly TunnelDns[];
  /** What was there before the first tunnel. */
  readonly original: ResolvConf;
  /** Lines that another program or a user has added. */
  readonly foreign: readonly string[];
}

const HEADER = [
  "# Set by `wg quick` while these WireGuard interfaces are up. `wg quick down` brings back what was",
  "# here before, which the lines with #= keep.",
];
const TUNNEL = "#wg ";
const LINE = "#= ";
const LINK = "#=> ";
const ABSENT = "#=!";

/**
 * What is to be there while an interface has name servers. They replace those it had.
 * @param settings at least one server, so that the file never lacks one
 */
export function withTunnel(now: ResolvConf, name: string, settings: DnsSettings): ResolvConf {
  const { tunnels, original, foreign } = parsed(now) ?? nothingOfOurs(now);
  const others = tunnels.filter((tunnel) => tunnel.name !== name);
  return composed([...others, { name, ...settings }], settled(original, foreign));
}

/**
 * What is to be there when an interface goes down. If another program has replaced the file
 * meanwhile, its file is the right one and stays. If it has added lines to ours, they stay too.
 */
export function withoutTunnel(now: ResolvConf, name: string): ResolvConf {
  const file = parsed(now);
  if (file === undefined) return now;
  const others = file.tunnels.filter((tunnel) => tunnel.name !== name);
  const original = settled(file.original, file.foreign);
  return others.length === 0 ? original : composed(others, original);
}

/** The name servers of an interface in the file, or undefined if there are none. */
export function tunnelIn(now: ResolvConf, name: string): DnsSettings | undefined {
  const found = parsed(now)?.tunnels.find((tunnel) => tunnel.name === name);
  return found === undefined ? undefined : { servers: found.servers, search: found.search };
}

/** The lines of resolv.conf(5) for name servers and search domains. */
export function resolverLines({ servers, search }: DnsSettings): string[] {
  return [
    ...servers.map((server) => `nameserver ${server}`),
    ...(search.length === 0 ? [] : [`search ${search.join(" ")}`]),
  ];
}

const nothingOfOurs = (now: ResolvConf): Parsed => ({ tunnels: [], original: now, foreign: [] });

function composed(tunnels: readonly TunnelDns[], original: ResolvConf): ResolvConf {
  const lines = [
    ...HEADER,
    ...tunnels.flatMap((tunnel) =>
      resolverLines(tunnel).map((line) => `${TUNNEL}${encodeURIComponent(tunnel.name)} ${line}`)
    ),
    ...originalLines(original),
    ...resolverLines(tunnels[tunnels.length - 1]),
  ];
  return { type: "file", text: lines.join("\n") + "\n" };
}

function originalLines(original: ResolvConf): string[] {
  switch (original.type) {
    case "file":
      return original.text.split("\n").map((line) => LINE + line);
    case "link":
      return [LINK + encodeURI(original.target)];
    case "absent":
      return [ABSENT];
  }
}

/** Reads a file of ours; undefined if it is another's. */
function parsed(now: ResolvConf): Parsed | undefined {
  if (now.type !== "file" || !now.text.startsWith(HEADER[0])) return undefined;
  const lines = now.text.split("\n");
  const tunnels = new Map<string, { servers: string[]; search: string[] }>();
  let original: ResolvConf = { type: "absent" };
  const kept: string[] = [];
  const rest: string[] = [];
  for (const line of lines) {
    if (line.startsWith(TUNNEL)) {
      const [name, key, ...values] = line.slice(TUNNEL.length).split(" ");
      const tunnel = tunnels.get(decoded(name)) ?? { servers: [], search: [] };
      tunnels.set(decoded(name), tunnel);
      if (key === "nameserver") tunnel.servers.push(...values);
      if (key === "search") tunnel.search.push(...values);
    } else if (line.startsWith(LINE)) kept.push(line.slice(LINE.length));
    else if (line.startsWith(LINK)) {
      original = { type: "link", target: decoded(line.slice(LINK.length)) };
    } else if (!HEADER.includes(line) && line !== ABSENT) rest.push(line);
  }
  if (kept.length > 0) original = { type: "file", text: kept.join("\n") };
  const own = new Set(["", ...[...tunnels.values()].flatMap(resolverLines)]);
  return {
    tunnels: [...tunnels].map(([name, settings]) => ({ name, ...settings })),
    original,
    foreign: rest.filter((line) => !own.has(line)),
  };
}

/** The text before encodeURI or encodeURIComponent; the same text if a user has changed it. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What the file without tunnels is, after others have added lines to ours. */
function settled(original: ResolvConf, foreign: readonly string[]): ResolvConf {
  if (foreign.length === 0) return original;
  // Whoever wrote name servers wrote all that are needed.
  const hasServers = foreign.some((line) => /^\s*nameserver\s/.test(line));
  if (hasServers) return { type: "file", text: foreign.join("\n") + "\n" };
  if (original.type !== "file") return original;
  const before = original.text === "" || original.text.endsWith("\n") ? "" : "\n";
  return { type: "file", text: `${original.text}${before}${foreign.join("\n")}\n` };
}
