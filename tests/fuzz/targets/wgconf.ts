/**
 * Configuration files of wg(8), from the bytes to a change of a device and back.
 * @module
 */
import assert from "node:assert/strict";
import { milliseconds, type PublicKey } from "../../../lib/base/brands.ts";
import { ConfigError } from "../../../lib/base/errors.ts";
import { HandshakeMemory } from "../../../lib/base/handshake_memory.ts";
import { PeerTable } from "../../../lib/base/peer_table.ts";
import { Device } from "../../../lib/device/device.ts";
import { chooseSuite } from "../../../lib/runtime/crypto.ts";
import { setChange, syncChange } from "../../../lib/wgconf/change.ts";
import { withoutPeer, withPeer, withSettings } from "../../../lib/wgconf/edit.ts";
import {
  formatProblem,
  parseWgConfig,
  type WgConfig,
  wipeConfig,
} from "../../../lib/wgconf/parse.ts";
import { printConfig } from "../../../lib/wgconf/print.ts";
import type { EndpointSetting } from "../../../lib/wgconf/values.ts";
import { KEY, KEY2, KEY3 } from "../../cli/sources.ts";
import { Chance, filler } from "../../random.ts";
import { randomStatus } from "../../uapi/random_change.ts";
import { assertFitsTerminal, assertHidesKeys } from "../messages.ts";
import { bytesOf, type Target, textOf } from "../target.ts";

const NOW = milliseconds(1_000_000);
const WORDS = [
  "[Interface]\n",
  "[Peer] # Ann\n",
  "# a comment\n",
  "# wg: disabled\n",
  "# wg: disabled quota since 2026-12-31\n",
  "# wg: expires 2026-12-31T18:00Z\n",
  "PrivateKey = ",
  "PublicKey = ",
  "PresharedKey = ",
  "ListenPort = 51820\n",
  "FwMark = 0x51\n",
  "AllowedIPs = 10.0.0.0/8, fd00::/64\n",
  "AllowedIPs = +10.0.0.0/8, -fd00::/64\n",
  "AllowedIPs =\n",
  "Endpoint = 192.0.2.1:51820\n",
  "Endpoint = [fe80::1%3]:51820\n",
  "Endpoint = hub.example.org:51820\n",
  "PersistentKeepalive = off\n",
  "\r\n",
  "\ufeff",
  " = ",
  "Jc = 4\n",
  KEY,
  KEY2,
  KEY3,
];

function newDevice(): Device {
  const device = new Device({
    suite: chooseSuite(),
    random: filler(Chance.of(1)),
    wallClock: () => 1_700_000_000_000_000_000n,
    table: new PeerTable(),
    handshakes: new HandshakeMemory(),
  });
  device.takeOutputs();
  return device;
}

/** The address of an endpoint that needs no name server; zones are numbers. */
function endpointOf(setting: EndpointSetting) {
  if (setting.type === "name") return undefined;
  const { address, port, zone } = setting;
  return { address, port, scope: /^[0-9]{1,9}$/.test(zone ?? "") ? Number(zone) : 0 };
}

/** What is edited goes back to the file as it was, and nothing else of it changes. */
function assertEdits(input: Uint8Array, config: WgConfig): void {
  const parse = (file: Uint8Array) => {
    const read = parseWgConfig(file, { file: "wg1.conf" });
    assert.deepEqual(read.problems, []);
    return read;
  };
  const publicKey = new Uint8Array(32).fill(7) as PublicKey;
  const isThere = config.peers.some((peer) => peer.publicKey.join() === publicKey.join());
  if (!isThere) {
    const presharedKey = new Uint8Array(32).fill(9);
    const peer = {
      name: "ann",
      publicKey,
      presharedKey,
      allowedIps: ["10.9.0.1/32"],
      settings: {},
    };
    const more = withPeer(input, peer);
    const read = parse(more);
    assert.deepEqual(read.peers.map(nameOf), [...config.peers.map(nameOf), nameOf({ publicKey })]);
    const back = parse(withoutPeer(more, read, publicKey));
    assert.deepEqual(back.peers.map(nameOf), config.peers.map(nameOf));
  }
  for (const { publicKey, settings } of config.peers) {
    const wanted = { disabled: { reason: "hand" }, expiresUnixMs: 1_798_675_200_000 } as const;
    const changed = withSettings(input, config, publicKey, wanted);
    const read = parse(changed);
    for (const [index, peer] of read.peers.entries()) {
      const isThis = nameOf(peer) === nameOf({ publicKey });
      assert.deepEqual(peer.settings, isThis ? wanted : config.peers[index].settings);
    }
    const again = parse(withSettings(changed, read, publicKey, settings));
    assert.deepEqual(again.peers.map(nameOf), config.peers.map(nameOf));
  }
}

const nameOf = ({ publicKey }: { readonly publicKey: Uint8Array }) => publicKey.toHex();

/** A file of wg(8). */
export const wgconf: Target = {
  name: "wgconf",
  covers: ["lib/wgconf/", "lib/base/ip_text.ts", "lib/base/key_text.ts"],
  bytesMax: 16_384,
  words: WORDS,
  make: (chance) =>
    chance.once(2)
      ? printConfig(randomStatus(chance))
      : bytesOf(Array.from({ length: chance.int(12) }, () => chance.oneOf(WORDS)).join("")),
  open() {
    const device = newDevice();
    return (input) => {
      const config = parseWgConfig(input.slice(), { file: "wg1.conf" });
      const messages = [...config.problems, ...config.warnings].map(formatProblem);
      for (const message of messages) assertFitsTerminal(message);
      assertHidesKeys(messages.join("\n"), textOf(input));
      const lines = textOf(input).split("\n").length;
      assert.ok(config.problems.every(({ line }) => line >= 1 && line <= lines));
      if (config.problems.length > 0) {
        wipeConfig(config);
        return "refused";
      }
      assertEdits(input, config);
      const before = printConfig(device.status());
      try {
        device.configure(setChange(config, endpointOf), NOW);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        assert.deepEqual(printConfig(device.status()), before, "a refused file changed something");
        return "refused by the device";
      }
      const printed = printConfig(device.status());
      // What was printed, set again or synchronised, changes nothing.
      const again = parseWgConfig(printed.slice(), { file: "printed" });
      assert.deepEqual(again.problems, []);
      device.configure(syncChange(again, device.status(), endpointOf), NOW);
      assert.equal(textOf(printConfig(device.status())), textOf(printed), "syncconf of showconf");
      device.takeOutputs();
      return config.peers.length === 0 ? "no peer" : "peers";
    };
  },
};
