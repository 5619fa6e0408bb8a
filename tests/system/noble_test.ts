/** A machine without libcrypto: the interface works, and its log says what that costs. */
import { match } from "node:assert/strict";
import { needs } from "./needs.ts";
import { must, ping, tunnel, WG, wgRoom } from "./peers.ts";

Deno.test(
  "without libcrypto the log says that handshakes do not take constant time",
  needs("root", "namespaces", "tun", "ip", "ping"),
  async () => {
    await using room = await wgRoom();
    const script = "for f in $(find /lib /lib64 /usr/lib /usr/local/lib -name 'libcrypto.so.*' " +
      "2>/dev/null); do mount --bind /dev/null $(readlink -f $f); done";
    await room.output(["sh", "-c", script]);
    await tunnel(room);
    match(await must(room, `${WG} dmesg wg1`), /not take constant time.*libcrypto/);
    match(await must(room, "ifconfig wg1 hwfeatures"), /noble/);
    await ping(room, "left", "192.168.5.2");
  },
);
