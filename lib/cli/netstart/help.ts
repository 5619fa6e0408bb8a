/**
 * The help of netstart, and its unit for systemd.
 * @module
 */
import type { Manual } from "../manual.ts";

/** The manual of `netstart`, for netstart(8) and the help. */
export const NETSTART_MANUAL: Manual = {
  name: "netstart",
  usage: ["[-nr] [-d directory] [interface ...]", "--print-unit"],
  about: [
    "Creates the wg interfaces and configures them from their hostname.if(5) files: " +
    "/etc/hostname.wg0 for wg0, or a file in another directory (-d). Without a name netstart " +
    "starts every interface that has a file, in the order of their numbers. Running it again " +
    "changes nothing.",
    "netstart reports a wrong line as FILE:LINE and does nothing with that file. It reports a " +
    "command that fails in the same way. The exit status is 1 in both cases. At the end " +
    "netstart adds the default gateways of the file mygate in the same directory.",
  ],
  lists: [
    {
      heading: "Options",
      rows: [
        [
          "-n",
          "Print the commands, with keys as they are in the file, and run nothing. With -r print " +
          "what would change, without keys.",
        ],
        [
          "-r",
          "Reload: remove what is in use but not in the file. Peers that have not changed keep " +
          "their sessions and counters. Without -r netstart only reports what is not in the " +
          "file.",
        ],
        ["-d directory", "Read the files of this directory instead of /etc."],
        ["--print-unit", "Print a unit file for systemd: wg-netstart.service."],
      ],
    },
    {
      heading: "Lines of a file",
      rows: [
        ["inet [alias] address [netmask [broadcast | NONE]] [word ...]", "An IPv4 address."],
        ["inet6 [alias] address [prefixlen] [word ...]", "An IPv6 address."],
        ["dest address", "The other end of the link whose address is on the line before."],
        ["!command", "Run a command. $if is the name of the interface."],
        ["# comment", "A comment, which is ignored."],
        ["word ...", "Any words of ifconfig (wg help ifconfig)."],
      ],
    },
  ],
  notes: [
    "sh evaluates $NAME, $(command) and backquotes in a line. In a command, ifconfig, route, " +
    "netstat and netstart are the commands of wg, by these names and as /sbin/route and the " +
    "like.",
  ],
  literals: ["inet", "inet6", "alias", "NONE", "dest", "#", "!command"],
};

/**
 * The unit file. The daemons stay in the control group of the service: stopping the service sends
 * them SIGTERM, which destroys their interfaces. A failed start would end them too; the `-` before
 * the command of ExecStart keeps systemd from taking a mistake in one file for a failed start.
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
