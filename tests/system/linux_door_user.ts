/**
 * A program for linux_door_test.ts, as a user of lib/linux.ts writes one: it makes wg7, asks and
 * changes it, and ends it.
 * @module
 */
import assert from "node:assert/strict";
import {
  destroyDaemon,
  formatRange,
  getDevice,
  interfaceExists,
  interfaceNames,
  makePrivateKey,
  OsError,
  parseEndpoint,
  parseRange,
  publicFacts,
  publicKeyOf,
  readLog,
  setDevice,
  setLinkUp,
  spawnDaemon,
} from "../../lib/linux.ts";

const isError = (code: string) => (error: unknown) =>
  error instanceof OsError && error.code === code;

const privateKey = makePrivateKey();
const publicKey = publicKeyOf(makePrivateKey());
const pid = await spawnDaemon("wg7", { privateKey, listenPort: 7007, debug: true });
assert.ok(pid > 1 && interfaceExists("wg7"));
assert.deepEqual(interfaceNames(), ["wg7"]);
await assert.rejects(spawnDaemon("wg8", { listenPort: 7007 }), isError("EADDRINUSE"));
assert.deepEqual(interfaceNames(), ["wg7"]);

const range = parseRange("10.7.0.0/24") ?? assert.fail();
const endpoint = parseEndpoint("127.0.0.1:7070") ?? assert.fail();
await setDevice("wg7", {
  peers: [{ publicKey, endpoint, allowedIps: [range], persistentKeepalive: 5 }],
});
await setLinkUp("wg7", true);
const status = await getDevice("wg7");
assert.deepEqual([status.pid, status.listenPort, status.up], [pid, 7007, true]);
assert.deepEqual(status.publicKey, publicKeyOf(privateKey));
assert.deepEqual(status.peers.map(({ allowedIps }) => allowedIps.map(formatRange)), [[
  "10.7.0.0/24",
]]);
assert.deepEqual(publicFacts("wg7")?.peers, []);
const log = await readLog("wg7");
assert.ok(
  log.some(({ text }) => text.includes("Sending handshake initiation to peer 1")),
  JSON.stringify(log),
);

await destroyDaemon("wg7");
assert.deepEqual(interfaceNames(), []);
await assert.rejects(getDevice("wg7"), isError("ENXIO"));
console.log("done");
