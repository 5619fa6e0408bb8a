/**
 * Keys and sections of other programs' files, for messages that say where they come from.
 * @module
 */

/** The keys that wg-quick(8) adds to [Interface], as its manual writes them. */
export const QUICK_KEYS = [
  "Address",
  "DNS",
  "MTU",
  "Table",
  "PreUp",
  "PostUp",
  "PreDown",
  "PostDown",
  "SaveConfig",
] as const;

const QUICK = "a key of wg-quick(8), which `wg quick` reads";
const AMNEZIA =
  "a key of AmneziaWG, whose messages WireGuard cannot read; a peer that requires it cannot be " +
  "reached";
const APPS = "a key of WireGuard's apps for phones";
const WIRESOCK = "a key of WireSock and TunnlTo for Windows";
const NETWORKD = "a key of systemd.netdev(5)";
const WIREPROXY = "a key of wireproxy";
const XRAY = "a key of Xray and sing-box for Cloudflare's WARP";

const KEYS: ReadonlyMap<string, string> = new Map([
  ...rows(QUICK, QUICK_KEYS),
  ...rows(AMNEZIA, ["Jc", "Jmin", "Jmax", "S1", "S2", "S3", "S4", "H1", "H2", "H3", "H4"]),
  ...rows(AMNEZIA, ["I1", "I2", "I3", "I4", "I5", "J1", "J2", "J3", "Itime", "AdvancedSecurity"]),
  ...rows(APPS, ["IncludedApplications", "ExcludedApplications"]),
  ...rows(WIRESOCK, ["DisallowedIPs", "AllowedApps", "DisallowedApps", "VirtualAdapterMode"]),
  ...rows(WIRESOCK, ["Socks5Proxy", "Socks5ProxyUsername", "Socks5ProxyPassword"]),
  ...rows(NETWORKD, ["PrivateKeyFile", "PresharedKeyFile", "PublicKeyFile", "FirewallMark"]),
  ...rows(NETWORKD, ["RouteTable", "RouteMetric", "Name", "Kind", "Description", "MTUBytes"]),
  ...rows(WIREPROXY, ["WGConfig", "CheckAlive", "CheckAliveInterval", "BindAddress"]),
  ...rows(XRAY, ["Reserved"]),
]);

const SECTIONS: ReadonlyMap<string, string> = new Map([
  ...rows("a section of systemd.netdev(5)", ["NetDev", "WireGuard", "WireGuardPeer"]),
  ...rows("a section of systemd.network(5)", ["Match", "Network", "Route"]),
  ...rows("a section of NetworkManager", ["connection", "ipv4", "ipv6", "proxy"]),
  ...rows("a section of wireproxy", ["Socks5", "http", "TCPClientTunnel", "TCPServerTunnel"]),
  ...rows("a section of wireproxy", ["STDIOTunnel", "UDPProxyTunnel", "Resolve"]),
]);

function rows(origin: string, names: readonly string[]): [string, string][] {
  return names.map((name) => [name.toLowerCase(), origin]);
}

/** Where a key comes from that wg(8) does not have; undefined if that is not known. */
export const originOfKey = (key: string): string | undefined => KEYS.get(key.toLowerCase());

/** Where a section comes from that wg(8) does not have; undefined if that is not known. */
export function originOfSection(name: string): string | undefined {
  // NetworkManager's sections of peers have the peer's key in their names.
  return /^wireguard-peer\./i.test(name)
    ? "a section of NetworkManager"
    : SECTIONS.get(name.toLowerCase());
}
