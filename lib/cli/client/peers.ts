/**
 * `wg client remove`, `disable`, `enable` and `expire`.
 * @module
 */
import type { PublicKey } from "../../base/brands.ts";
import type { DisabledChange, PeerChange } from "../../base/config.ts";
import { formatDate } from "../../base/date_text.ts";
import { ConfigError } from "../../base/errors.ts";
import { findPeer, keyOfWord, type NamedPeer } from "../../base/peer_name.ts";
import { displayPath, quote } from "../../base/quote.ts";
import { type CommentSettings, peerSettingsOf } from "../../wgconf/peer_settings.ts";
import { complain } from "../output.ts";
import { type LockedServer, withServer } from "./change_both.ts";
import type { Edit } from "./server_file.ts";
import type { ClientLine } from "./words.ts";

/**
 * Changes a client.
 * @returns the exit status
 * @throws ConfigError or OsError; nothing has changed then
 */
export async function changeClient(name: string, line: ClientLine): Promise<number> {
  await withServer(name, line.file, async (server) => {
    const found = findClient(server, line.name);
    if (line.action === "remove") return await remove(server, found);
    const { running, publicKey } = found;
    if (running === undefined) {
      throw new ConfigError(
        quote(line.name),
        `is in the file and not on ${name}; bring the interface up to date first`,
      );
    }
    const before = peerSettingsOf(running);
    const settings = settingsAfter(line, before);
    if (line.action === "enable" && running.disabled?.reason === "expired") {
      throw new ConfigError(
        quote(line.name),
        `its date, ${formatDate(running.expiresUnixMs ?? 0)}, has passed; ` +
          "`wg client expire` with another date, or never, enables it",
      );
    }
    const change: PeerChange = {
      publicKey,
      updateOnly: true,
      disabled: settings.disabled ?? false,
      expiresUnixMs: settings.expiresUnixMs ?? 0,
    };
    await server.change(
      editOf(server, found, { type: "settings", key: publicKey, settings }),
      change,
    );
  });
  return 0;
}

/** The settings of a client after a command. */
function settingsAfter(
  { action, expiresUnixMs: date }: ClientLine,
  { disabled, expiresUnixMs }: CommentSettings,
): CommentSettings {
  const by: DisabledChange | undefined = action === "enable"
    ? undefined
    : action === "disable" && disabled?.reason !== "hand"
    ? { reason: "hand", sinceUnixMs: Date.now() }
    : disabled;
  const until = action === "expire" ? date || undefined : expiresUnixMs;
  return {
    ...(by !== undefined && { disabled: by }),
    ...(until !== undefined && { expiresUnixMs: until }),
  };
}

async function remove(server: LockedServer, found: FoundClient): Promise<void> {
  const { publicKey, running } = found;
  await server.change(
    editOf(server, found, { type: "remove", key: publicKey }),
    running && { publicKey, remove: true },
  );
}

/** The edit, unless the client is not in the file. */
function editOf(server: LockedServer, { isInFile }: FoundClient, edit: Edit): Edit | undefined {
  if (isInFile || server.file === undefined) return edit;
  complain(`warning: ${displayPath(server.file.path)} does not have the client; it is not changed`);
  return undefined;
}

/** A client that was found by its name. */
interface FoundClient {
  readonly publicKey: PublicKey;
  readonly running: LockedServer["status"]["peers"][number] | undefined;
  readonly isInFile: boolean;
}

/** Finds a client by its name or public key. @throws ConfigError if none or several are meant */
function findClient({ status, peersOfFile }: LockedServer, word: string): FoundClient {
  const known = new Map<string, NamedPeer>();
  for (const { key, name } of peersOfFile) {
    const publicKey = keyOfWord(key);
    if (publicKey !== undefined) known.set(key, { publicKey, description: name });
  }
  for (const peer of status.peers) known.set(peer.publicKey.toBase64(), peer);
  const { publicKey } = findPeer("client", word, [...known.values()]);
  const key = publicKey.toBase64();
  return {
    publicKey,
    running: status.peers.find((peer) => peer.publicKey.toBase64() === key),
    isInFile: peersOfFile.some((peer) => peer.key === key),
  };
}
