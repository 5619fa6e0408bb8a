/**
 * The file of an interface, whichever of the two kinds it is: where it is, which peers it has, and
 * how they are edited.
 * @module
 */
import type { PublicKey } from "../../base/brands.ts";
import type { AllowedIp } from "../../base/endpoint.ts";
import { ConfigError } from "../../base/errors.ts";
import { displayPath } from "../../base/quote.ts";
import { descriptionOf } from "../../wgconf/description.ts";
import { type NewPeer, withoutPeer, withPeer, withSettings } from "../../wgconf/edit.ts";
import { formatProblem, wipeConfig } from "../../wgconf/parse.ts";
import type { CommentSettings } from "../../wgconf/peer_settings.ts";
import { parseQuickConfig } from "../../wgconf/quick.ts";
import { HOSTNAME_FILE_MAX, parseHostnameFile } from "../netstart/hostname_if.ts";
import { startedFrom } from "../netstart/record.ts";
import { reasonOf } from "../netstart/shell.ts";
import { exists, findFile, readFileBytes } from "../quick/file.ts";
import { readQuickRecord } from "../quick/record.ts";
import { servicePort } from "../services.ts";
import {
  hostnamePeers,
  withHostnamePeer,
  withHostnameSettings,
  withoutHostnamePeer,
} from "./hostname_edit.ts";

/** A file, and the name of its interface. */
export interface ServerFile {
  readonly kind: "quick" | "hostname";
  readonly name: string;
  /** The path without links. */
  readonly path: string;
}

/** A peer of a file. */
export interface FilePeer {
  /** The public key in base64. */
  readonly key: string;
  /** Empty for none. */
  readonly name: string;
  readonly allowedIps: readonly AllowedIp[];
}

/** What is done to the peers of a file. */
export type Edit =
  | { readonly type: "add"; readonly peer: NewPeer }
  | { readonly type: "remove"; readonly key: PublicKey }
  | { readonly type: "settings"; readonly key: PublicKey; readonly settings: CommentSettings };

/**
 * Finds the file of an interface: the given one, the one from which it was started, or the one that
 * is in its usual place.
 * @param given a path, or false for no file
 * @returns undefined for `false`
 * @throws ConfigError if there is none, or more than one
 */
export function findServerFile(
  name: string,
  given: string | false | undefined,
): ServerFile | undefined {
  if (given === false) return undefined;
  if (given !== undefined) {
    const isHostname = /(?:^|\/)hostname\.[^/]*$/.test(given);
    return { kind: isHostname ? "hostname" : "quick", name, path: physical(given) };
  }
  const quick = readQuickRecord(name)?.file;
  const hostname = startedFrom(name);
  const found: ServerFile[] = [];
  const add = (kind: ServerFile["kind"], path: string | undefined) => {
    if (path !== undefined && exists(path)) found.push({ kind, name, path: physical(path) });
  };
  add("quick", quick);
  add("hostname", hostname);
  if (found.length === 0) {
    add("quick", findFile(name).path);
    add("hostname", `/etc/hostname.${name}`);
  }
  if (found.length === 1) return found[0];
  throw new ConfigError(
    name,
    found.length === 0
      ? "has no file; --file names one, and --no-file changes the running interface only"
      : `has two files, ${
        found.map(({ path }) => displayPath(path)).join(" and ")
      }; --file names one`,
  );
}

function physical(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    throw new ConfigError(displayPath(path), reasonOf(error));
  }
}

/** The bytes of a file. Fill them with zeros after use. @throws ConfigError */
export function readServerFile(file: ServerFile): Uint8Array<ArrayBuffer> {
  const bytes = readFileBytes(file);
  if (file.kind === "hostname" && bytes.length > HOSTNAME_FILE_MAX) {
    throw new ConfigError(displayPath(file.path), "the file is too large");
  }
  return bytes;
}

/** The peers of a file. @throws ConfigError with the first refused line */
export function peersOf(file: ServerFile, bytes: Uint8Array): FilePeer[] {
  if (file.kind === "quick") {
    using read = readQuick(file, bytes);
    return read.config.peers.map(({ publicKey, allowedIps, comments }) => ({
      key: publicKey.toBase64(),
      name: descriptionOf(comments),
      allowedIps: allowedIps.map(({ range }) => range),
    }));
  }
  return hostnamePeers(readHostname(file, bytes), file.name)
    .map(({ key, name = "", allowedIps }) => ({ key, name, allowedIps }));
}

/**
 * The file after an edit. Fill it with zeros after use.
 * @throws ConfigError for a refused line, and if the edit would change something else
 */
export function edited(file: ServerFile, bytes: Uint8Array, edit: Edit): Uint8Array {
  const after = file.kind === "quick"
    ? editedQuick(file, bytes, edit)
    : new TextEncoder().encode(editedHostname(file, bytes, edit));
  const before = peersOf(file, bytes).map(({ key }) => key);
  const wanted = edit.type === "add"
    ? [...before, edit.peer.publicKey.toBase64()]
    : edit.type === "remove"
    ? before.filter((key) => key !== edit.key.toBase64())
    : before;
  const is = peersOf(file, after).map(({ key }) => key);
  if (is.join() !== wanted.join()) {
    after.fill(0);
    throw new ConfigError(displayPath(file.path), "cannot be edited; edit the file by hand");
  }
  return after;
}

function editedQuick(file: ServerFile, bytes: Uint8Array, edit: Edit): Uint8Array {
  using read = readQuick(file, bytes);
  switch (edit.type) {
    case "add":
      return withPeer(bytes, edit.peer);
    case "remove":
      return withoutPeer(bytes, read.config, edit.key);
    case "settings":
      return withSettings(bytes, read.config, edit.key, edit.settings);
  }
}

function editedHostname(file: ServerFile, bytes: Uint8Array, edit: Edit): string {
  const text = readHostname(file, bytes);
  switch (edit.type) {
    case "add":
      return withHostnamePeer(text, edit.peer);
    case "remove":
      return withoutHostnamePeer(text, file.name, edit.key.toBase64());
    case "settings":
      return withHostnameSettings(text, file.name, edit.key.toBase64(), edit.settings);
  }
}

function readQuick({ path }: ServerFile, bytes: Uint8Array) {
  const config = parseQuickConfig(bytes, { file: path, servicePort });
  const wipe = () => wipeConfig(config);
  const [problem] = config.problems;
  if (problem === undefined) return { config, [Symbol.dispose]: wipe };
  wipe();
  throw new ConfigError(displayPath(path), formatProblem(problem).slice(path.length + 1));
}

function readHostname({ path, name }: ServerFile, bytes: Uint8Array): string {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const [problem] = parseHostnameFile(text, name).problems;
  if (problem === undefined) return text;
  throw new ConfigError(displayPath(path), `line ${problem.line}: ${problem.problem}`);
}
