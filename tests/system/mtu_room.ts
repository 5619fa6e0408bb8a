/**
 * A path with a router: left - middle - right, where the second link has an MTU of its own.
 * @module
 */
import type { Room } from "../../scripts/netlab.ts";
import { must, wgRoom } from "./peers.ts";

/**
 * A room with the namespaces: left 10.0.1.1 and fd01::1, right 10.0.2.2 and fd02::2.
 * @param mtu of the second link, in bytes
 */
export async function routedRoom(mtu: number): Promise<Room> {
  const room = await wgRoom();
  for (const name of ["left", "middle", "right"]) await room.namespace(name);
  await room.link(
    { netns: "left", name: "near", addresses: ["10.0.1.1/24", "fd01::1/64"] },
    { netns: "middle", name: "near", addresses: ["10.0.1.9/24", "fd01::9/64"] },
  );
  await room.link(
    { netns: "middle", name: "far", addresses: ["10.0.2.9/24", "fd02::9/64"] },
    { netns: "right", name: "far", addresses: ["10.0.2.2/24", "fd02::2/64"] },
  );
  await setFarMtu(room, mtu);
  const forward = "echo 1 >/proc/sys/net/ipv4/ip_forward; " +
    "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding";
  await room.output(["sh", "-c", forward], { netns: "middle" });
  await must(room, "ip route add default via 10.0.1.9", "left");
  await must(room, "ip -6 route add default via fd01::9", "left");
  await must(room, "ip route add default via 10.0.2.9", "right");
  await must(room, "ip -6 route add default via fd02::9", "right");
  return room;
}

/** Sets the MTU of the second link, at both ends. */
export async function setFarMtu(room: Room, mtu: number): Promise<void> {
  for (const netns of ["middle", "right"]) await must(room, `ip link set far mtu ${mtu}`, netns);
}
