/**
 * `wg client add`: keys and addresses for a new client, the peer on the interface and in its file,
 * and the client's configuration.
 * @module
 */
import type { PresharedKey, PrivateKey, PublicKey } from "../../base/brands.ts";
import { DEFAULT_MTU, KEY_LENGTH } from "../../base/constants.ts";
import type { AllowedIp, IpBytes } from "../../base/endpoint.ts";
import { ConfigError } from "../../base/errors.ts";
import { formatIp, formatRange, maskAddress } from "../../base/ip_text.ts";
import { clamp } from "../../base/private_key.ts";
import { quote } from "../../base/quote.ts";
import { secretBytes } from "../../base/secret_bytes.ts";
import { chooseSuite } from "../../runtime/crypto.ts";
import { fillRandom } from "../../runtime/entropy.ts";
import { complain, printAll } from "../output.ts";
import { freeAddress, isIn, type Network, networkOfEnd, takenBy } from "./addresses.ts";
import { type LockedServer, withServer } from "./change_both.ts";
import { clientConfText } from "./conf_text.ts";
import { clientEndpoint } from "./endpoint.ts";
import { writeClientFiles } from "./outputs.ts";
import type { ClientLine } from "./words.ts";

/**
 * Adds a client.
 * @returns the exit status
 * @throws ConfigError or OsError; nothing has changed then
 */
export async function addClient(name: string, line: ClientLine): Promise<number> {
  const privateKey = secretKey();
  const presharedKey = line.psk ? secretKey() as PresharedKey : undefined;
  clamp(privateKey);
  const publicKey = chooseSuite().publicKey(privateKey as PrivateKey) as PublicKey;
  try {
    return await withServer(name, line.file, async (server) => {
      requireNew(server, line.name);
      const { status } = server;
      if (status.publicKey === undefined) throw new ConfigError(name, "has no private key");
      const networks = networksOf(server);
      const addresses = chosenAddresses(server, networks, line.addresses);
      const endpoint = clientEndpoint(status, line.endpoint);
      const allowedIps = line.allowedIps ??
        networks.map((network) =>
          formatRange({ ...network, address: maskAddress(network.address, network.prefix) })
        );
      const text = clientConfText({
        privateKey,
        addresses,
        dns: line.dns,
        mtu: line.mtu ?? (status.mtu === DEFAULT_MTU ? undefined : status.mtu),
        serverKey: status.publicKey,
        presharedKey,
        allowedIps,
        endpoint: endpoint.text,
        keepalive: line.keepalive,
      });
      const files = await writeClientFiles(line, text);
      const ranges: AllowedIp[] = addresses.map((address) => ({
        address,
        prefix: address.length * 8,
      }));
      const settings = line.expiresUnixMs === undefined
        ? {}
        : { expiresUnixMs: line.expiresUnixMs };
      let undo: () => Promise<void>;
      try {
        undo = await server.change(
          {
            type: "add",
            peer: {
              name: line.name,
              publicKey,
              presharedKey,
              allowedIps: ranges.map(formatRange),
              settings,
            },
          },
          {
            publicKey,
            ...(presharedKey && { presharedKey }),
            replaceAllowedIps: true,
            allowedIps: ranges,
            description: line.name,
            ...settings,
          },
        );
      } catch (error) {
        files.discard();
        throw error;
      }
      try {
        if (line.json) printJson(server, line, publicKey, addresses, text);
        files.print();
      } catch (error) {
        // The private key is in nothing but the output.
        files.discard();
        await undo();
        throw error;
      }
      text.fill(0);
      if (endpoint.warning !== undefined) complain(`warning: ${endpoint.warning}`);
      for (const address of addresses) {
        if (isIn(address, networks)) continue;
        complain(`warning: ${formatIp(address)} is in no network of ${name}; it needs a route`);
      }
      return 0;
    });
  } finally {
    privateKey.fill(0);
    presharedKey?.fill(0);
  }
}

function secretKey(): Uint8Array {
  const key = secretBytes(KEY_LENGTH);
  fillRandom(key);
  return key;
}

function requireNew({ status, peersOfFile, file }: LockedServer, name: string): void {
  const known = status.peers.some(({ description }) => description === name)
    ? status.name
    : peersOfFile.some((peer) => peer.name === name)
    ? file?.path
    : undefined;
  if (known !== undefined) {
    throw new ConfigError("add", `${known} has a peer ${quote(name)} already`);
  }
}

/** The networks of the interface's addresses without link-local ones, each once. */
function networksOf({ status }: LockedServer): Network[] {
  const networks = new Map<string, Network>();
  for (const { address, prefix } of status.link?.addresses ?? []) {
    if (address.length === 16 && address[0] === 0xfe && (address[1] & 0xc0) === 0x80) continue;
    const range = formatRange({ address: maskAddress(address, prefix), prefix });
    if (!networks.has(range)) networks.set(range, { address, prefix });
  }
  return [...networks.values()];
}

/** The given addresses, or the next free one of each family. @throws ConfigError */
function chosenAddresses(
  { status, peersOfFile, name }: LockedServer,
  networks: readonly Network[],
  given: readonly IpBytes[],
): IpBytes[] {
  const taken = [...status.peers, ...peersOfFile].flatMap(({ allowedIps }) => allowedIps);
  for (const { address } of status.link?.addresses ?? []) {
    taken.push({ address, prefix: address.length * 8 });
  }
  for (const address of given) {
    const network = networkOfEnd(address, networks);
    if (network !== undefined) {
      const range = formatRange({
        ...network,
        address: maskAddress(network.address, network.prefix),
      });
      throw new ConfigError(
        "--address",
        `${
          formatIp(address)
        } is the first or the last address of ${range}, which no client may have`,
      );
    }
    const owner = takenBy(address, taken, networks);
    if (owner === undefined) continue;
    throw new ConfigError("--address", `${formatIp(address)} is taken: ${owner} is in use`);
  }
  if (given.length > 0) return [...given];
  const chosen = [4, 16].flatMap((length) => {
    const own = networks.filter(({ address }) => address.length === length);
    const free = own.map((network) => freeAddress(network, taken)).find((one) => one !== undefined);
    if (free !== undefined) return [free];
    // One address alone is no network.
    if (own.every(({ prefix }) => prefix === length * 8)) return [];
    throw new ConfigError(
      name,
      `no IPv${length === 4 ? 4 : 6} address is free; --address gives one`,
    );
  });
  if (chosen.length > 0) return chosen;
  throw new ConfigError(name, "has no network with addresses for clients; --address gives one");
}

function printJson(
  { file, name }: LockedServer,
  line: ClientLine,
  publicKey: Uint8Array,
  addresses: readonly IpBytes[],
  text: Uint8Array,
): void {
  const isWritten = [line.out, line.png, line.svg].some((path) => path !== undefined);
  const shown = JSON.stringify(
    {
      interface: name,
      name: line.name,
      publicKey: publicKey.toBase64(),
      addresses: addresses.map((address) => formatIp(address)),
      ...(file !== undefined && { file: file.path }),
      ...(!isWritten && !line.qr && { configuration: new TextDecoder().decode(text) }),
    },
    undefined,
    2,
  );
  printAll(`${shown}\n`);
}
