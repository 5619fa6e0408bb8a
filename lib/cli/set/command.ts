/**
 * `wg set`: changes an interface by the words of the command line.
 * @module
 */
import type { PresharedKey, PrivateKey } from "../../base/brands.ts";
import { wipeStatus } from "../../base/config.ts";
import type { NamedPeer } from "../../base/peer_name.ts";
import { addChange } from "../../wgconf/change.ts";
import type { Command } from "../command.ts";
import { endpointsOf } from "../endpoints.ts";
import { changeAndTell, wireguardStatus } from "../interfaces.ts";
import { complain } from "../output.ts";
import { readKeyFile } from "../key_files.ts";
import { servicePort } from "../services.ts";
import { namesPeers, parseSetLine } from "./words.ts";

/** The command `set`. */
export const command: Command = {
  async run(args) {
    const named = namesPeers(args) ? await namedPeers(args[0]) : [];
    const { name, peers, cut, ...line } = parseSetLine(args, servicePort, named);
    for (const range of cut) {
      complain(`WARNING: allowed-ips: ${range} is used: the address has host bits`);
    }
    const settings = {
      interface: {
        listenPort: line.listenPort,
        fwmark: line.fwmark,
        privateKey: keyOf("private-key", line.privateKeyFile) as PrivateKey | undefined,
      },
      peers: peers.map(({ presharedKeyFile, ...peer }) => ({
        ...peer,
        presharedKey: keyOf("preshared-key", presharedKeyFile) as PresharedKey | undefined,
      })),
    };
    await changeAndTell(name, addChange(settings, await endpointsOf(name, settings)), "endpoint");
    return 0;
  },
};

/** The peers of an interface, if one of them has a description. */
async function namedPeers(name: string): Promise<readonly NamedPeer[]> {
  const status = await wireguardStatus(name);
  wipeStatus(status);
  return status.peers.some(({ description }) => description !== "") ? status.peers : [];
}

const keyOf = (word: string, file: string | undefined) =>
  file === undefined ? undefined : readKeyFile(word, file);
