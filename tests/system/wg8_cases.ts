/**
 * Command lines and files for wg(8): valid, nearly valid and broken, by chance.
 * @module
 */
import type { Chance } from "../random.ts";

/** A command line of wg(8) with what it reads. */
export interface Case {
  /** The words after the program. `IF` is the interface, and `@N` file N of `files`. */
  readonly words: readonly string[];
  /** Files that the words name. Each character is a byte. */
  readonly files: readonly string[];
  /** Standard input; none by default. */
  readonly stdin?: string;
  /** Why the original and ours differ; undefined where they must be the same. */
  readonly difference?: Difference;
}

/**
 * What is left of differences on purpose. All others are failures: standard output, exit status and
 * the state that a command leaves must be the same.
 */
export const DIFFERENCES = {
  "port out of range":
    "wg(8) takes a port from getaddrinfo(3), which reduces it modulo 65536: 70000 becomes 4464. " +
    "A port that is not meant is refused.",
  "sign of a port": "getaddrinfo(3) takes +5 and -1 for numbers. They are refused.",
  "byte order mark":
    "wg(8) takes it for a part of the first line, which it refuses. Windows writes it; it is read " +
    "with a warning.",
  "signs of ranges":
    "wg(8) of Debian 12 (1.0.20210914) refuses + and - before ranges; 1.0.20250521 has them.",
  "standard input as -": "wg(8) opens a file named -. - is standard input.",
  "--help":
    "wg(8) prints one line of usage and fails, or takes the word for an interface. The help " +
    "of the command is printed, with status 0.",
  "show help": "wg(8) prints one line of usage to standard error. The help of show is printed.",
  "IPv4-mapped endpoint":
    "wg(8) passes [::ffff:192.0.2.3] on as IPv6. It is 192.0.2.3, which the IPv4 socket reaches.",
  "syncconf and absent keys":
    "wg(8) keeps a preshared key and a keepalive that the file does not have. The file is the whole " +
    "truth: the result is that of setconf.",
  "unresolved name":
    "wg(8) fails when a name does not resolve, and so do ours for other implementations. Our daemon " +
    "keeps the name and looks it up again; a warning is printed.",
  "folder": "wg(8) takes a folder for an empty file. It is refused.",
  "zero byte": "wg(8) ends a line there. It is refused.",
} as const;
export type Difference = keyof typeof DIFFERENCES;

export const PEERS = [
  "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=",
  "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=",
  "gN65BkIKy1eCE9pP1wdc8ROUtkHLF2PfAqYdyYBz6EA=",
];
const SECRETS = [
  "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=",
  "WD0/fqjkkKqXpBVCy1fRmmF9cKAb1JRIvULAsqCsI3g=",
];

/** Words of `wg set` and lines of files share their values. */
interface Value {
  readonly text: string;
  readonly difference?: Difference;
}
const plain = (...texts: string[]): Value[] => texts.map((text) => ({ text }));
const differing = (difference: Difference, ...texts: string[]): Value[] =>
  texts.map((text) => ({ text, difference }));

