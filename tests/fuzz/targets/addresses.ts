/**
 * Texts of addresses, ranges and endpoints, of keys and names.
 * @module
 */
import assert from "node:assert/strict";
import { isIP } from "node:net";
import * as Ip from "../../../lib/base/ip_text.ts";
import { isHostName } from "../../../lib/base/host_name.ts";
import { checkInterfaceName } from "../../../lib/base/interface_name.ts";
import { checkDescription, parseGroups } from "../../../lib/base/labels.ts";
import * as Values from "../../../lib/cli/ifconfig/words/values.ts";
import { parseSockets } from "../../../lib/linux/sockets.ts";
import { KEY } from "../../cli/sources.ts";
import { randomEndpoint, randomRange } from "../../uapi/random_change.ts";
import { parsed, type Target, textTarget } from "../target.ts";

/** The text of a value. */
export const addresses: Target = textTarget({
  name: "addresses",
  covers: ["lib/base/", "lib/cli/ifconfig/words/values.ts"],
  bytesMax: 512,
  words: [
    "::",
    ":",
    ".",
    "%",
    "/",
    "[",
    "]",
    "0",
    "255",
    "256",
    "ffff",
    "10/8",
    "::ffff:",
    "]:",
    KEY,
  ],
  make: (chance) =>
    chance.oneOf([
      () => Ip.formatEndpoint(randomEndpoint(chance)),
      () => Ip.formatRange(randomRange(chance)),
      () => Ip.formatIp(randomRange(chance).address),
      () => `::ffff:${chance.int(256)}.0.2.1`,
      () => KEY,
      () => "0xffffff00",
    ])(),
  feed(text) {
    const ip = Ip.parseIp(text);
    if (ip !== undefined) assert.deepEqual(Ip.parseIp(Ip.formatIp(ip)), ip, "an address differs");
    const version = text.includes("%") ? 0 : isIP(text);
    assert.equal((ip?.length ?? 0) * 8, [0, 0, 0, 0, 32, 0, 128][version], "the runtime differs");
    const range = Ip.parseRange(text);
    if (range !== undefined) {
      assert.deepEqual(Ip.parseRange(Ip.formatRange(range)), range, "a range differs");
    }
    const endpoint = Ip.parseEndpoint(text);
    if (endpoint !== undefined) {
      assert.deepEqual(Ip.parseEndpoint(Ip.formatEndpoint(endpoint)), endpoint);
    }
    isHostName(text);
    parsed(() => checkInterfaceName(text), () => "", text);
    parsed(() => checkDescription("wgdescr", text), () => "", text);
    parsed(() => parseGroups(text), () => "", text);
    for (
      const parse of [Values.parseAllowedRange, Values.parseNetmask, Values.parseKeyText] as const
    ) {
      parsed(() => parse("word", text), () => "", text);
    }
    Values.parseAddressWithZone(text);
    return ip ? "address" : range ? "range" : endpoint ? "endpoint" : "refused";
  },
});

const SOCKET_ROW =
  "   0: 0100007F:1BC7 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12 1\n";

/** The kernel's tables of sockets. */
export const socketTable: Target = textTarget({
  name: "socket-table",
  covers: ["lib/linux/sockets.ts"],
  bytesMax: 8_192,
  words: [SOCKET_ROW, "0100007F:1BC7", "00000000000000000000000001000000:0016", " ", "0A"],
  make: (chance) => `  sl  local_address ...\n${SOCKET_ROW.repeat(chance.int(4))}`,
  feed(text) {
    let count = 0;
    for (const family of [4, 6] as const) {
      for (const socket of parseSockets(text, "tcp", family)) {
        count++;
        assert.equal(socket.localAddress.length, family === 4 ? 4 : 16);
        assert.equal(socket.remoteAddress.length, family === 4 ? 4 : 16);
        assert.ok(socket.localPort <= 0xffff && socket.remotePort <= 0xffff);
      }
    }
    return count === 0 ? "none" : "sockets";
  },
});
