/**
 * A program for clone_test.ts: sends an event with one variable, its argument, to all who listen to
 * the kernel's events in its network namespace.
 * @module
 */
import { checked } from "../../ffi/errno.ts";
import * as libc from "../../ffi/libc.ts";
import { AF_NETLINK, sockaddrNetlink } from "../../ffi/structs.ts";

const NETLINK_KOBJECT_UEVENT = 15;
const GROUP_KERNEL = 1;

const fd = checked(libc.socket(AF_NETLINK, libc.SOCK_RAW, NETLINK_KOBJECT_UEVENT), "socket", "");
checked(libc.connect(fd, sockaddrNetlink(0, GROUP_KERNEL)), "connect", "uevent");
const event = `change@/devices/vmgenid\0ACTION=change\0${Deno.args[0]}\0`;
checked(libc.send(fd, new TextEncoder().encode(event)), "send", "uevent");
