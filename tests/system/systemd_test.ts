/**
 * The units under systemd as process 1, in a clean Debian with the package: started at boot,
 * killed, stuck, reloaded and stopped; with a full tunnel, hooks, systemd-resolved and an rdomain.
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { ensureBuilt } from "../../scripts/built.ts";
import { eventually } from "../../scripts/netlab.ts";
import { release } from "../../scripts/release.ts";
import { DebianMachine } from "./debian_machine.ts";
import { needs } from "./needs.ts";
import { ping } from "./peers.ts";

const NEEDED = needs(
  "root",
  "namespaces",
  "tun",
  "ip",
  "ping",
  "nft",
  "debian-root",
  "systemd-nspawn",
);

/** The interfaces, their units, and a watchdog that bites soon. */
const CONFIGURE = `
umask 077
mkdir /etc/wireguard
wg genkey | tee /etc/wireguard/wg1.key | wg pubkey
printf 'rdomain 3\\nwgport 7112\\ninet 10.9.1.1/24\\n' >/etc/hostname.wg3
for unit in wg@ wg-ifconfig@; do
  mkdir -p /etc/systemd/system/$unit.service.d
  printf '[Service]\\nWatchdogSec=3\\nRestartSec=100ms\\n' >/etc/systemd/system/$unit.service.d/soon.conf
done
systemctl --quiet enable wg@wg1 wg-ifconfig@wg3
`;

const UNITS = ["wg@wg1", "wg-ifconfig@wg3"];

