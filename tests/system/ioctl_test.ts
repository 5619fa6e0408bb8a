/**
 * SIOCSWG and SIOCGWG of the library against a running daemon.
 * @module
 */
import { equal, match } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { needs } from "./needs.ts";
import { must, wgRoom } from "./peers.ts";

Deno.test(
  "SIOCSWG and SIOCGWG: sizes, every flag, every errno, and what nobody is told",
  needs("namespaces", "tun", "ip", "root"),
  async () => {
    await using room = await wgRoom();
    await must(room, "ifconfig wg1 create");
    await must(room, "ifconfig wg2 create wgport 7002");
    const argv = [
      Deno.execPath(),
      "run",
      "-A",
      "--unstable-net",
      "--quiet",
      "--no-check",
      `${ROOT}tests/system/ioctl_user.ts`,
    ];
    equal(await room.output(argv), "done\n");
    match(await must(room, "ifconfig wg1"), /\twgport 7009\n\twgrtable 6\n/);
  },
);