const PORTS = [
  ...plain(
    "0",
    "1",
    "7111",
    "30000",
    "00080",
    "domain",
    "nosuch-service",
    "x",
    "5x",
    "0x10",
    "5 5",
  ),
  ...plain("7112", "7113", "7114"),
  ...differing("port out of range", "65536", "70000", "4294967297"),
  ...differing("sign of a port", "+5", "-1"),
];
const MARKS = plain(
  ...["0", "off", "OFF", "1", "0xca6c", "0x0", "0xFFFFFFFF", "4294967295", "010"],
  ...["4294967296", "0x100000000", "0X1", "0x", "-1", "+1", "1a", "0xg", "on"],
);
const KEEPALIVES = plain(
  ...["0", "off", "Off", "1", "25", "65535", "007", "65536", "-1", "+1", "1s", "on", "99999999999"],
);
const ENDPOINTS = [
  ...plain("192.0.2.1:7222", "[2001:db8::1]:7222", "2001:db8::1:7222", "[192.0.2.9]:1", "1.2:5"),
  ...plain(
    "0x7f000001:5",
    "010.1.1.1:5",
    "0300.0.2.0x7:5",
    "192.0.2.1:domain",
  ),
  ...plain(
    "[fe80::1%lo]:5",
    "[fe80::1%1]:5",
    "[fe80::1%nosuch]:5",
    "192.0.2.1:0",
    "192.0.2.1:00007",
  ),
  ...plain("192.0.2.1", "192.0.2.1:", ":5", "[::1]", "[::1]5", "[::1]:", "[::1:5", "256.1.1.1.1:5"),
  ...plain("1.2.3.4.:5", "::g:5", "[1::2::3]:5", "1.1.1.1:x"),
  ...differing("IPv4-mapped endpoint", "[::ffff:192.0.2.3]:5"),
  ...differing("unresolved name", "nosuch.invalid:5"),
  ...differing("port out of range", "192.0.2.1:65536", "[::1]:70000"),
  ...differing("sign of a port", "192.0.2.1:+5"),
];
const RANGES = plain(
  ...["10.0.0.0/8", "10.1.0.0/16", "192.168.5.2", "0.0.0.0/0", "fd00::/64", "::/0", "fd00::5"],
  ...["10.0.0.7/24", "::ffff:10.0.0.1/128", "10.2.0.0/016", "2001:DB8::/32", "0.0.0.0/32"],
);
const WRONG_RANGES = plain(
  ...["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0/8", "010.0.0.0/8", "fd00::/129", "/8"],
  ...["10.0.0.0/8/8", "x", "10.0.0.0/+8", "fd00::/6 4", "1.2.3.4.5", ":::", "10.0.0.0/0x8", ""],
);
const WRONG_KEYS = [
  ...[PEERS[0].slice(1), `${PEERS[0]}=`, PEERS[0].slice(0, 43), "", "x", "A".repeat(44)],
  ...[PEERS[0].replace("g=", "h="), PEERS[0].replace("x", "-"), PEERS[0].toUpperCase() + "="],
];

/** A list of ranges; one in eight has a wrong one. */
function ranges(chance: Chance): Value {
  const list = Array.from({ length: 1 + chance.int(3) }, () => chance.oneOf(RANGES).text);
  if (chance.once(8)) list.push(chance.oneOf(WRONG_RANGES).text);
  else if (chance.once(12)) {
    return { text: `${chance.oneOf(["+", "-"])}${list.join(",")}`, difference: "signs of ranges" };
  }
  return { text: list.join(chance.once(2) ? "," : ", ") };
}

/** A value of the list; the chance to be a wrong or unusual one is that of the list. */
const oneOf = (chance: Chance, values: readonly Value[]): Value => chance.oneOf(values);

/** The contents of a key file: a key, nothing, or something wrong. */
function keyFile(chance: Chance): string {
  const key = chance.oneOf(SECRETS);
  return chance.oneOf([
    ...[key, `${key}\n`, `${key}\n`, `${key}\r\n \t`, "", "\n", ` ${key}`, `${key}x`, `${key}\nx`],
    ...[key.slice(1), key.replace("=", ""), `${key}${key}`],
  ]);
}

/** A command line of `wg set`. */
function setCase(chance: Chance): Case {
  const words = ["set", "IF"];
  const files: string[] = [];
  let difference: Difference | undefined;
  const take = (word: string, value: Value) => {
    words.push(word, value.text);
    difference ??= value.difference;
  };
  const file = (word: string) => {
    words.push(word, chance.once(10) ? "/nonexistent" : `@${files.length}`);
    if (words.at(-1)?.startsWith("@") === true) files.push(keyFile(chance));
  };
  if (chance.once(3)) take("listen-port", oneOf(chance, PORTS));
  if (chance.once(4)) take("fwmark", oneOf(chance, MARKS));
  if (chance.once(4)) file("private-key");
  for (let left = chance.int(3); left > 0; left--) {
    words.push("peer", chance.once(10) ? chance.oneOf(WRONG_KEYS) : chance.oneOf(PEERS));
    if (chance.once(6)) words.push("remove");
    if (chance.once(4)) file("preshared-key");
    if (chance.once(3)) take("endpoint", oneOf(chance, ENDPOINTS));
    if (chance.once(3)) take("persistent-keepalive", oneOf(chance, KEEPALIVES));
    if (chance.once(3)) take("allowed-ips", chance.once(6) ? { text: "" } : ranges(chance));
  }
  if (chance.once(5)) {
    // A word too much, one too few, or words in another order.
    const at = 2 + chance.int(words.length - 1);
    const mutation = chance.int(3);
    if (mutation === 0) words.splice(at, 0, chance.oneOf(["peer", "remove", "fwmark", "what", ""]));
    else if (mutation === 1) words.splice(at, 1);
    else words.push(...words.splice(2, 2));
  }
  return of({ words, files }, difference);
}

