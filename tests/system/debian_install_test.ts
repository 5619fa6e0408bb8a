/**
 * A clean Debian: install, use beside a peer, uninstall. Afterwards every file is as before.
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { ensureBuilt } from "../../scripts/built.ts";
import { release } from "../../scripts/release.ts";
import { DebianMachine } from "./debian_machine.ts";
import { needs } from "./needs.ts";
import { must, ping } from "./peers.ts";

const NEEDED = needs("root", "namespaces", "tun", "ip", "ping", "debian-root");

/** The folder of configuration files, which is the administrator's. */
const CONFIGURE = `
umask 077
mkdir /etc/wireguard
cd /etc/wireguard
wg genkey | tee wg1.key | wg pubkey
`;

/** Files that dpkg(1), man-db and the clock of the machine change. */
const OF_OTHERS =
  /^(?:[0-9a-f]{64} {2})?\.\/var\/(?:lib\/dpkg\/[^/ ]+|log\/[^ ]+|cache\/man\/\S+|lib\/dpkg|cache\/man|log)(?: |$)/;

/** A tunnel by `wg quick`, what wg(8) shows of it, every manual page and the completion of bash. */
async function use(machine: DebianMachine, pages: readonly string[]): Promise<void> {
  const key = (await machine.must(CONFIGURE)).trim();
  const peer = await machine.peer(key);
  const file = `[Interface]
PrivateKey = $(cat wg1.key)
ListenPort = 7111
Address = 192.168.5.1/24
[Peer]
PublicKey = ${peer}
Endpoint = 10.0.0.2:7222
AllowedIPs = 192.168.5.2/32
`;
  await machine.must(`cd /etc/wireguard && umask 077 && cat >wg1.conf <<END\n${file}END`);
  await machine.must("wg quick up wg1");
  await ping(machine.room, "left", "192.168.5.2");
  await ping(machine.room, "right", "192.168.5.1");
  const shown = await machine.must("wg show wg1");
  match(shown, /^ {2}listening port: 7111$/m);
  match(shown, /^ {2}latest handshake: (Now|.* ago)$/m);
  match(await machine.must("wg quick status wg1"), /^wg1: up/);
  // A page of its own, and not one of another package with the same name.
  for (const page of pages) {
    match(await machine.must(`man -P cat ${page}`), /WireGuard|wg\(8\)|wg\(4\)/, page);
  }
  // bash-completion finds the script by the name of the command.
  const offers = `. /usr/share/bash-completion/bash_completion; _completion_loader wg;
    COMP_WORDS=(wg quick up w); COMP_CWORD=3; COMP_LINE='wg quick up w'; COMP_POINT=\${#COMP_LINE};
    complete -p wg; _wg; echo "\${COMPREPLY[@]}"`;
  match(
    await machine.must(`bash -c '${offers.replaceAll("'", `'"'"'`)}'`),
    /^complete .*-F _wg .*wg\nwg1( wg1)?\n$/,
  );
  await machine.must("wg quick down wg1");
  equal(await machine.must("ls /sys/class/net 2>/dev/null; ip -o link | grep -c wg1 || :"), "0\n");
  await must(machine.room, "ifconfig wg2 destroy", "right");
  await machine.must("rm -r /etc/wireguard");
}

/** The lines of two lists of files that are in one of them only. */
function difference(before: readonly string[], after: readonly string[]): string[] {
  const [old, fresh] = [new Set(before), new Set(after)];
  return [
    ...before.filter((line) => !fresh.has(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !old.has(line)).map((line) => `+ ${line}`),
  ].filter((line) => !OF_OTHERS.test(line.slice(2)));
}

Deno.test("wg install, use and wg uninstall leave a Debian as it was", NEEDED, async () => {
  const machine = await DebianMachine.open();
  await using _room = machine.room;
  await machine.mount();
  const before = await machine.files();
  const executable = await machine.bring(await ensureBuilt(true));

  // An ordinary user's attempt does nothing, and tells no step.
  const home = "mkdir -p /run/nobody && chown nobody /run/nobody";
  const asNobody = "setpriv --reuid nobody --clear-groups env HOME=/run/nobody";
  const denied = await machine.run(`${home} && ${asNobody} ${executable} install`);
  equal(denied.stdout, "");
  match(denied.stderr, /^wg: .*\(EACCES\)$/m);

  // A program of another package is not hidden by a link, and the links that were chosen stay.
  await machine.must("echo '#!/bin/sh' >/usr/bin/wg-quick; chmod 755 /usr/bin/wg-quick");
  const links = async (words: string) =>
    [...(await machine.must(`${executable} install ${words}`)).matchAll(/ \S+\/sbin\/(\S+) .*$/gm)]
      .map(([, name]) => name).sort();
  const all = ["ifconfig", "netstart", "netstat", "route", "wg-quick"];
  deepEqual(await links(""), ["netstart"]);
  await machine.must(`rm /usr/bin/wg-quick; ${executable} uninstall`);
  deepEqual(await links("--links all"), all);
  deepEqual(await links(""), []);
  await machine.must(`wg ifconfig >/dev/null && ifconfig -a >/dev/null; ${executable} uninstall`);

  const steps = await machine.must(`${executable} install`);
  match(steps, /^install \/usr\/local\/bin\/wg$/m);
  ok(difference(before, await machine.files()).length > 10);
  await use(machine, ["wg", "wg-quick", "wg-ifconfig", "wg-route", "wg-netstat", "netstart"]);
  // Not while something runs from it.
  await machine.must("wg ifconfig wg3 create");
  match(
    (await machine.run("wg uninstall")).stderr,
    /^wg: wg3 \(wg ifconfig wg3 destroy\): run from this program /,
  );
  await machine.must("wg ifconfig wg3 destroy");
  await machine.must("wg uninstall");
  deepEqual(difference(before, await machine.files()), []);
});

Deno.test(
  "the Debian package, installed, used and purged, leaves a Debian as it was",
  NEEDED,
  async () => {
    const folder = await Deno.makeTempDir();
    try {
      const executable = await ensureBuilt(true);
      const name = (await release(folder, { executable })).find((one) => one.endsWith(".deb"));
      const machine = await DebianMachine.open();
      await using _room = machine.room;
      await machine.mount();
      const before = await machine.files();
      const package_ = await machine.bring(`${folder}/${name}`);
      await machine.must(`dpkg -i ${package_}`);
      equal(await machine.must("dpkg --verify wg"), "");
      await use(machine, ["wg", "wg-quick", "wg-ifconfig", "hostname.if"]);
      await machine.must("dpkg --purge wg");
      deepEqual(difference(before, await machine.files()), []);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
