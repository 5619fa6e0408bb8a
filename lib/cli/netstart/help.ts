/**
 * The help of netstart, and its unit for systemd.
 * @module
 */
import type { Manual } from "../manual.ts";

/** What netstart(8) and the help say. */
export const NETSTART_MANUAL: Manual = {
  name: "netstart",
  usage: ["[-nr] [-d directory] [interface ...]", "--print-unit"],
  about: [
    "Makes the wg interfaces that are not there and does what their hostname.if(5) files say: /etc/hostname.wg0 for " +
    "wg0, or those of another directory (-d). Without a name every hostname.wgN is taken, in the order of their " +
    "numbers. Doing it again changes nothing.",
    "A file with a wrong line is told as FILE:LINE and not done at all. A command that fails is told in the same " +
    "way, and the exit status is 1. In the end the default gateways of mygate in the same directory are added.",
  ],
  lists: [
    {
      heading: "Options",
      rows: [
        ["-n", "Print the commands instead of doing them; with -r what would change."],
        [
          "-r",
          "Reload: what runs and is not in the file goes, and what has not changed keeps its sessions and counters. " +
          "Without it such things are named and stay.",
        ],
        ["-d directory", "Where the files are, instead of /etc."],
        ["--print-unit", "Print a unit file for systemd: wg-netstart.service."],
      ],
    },
    {
      heading: "Lines of a file",
      rows: [
        ["inet [alias] address [netmask [broadcast | NONE]] [word ...]", "An IPv4 address."],
        ["inet6 [alias] address [prefixlen] [word ...]", "An IPv6 address."],
        ["dest address", "The other end of the address on the line before."],
        ["!command", "Run a command; $if is the interface's name."],
        ["# comment", "Nothing."],
        ["word ...", "Anything that ifconfig takes: wg help ifconfig."],
      ],
    },
  ],
  notes: [
    "$NAME, $(command) and backquotes in a line are evaluated by sh. ifconfig, route, netstat and netstart are ours, " +
    "by these names and as /sbin/route and the like.",
  ],
  literals: ["inet", "inet6", "alias", "NONE", "dest", "#", "!command"],
};

/**
 * The unit file. The daemons stay in the service's control group: stopping it ends them with SIGTERM, which removes their interfaces.
 * A start that fails would end them too, so that one file's mistake is not taken for a failed start.
 * @param program the path of the executable
 */
export function systemdUnit(program: string): string {
  return `# Put this into /etc/systemd/system/wg-netstart.service, then: systemctl enable --now wg-netstart
[Unit]
Description=WireGuard interfaces of /etc/hostname.wg*
Documentation=man:hostname.if(5) man:wg(4)
Wants=network-online.target nss-lookup.target
After=network-online.target nss-lookup.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=-${program} netstart
ExecReload=${program} netstart -r
KillMode=control-group
KillSignal=SIGTERM

[Install]
WantedBy=multi-user.target
`;
}