/** The case, with its difference if it has one. */
const of = (made: Case, difference: Difference | undefined): Case =>
  difference === undefined ? made : { ...made, difference };

/** A line of a file with white space, another case and a comment by chance. */
function line(chance: Chance, key: string, value: string): string {
  const name = chance.oneOf([key, key, key, key.toLowerCase(), key.toUpperCase()]);
  const space = () => chance.oneOf(["", " ", " ", "\t", "  "]);
  const comment = chance.once(6) ? chance.oneOf(["# x", "#", " # [Peer]", "#=\xe9"]) : "";
  const split = chance.once(12) ? `${name.slice(0, 3)} ${name.slice(3)}` : name;
  return `${space()}${split}${space()}=${space()}${value}${space()}${comment}`;
}

const BROKEN_LINES = [
  ...["nonsense", "= 5", "ListenPort", "ListenPort =", "AllowedIPs =", "[Peer", "Peer]", "[Other]"],
  ...["; comment", "Address = 10.0.0.1/24", "Jc = 4", "PublicKey", "[Interface]x", "\xa0", "[]"],
];

/**
 * The text of a file.
 * @param complete whether every peer has the keys that syncconf treats otherwise where they lack
 */
function fileText(chance: Chance, complete: boolean): { text: string; difference?: Difference } {
  const lines: string[] = [];
  let difference: Difference | undefined;
  const add = (key: string, value: Value) => {
    lines.push(line(chance, key, value.text));
    difference ??= value.difference;
  };
  const key = (name: string, keys: readonly string[]) =>
    add(name, { text: chance.once(20) ? chance.oneOf(WRONG_KEYS) : chance.oneOf(keys) });
  const section = (name: string) => lines.push(line(chance, `[${name}]`, "").replace(/=\s*/, ""));
  if (!chance.once(5)) {
    section("Interface");
    if (!chance.once(3)) key("PrivateKey", SECRETS);
    if (chance.once(2)) add("ListenPort", oneOf(chance, PORTS));
    if (chance.once(4)) add("FwMark", oneOf(chance, MARKS));
  }
  for (let left = chance.int(4); left > 0; left--) {
    section("Peer");
    if (!chance.once(25)) key("PublicKey", PEERS);
    if (complete || chance.once(3)) key("PresharedKey", SECRETS);
    if (chance.once(3)) add("Endpoint", oneOf(chance, ENDPOINTS));
    if (complete || chance.once(4)) add("PersistentKeepalive", oneOf(chance, KEEPALIVES));
    for (let lists = chance.int(3); lists > 0; lists--) add("AllowedIPs", ranges(chance));
  }
  if (chance.once(8)) lines.splice(chance.int(lines.length + 1), 0, chance.oneOf(BROKEN_LINES));
  if (chance.once(25)) lines.reverse();
  for (let blank = chance.int(3); blank > 0; blank--) {
    lines.splice(
      chance.int(lines.length + 1),
      0,
      chance.oneOf(["", "# comment", "  ", "\t#", "\r"]),
    );
  }
  const text = lines.join(chance.once(5) ? "\r\n" : "\n") + (chance.once(4) ? "" : "\n");
  if (chance.once(30)) return { text: `\xef\xbb\xbf${text}`, difference: "byte order mark" };
  if (chance.once(40) && lines.length > 0) {
    return { text: text.replace(/\n/, "\0\n"), difference: "zero byte" };
  }
  return difference === undefined ? { text } : { text, difference };
}

