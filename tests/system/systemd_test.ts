/**
 * The units under systemd as process 1, in a clean Debian with the package: started at boot,
 * killed, stuck, reloaded and stopped; with a full tunnel, hooks, systemd-resolved and an rdomain.
 */
import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { ensureBuilt, ROOT } from "../../scripts/built.ts";
import { eventually } from "../../scripts/netlab.ts";
import { release } from "../../scripts/release.ts";
import { DebianMachine } from "./debian_machine.ts";
import { needs } from "./needs.ts";
import { ping } from "./peers.ts";
import { sleep } from "./running.ts";

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
    await besideAdministrators(machine);
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

/** What an administrator does by hand with interfaces of units, and beside them. */
async function besideAdministrators(machine: DebianMachine): Promise<void> {
  const property = async (unit: string, name: string) =>
    (await machine.must(`systemctl show --property=${name} --value ${unit}`)).trim();
  const state = async (unit: string) => await property(unit, "ActiveState");
  const journal = (unit: string) => machine.must(`journalctl --no-pager -o cat -u ${unit}`);
  const isThere = async (link: string) => (await machine.run(`wg show ${link}`)).code === 0;
  const around = async () =>
    (await machine.must("ip rule; ip -6 rule; nft list ruleset; resolvectl dns; resolvectl domain"))
      .replaceAll(/^Link [0-9]+ /gm, "");
  await machine.must("sed -i /^Jc/d /etc/wireguard/wg1.conf");
  // systemd-nspawn lets units write there, and nobody else.
  await machine.must("mount -o remount,bind,rw /proc/sys");
  await machine.must(`systemctl start ${UNITS.join(" ")}`);

  // `wg restart` keeps what was changed by hand and what is around the interface. The new process
  // is the one that systemd watches.
  const key = (await machine.must("wg genkey | wg pubkey")).trim();
  await machine.must(`wg set wg1 peer ${key}`);
  await machine.must(`wg set wg3 peer ${key}`);
  const [before, old] = [
    await around(),
    await Promise.all(UNITS.map((u) => property(u, "MainPID"))),
  ];
  await machine.must("wg restart wg1 wg3");
  equal(await around(), before);
  for (const name of ["wg1", "wg3"]) {
    ok((await machine.must(`wg show ${name} peers`)).includes(key), name);
  }
  match(await machine.must("ip netns exec rdomain3 ip -br address show wg3"), / 10\.9\.1\.1\/24/);
  await ping(machine.room, "left", "192.168.5.2");
  // Longer than the watchdog waits.
  await sleep(4_000);
  for (const [at, unit] of UNITS.entries()) {
    equal(await state(unit), "active", await journal(unit));
    equal(await property(unit, "NRestarts"), "0", await journal(unit));
    const main = await property(unit, "MainPID");
    notEqual(main, old[at]);
    match(await machine.must(`tr '\\0' ' ' </proc/${main}/cmdline`), / daemon wg[13] /);
    match(await machine.must(`cat /proc/${main}/cgroup`), new RegExp(`/${unit}\\.service$`, "m"));
    await machine.must(`kill -s KILL ${main}`);
    await eventually(`${unit} is back`, async () => {
      return await property(unit, "NRestarts") === "1" && await state(unit) === "active";
    });
  }

  // An end that was asked for is a success, and stays.
  await machine.must("wg quick down wg1");
  await machine.must("wg ifconfig wg3 destroy");
  for (const unit of UNITS) {
    await eventually(`the end of ${unit}`, async () => {
      ok(await state(unit) !== "failed", await journal(unit));
      return await state(unit) === "inactive";
    });
  }
  await sleep(1_000);
  for (const unit of UNITS) equal(await state(unit), "inactive", await journal(unit));
  ok(!await isThere("wg1") && !await isThere("wg3"));

  // What was brought up by hand is not the unit's.
  await machine.must("wg quick up wg1");
  const byHand = await around();
  ok((await machine.run("systemctl start wg@wg1")).code !== 0);
  await eventually("the unit gives up", async () => await state("wg@wg1") === "failed");
  match(await journal("wg@wg1"), /wg1: the interface exists already/);
  equal(await around(), byHand);
  await ping(machine.room, "left", "192.168.5.2");
  await machine.must("wg quick down wg1; systemctl reset-failed wg@wg1");

  // Commands of a file get what the README's drop-in gives them.
  const hooks = "touch /usr/hook /home/hook /tmp/hook && ip netns add hook && " +
    "grep -q NoNewPrivs:.0 /proc/self/status";
  const [, dropIn] = /```ini\n(\[Service\][^`]*)```/.exec(
    await Deno.readTextFile(`${ROOT}README.md`),
  )!;
  await machine.must(`printf '[Interface]\nPostUp = ${hooks}\n' >/etc/wireguard/wg7.conf`);
  ok((await machine.run("systemctl start wg@wg7")).code !== 0);
  await machine.must(
    "systemctl stop wg@wg7; cat >/etc/systemd/system/wg@.service.d/hooks.conf",
    dropIn,
  );
  await machine.must("systemctl daemon-reload; systemctl reset-failed; systemctl start wg@wg7");
  await machine.must("ls /usr/hook /home/hook /tmp/hook && ip netns delete hook");
  await machine.must("systemctl stop wg@wg7; rm /etc/systemd/system/wg@.service.d/hooks.conf");
  await machine.must("systemctl daemon-reload");

  // An interface of several in a unit stays in it.
  await machine.must("echo wgport 7114 >/etc/hostname.wg4; chmod 600 /etc/hostname.wg4");
  await machine.must("systemctl start wg-netstart; wg restart wg4");
  ok(await isThere("wg4") && await isThere("wg3"));
  await machine.must("systemctl stop wg-netstart");
  await eventually("the end", async () => !await isThere("wg4") && !await isThere("wg3"));

  // A process that the unit itself runs cannot be replaced.
  await machine.must("systemd-run --quiet --unit=front wg -f wg5");
  await eventually("the interface", async () => await isThere("wg5"));
  match(
    (await machine.run("wg restart wg5")).stderr,
    /^wg: wg5: .* restart front\.service instead/,
  );
  equal(await state("front"), "active");
  await machine.must("systemctl stop front");

  // What runs from the program is named with what ends it.
  await machine.must("wg install --force; systemctl start wg-metrics; wg ifconfig wg6 create");
  match(
    (await machine.run("/usr/local/bin/wg uninstall")).stderr,
    /wg-metrics\.service \(systemctl disable --now wg-metrics\.service\), wg6 \(wg ifconfig wg6 destroy\)/,
  );
}
