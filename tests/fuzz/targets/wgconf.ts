/**
 * Configuration files of wg(8), from the bytes to a change of a device and back.
 * @module
 */
import assert from "node:assert/strict";
import { milliseconds } from "../../../lib/base/brands.ts";
import { ConfigError } from "../../../lib/base/errors.ts";
import { HandshakeMemory } from "../../../lib/base/handshake_memory.ts";
import { PeerTable } from "../../../lib/base/peer_table.ts";
import { Device } from "../../../lib/device/device.ts";
import { chooseSuite } from "../../../lib/runtime/crypto.ts";
import { setChange, syncChange } from "../../../lib/wgconf/change.ts";
import { formatProblem, parseWgConfig, wipeConfig } from "../../../lib/wgconf/parse.ts";
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