function fileCase(chance: Chance): Case {
  const command = chance.oneOf(["setconf", "addconf", "syncconf", "syncconf"]);
  const { text, difference } = fileText(chance, command === "syncconf");
  if (!chance.once(8)) return of({ words: [command, "IF", "@0"], files: [text] }, difference);
  return of({ words: [command, "IF", "/dev/stdin"], files: [], stdin: text }, difference);
}

function pubkeyCase(chance: Chance): Case {
  const key = chance.oneOf(SECRETS);
  const stdin = chance.oneOf([
    ...[key, `${key}\n`, `${key} \n\n`, `${key}\0`, `${key}\r\n`],
    ...["", key.slice(1), ` ${key}`, `${key}x`, `${key}\nx`, key.replace("=", ""), "A".repeat(44)],
    ...[`${"A".repeat(43)}=`, `${"B".repeat(43)}=`, chance.bytes(32).toBase64()],
  ]);
  return { words: ["pubkey"], files: [], stdin };
}

/** One case by chance. */
export function someCase(chance: Chance): Case {
  const kind = chance.int(12);
  if (kind < 5) return setCase(chance);
  if (kind < 11) return fileCase(chance);
  return pubkeyCase(chance);
}

export const FIELDS = [
  ...["public-key", "private-key", "listen-port", "fwmark", "peers", "preshared-keys", "endpoints"],
  ...["allowed-ips", "latest-handshakes", "transfer", "persistent-keepalive", "dump"],
];

const none = (...words: string[]): Case => ({ words, files: [] });

/** Command lines that every run has. They change nothing. */
export const FIXED: readonly Case[] = [
  none(),
  none("show"),
  none("show", "all"),
  none("show", "IF"),
  none("show", "interfaces"),
  none("showconf", "IF"),
  ...FIELDS.flatMap((field) => [none("show", "IF", field), none("show", "all", field)]),
  ...[none("show", "IF", "what"), none("show", "interfaces", "x"), none("show", "IF", "dump", "x")],
  ...[none("show", "nosuch"), none("show", "nosuch", "dump"), none("show", "all", "what")],
  ...[none("showconf"), none("showconf", "nosuch"), none("showconf", "IF", "x")],
  ...[none("set"), none("set", "IF"), none("set", "nosuch", "listen-port", "5")],
  ...[none("set", "../x", "listen-port", "5"), none("what"), none("SHOW"), none("")],
  ...["setconf", "addconf", "syncconf"].flatMap((command) => [
    none(command),
    none(command, "IF"),
    none(command, "IF", "/nonexistent"),
    { ...none(command, "IF", "/"), difference: "folder" as const },
    none(command, "nosuch", "/dev/null"),
    none(command, "IF", "/dev/null", "x"),
  ]),
  ...[none("genkey", "x"), none("genpsk", "x"), { ...none("pubkey", "x"), stdin: SECRETS[0] }],
  ...[none("set", "IF", "private-key", "/dev/null"), none("set", "IF", "peer", PEERS[0])],
  {
    words: ["set", "IF", "private-key", "/dev/stdin"],
    files: [],
    stdin: `${SECRETS[0]}\n`,
  },
  {
    words: ["set", "IF", "peer", PEERS[0], "preshared-key", "-"],
    files: [],
    stdin: `${SECRETS[0]}\n`,
    difference: "standard input as -",
  },
  none("set", "IF", "peer", PEERS[0], "persistent-keepalive", "25"),
  {
    words: ["syncconf", "IF", "@0"],
    files: [`[Peer]\nPublicKey = ${PEERS[0]}\n`],
    difference: "syncconf and absent keys",
  },
  { ...none("set", "--help"), difference: "--help" },
  { ...none("setconf", "--help"), difference: "--help" },
  { ...none("showconf", "--help"), difference: "--help" },
  { ...none("genkey", "--help"), difference: "--help" },
  { ...none("pubkey", "-h"), difference: "--help" },
  { ...none("show", "--help"), difference: "show help" },
];