Deno.test("systemd starts, watches, restarts, reloads and stops interfaces", NEEDED, async () => {
  const folder = await Deno.makeTempDir();
  const machine = await DebianMachine.open();
  await using _room = machine.room;
  try {
    const executable = await ensureBuilt(true);
    const name = (await release(folder, { executable })).find((one) => one.endsWith(".deb"));
    await machine.mount();
    await machine.must(`dpkg -i ${await machine.bring(`${folder}/${name}`)}`);
    const key = (await machine.must(CONFIGURE)).trim();
    const file = `[Interface]
PrivateKey = $(cat /etc/wireguard/wg1.key)
ListenPort = 7111
Address = 192.168.5.1/24
DNS = 192.168.5.53, corp.example
PostUp = logger up-%i
PostDown = logger down-%i
[Peer]
PublicKey = ${await machine.peer(key)}
Endpoint = 10.0.0.2:7222
AllowedIPs = 0.0.0.0/0
`;
    await machine.must(`umask 077 && cat >/etc/wireguard/wg1.conf <<END\n${file}END`);
    await machine.unmount();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  const off = await machine.boot();
  try {
    await lifeOfUnits(machine);
  } finally {
    await off();
  }
});

async function lifeOfUnits(machine: DebianMachine): Promise<void> {
  const property = async (unit: string, name: string) =>
    (await machine.must(`systemctl show --property=${name} --value ${unit}`)).trim();
  const journal = (unit: string) => machine.must(`journalctl --no-pager -o cat -u ${unit}`);
  const isActive = async (unit: string) => await property(unit, "ActiveState") === "active";
  const daemon = async (unit: string) => Number(await property(unit, "MainPID"));

  // They are up after the boot, with their whole configuration, and know their main process.
  for (const unit of UNITS) {
    ok(await isActive(unit), await journal(unit));
    match(await property(unit, "StatusText"), /^wg[13] is up$/);
    const words = await machine.must(`tr '\\0' ' ' </proc/${await daemon(unit)}/cmdline`);
    match(words, / daemon wg[13] ?$/);
    equal(/is not our child/.test(await journal(unit)), false);
    // The filter of system calls of systemd-nspawn has no Landlock; all else was given up.
    const given = /rights that could not be given up: (.*)/.exec(await journal(unit))?.[1];
    ok(given === undefined || given === "landlock (EPERM)", given);
  }
  await ping(machine.room, "left", "192.168.5.2");
  match(await machine.must("resolvectl dns wg1"), /: 192\.168\.5\.53$/m);
  match(await machine.must("resolvectl domain wg1"), /: ~\. corp\.example$/m);
  match(await machine.must("ip netns exec rdomain3 ip -br address show wg3"), / 10\.9\.1\.1\/24/);
  match(await journal("wg@wg1"), /^wg1: wg \S+ is up: port 7111,/m);
  match(await machine.must("journalctl --no-pager -o cat"), /^up-wg1$/m);

  // A killed process, and one that is stuck: the unit starts another one with the configuration.
  for (const [signal, result] of [["KILL", "signal"], ["STOP", "watchdog"]]) {
    for (const unit of UNITS) {
      const before = await daemon(unit);
      await machine.must(`kill -s ${signal} ${before}`);
      await eventually(`the end of ${unit} by SIG${signal}`, async () => {
        return (await journal(unit)).includes(`Failed with result '${result}'`);
      });
      await eventually(`${unit} is back after SIG${signal}`, async () => {
        return ![0, before].includes(await daemon(unit)) && await isActive(unit);
      });
    }
    await ping(machine.room, "left", "192.168.5.2");
    match(await machine.must("ip netns exec rdomain3 ip -br address show wg3"), / 10\.9\.1\.1\/24/);
  }

  // Reloaded: the change is there, and the process is the same.
  const before = await Promise.all(UNITS.map(daemon));
  await machine.must("sed -i s/7111/7211/ /etc/wireguard/wg1.conf");
  await machine.must("sed -i s/7112/7212/ /etc/hostname.wg3");
  await machine.must(`systemctl reload ${UNITS.join(" ")}`);
  match(await machine.must("wg show wg1"), /^ {2}listening port: 7211$/m);
  match(await machine.must("wg show wg3"), /^ {2}listening port: 7212$/m);
  deepEqual(await Promise.all(UNITS.map(daemon)), before);

  // A reload that fails changes nothing, and the unit stays up.
  await machine.must("echo Jc = 4 >>/etc/wireguard/wg1.conf");
  equal((await machine.run("systemctl reload wg@wg1")).code, 1);
  match(await journal("wg@wg1"), /wg1\.conf:\d+: Jc: unknown key/);
  ok(await isActive("wg@wg1"));

  // The services about interfaces start, stay, know wg1 and stop.
  const others = ["wg-metrics", "wg-usage", "wg-events"];
  await machine.must(`systemctl start ${others.join(" ")}`);
  const ask = "exec 3<>/dev/tcp/127.0.0.1/9586; printf 'GET /metrics HTTP/1.0\\r\\n" +
    "Host: localhost\\r\\n\\r\\n' >&3; cat <&3";
  match(await machine.must(`bash -c "${ask}"`), /^HTTP\/1\.[01] 200 [^]*\{[^}\n]*"wg1"/);
  for (const unit of others) {
    ok(await isActive(unit), await journal(unit));
    equal(await property(unit, "NRestarts"), "0", unit);
  }
  await machine.must(`systemctl stop ${others.join(" ")}`);

  // Stopped: nothing is left, and no unit has failed.
  await machine.must(`systemctl stop ${UNITS.join(" ")}`);
  for (const unit of UNITS) equal(await property(unit, "ActiveState"), "inactive");
  const rules = (await machine.must("ip rule; ip netns; nft list ruleset; ip -br link")).split(
    "\n",
  );
  deepEqual(rules.map((line) => line.split(/[\s@]/)[0]), [
    "0:",
    "32766:",
    "32767:",
    "lo",
    "cable",
    "",
  ]);
  match(await machine.must("journalctl --no-pager -o cat"), /^down-wg1$/m);
  equal(await machine.must("ls -A /run/wireguard"), "");
  equal(await machine.must("systemctl --failed --no-legend --plain"), "");
}
