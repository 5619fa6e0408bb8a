/**
 * `wg set`: changes an interface by the words of the command line.
 * @module
 */
import type { PresharedKey, PrivateKey } from "../../base/brands.ts";
import { addChange } from "../../wgconf/change.ts";
import type { Command } from "../command.ts";
import { endpointsOf } from "../endpoints.ts";
import { changeAndTell } from "../interfaces.ts";
import { readKeyFile } from "../key_files.ts";
import { servicePort } from "../services.ts";
import { parseSetLine } from "./words.ts";

/** The command `set`. */
export const command: Command = {
  async run(args) {
    const { name, peers, ...line } = parseSetLine(args, servicePort);
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

const keyOf = (word: string, file: string | undefined) =>
  file === undefined ? undefined : readKeyFile(word, file);
