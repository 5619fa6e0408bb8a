/**
 * This program beside another implementation of WireGuard: ours is wg1 in the namespace `left`, the
 * other one wg9 in `right`, configured by Debian's wg(8). interop_test.ts runs the scenarios with
 * Debian's wireguard-go, and scripts/interop.ts with all that can be built.
 * @module
 */
import { equal, match, ok } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { eventually, type Room, type Running } from "../../scripts/netlab.ts";
import { cable, may, must, ping, publicKey, randomKey } from "./peers.ts";

/** Another implementation. */
export interface Other {
  readonly title: string;
  /** The program with its arguments, before the name of the interface. It stays. */
  readonly command: readonly string[];
}

/** Something that both sides have to do together. */
export interface Scenario {
  /** What is shown, for the table. */
  readonly what: string;
  /** Whether it takes minutes, because it waits for the other side's own times. */
  readonly slow?: boolean;
  /** @returns `yes`, or what is to be said in its place */
  run(room: Room, other: Other): Promise<string>;
}

/** A session is looked for this long, under any load of the machine. */
const LONG_MS = 60_000;
const FLOOD_SECONDS = 60;
/**
 * Initiations a second, tried in this order until the flooded side makes cookies. More than the
 * machine can take would leave it no time for those who answer with a cookie.
 */
const FLOOD_RATES = [2_000, 4_000, 8_000, 16_000, 32_000];
/** The other side's key, so that its public key is known where it does not tell it. */
const THEIR_KEY = randomKey();
const WG8 = "/usr/bin/wg";

interface Plan {
  /** The addresses outside: IPv4 or IPv6. */
  readonly outside?: 4 | 6;
  /** Starts our interface in place of `ifconfig wg1 create`; it has port 7111 and this key. */
  readonly ours?: (key: string, peer: string) => Promise<void>;
}

/**
 * Starts the other implementation, and makes it and ours each other's peers, with a psk. Both know
 * the other's endpoint: who has something to send begins.
 */
async function beside(room: Room, other: Other, plan: Plan = {}): Promise<void> {
  await cable(room);
  const { outside = 4 } = plan;
  const [ours, theirs] = outside === 4 ? ["10.0.0.1", "10.0.0.2"] : ["fd00::1", "fd00::2"];
  const [key, psk] = [randomKey(), randomKey()];
  await room.output(["mkdir", "-p", "/run/wireguard"]);
  await room.output(["sh", "-c", "umask 077; cat >/run/key"], { stdin: `${THEIR_KEY}\n` });
  await room.output(["sh", "-c", "umask 077; cat >/run/psk"], { stdin: `${psk}\n` });
  const running = room.spawn([...other.command, "wg9"], {
    netns: "right",
    env: { LOG_LEVEL: "error", WG_LOG_LEVEL: "error" },
  });
  await eventually(
    `${other.title} answers (${running.output()})`,
    async () => (await may(room, `${WG8} show wg9`, "right")).code === 0,
    LONG_MS,
  );
  await must(room, `${WG8} set wg9 listen-port 7999 private-key /run/key`, "right");
  const theirKey = await publicOf(THEIR_KEY);
  if (plan.ours === undefined) {
    await must(room, `ifconfig wg1 create wgport 7111 wgkey ${key}`, "left");
  } else {
    await plan.ours(
      key,
      `public_key=${Uint8Array.fromBase64(theirKey).toHex()}\npreshared_key=${
        Uint8Array.fromBase64(psk).toHex()
      }\nendpoint=${theirs}:7999\nallowed_ip=192.168.5.9/32\nallowed_ip=fd05::9/128\n`,
    );
  }
  const ourKey = await publicOf(key);
  const at = (address: string, port: number) =>
    address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
  const toUs = `endpoint ${at(ours, 7111)}`;
  await must(
    room,
    `${WG8} set wg9 peer ${ourKey} preshared-key /run/psk ${toUs} allowed-ips 192.168.5.1/32,fd05::1/128`,
    "right",
  );
  for (const [netns, name, host] of [["right", "wg9", 9], ["left", "wg1", 1]] as const) {
    await must(room, `ip address add 192.168.5.${host}/24 dev ${name}`, netns);
    await must(room, `ip address add fd05::${host}/64 dev ${name} nodad`, netns);
    await must(room, `ip link set ${name} mtu 1420 up`, netns);
  }
  if (plan.ours !== undefined) return;
  await must(
    room,
    `ifconfig wg1 wgpeer ${theirKey} wgpsk ${psk} wgendpoint ${theirs} 7999 wgaip 192.168.5.9/32 wgaip fd05::9/128`,
    "left",
  );
}

/** X25519 of the base point, by the runtime: the public key of a private one. */
async function publicOf(key: string): Promise<string> {
  const pkcs8 = new Uint8Array([
    ...Uint8Array.fromHex("302e020100300506032b656e04220420"),
    ...Uint8Array.fromBase64(key),
  ]);
  const imported = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "X25519" }, true, [
    "deriveBits",
  ]);
  const { x } = await crypto.subtle.exportKey("jwk", imported);
  return Uint8Array.fromBase64(x ?? "", { alphabet: "base64url" }).toBase64();
}

/** Pings both ways, IPv4 and IPv6, and with packets of more than one datagram. */
async function talk(room: Room, first: "left" | "right"): Promise<void> {
  const sides = [["left", "192.168.5.9", "fd05::9"], ["right", "192.168.5.1", "fd05::1"]] as const;
  for (const [netns, inet, inet6] of first === "left" ? sides : sides.toReversed()) {
    await ping(room, netns, inet);
    await ping(room, netns, inet6);
    await must(room, `ping -n -c 2 -i 0.2 -W 60 -s 4000 ${inet}`, netns);
  }
}

/** The one peer's counter of ours; 0 when it is not shown. */
async function counter(room: Room, name: string): Promise<number> {
  const shown = await must(room, "ifconfig wg1 hwfeatures", "left");
  return Number(new RegExp(`\\t${name} (\\d+)\\n`).exec(shown)?.[1] ?? 0);
}

/** When the last handshake was, as our side tells: some tell an age in place of a time. */
async function lastHandshake(room: Room): Promise<number> {
  const told = await must(room, `${WG8} show wg1 latest-handshakes`, "left");
  return Number(told.trim().split("\t")[1]);
}

/**
 * Sends so many initiations of strangers a second to a side, from the other one, while `during`
 * runs. Returns its result.
 */
async function flooded<T>(
  room: Room,
  to: "ours" | "theirs",
  rate: number,
  during: () => Promise<T>,
): Promise<T> {
  const [netns, from, target, via] = to === "ours"
    ? ["right", "left", ["10.0.0.1", "7111"], "10.0.0.2"] as const
    : ["left", "right", ["10.0.0.2", "7999"], "10.0.0.1"] as const;
  // The flood's sources can be answered.
  await must(room, `ip -n ${netns} route replace local 10.1.0.0/16 dev lo`);
  await must(room, `ip -n ${from} route replace 10.1.0.0/16 via ${via}`);
  const key = to === "ours" ? await publicKey(room, "wg1") : await publicOf(THEIR_KEY);
  const script = ["run", "-A", `--config=${ROOT}deno.json`, `${ROOT}scripts/bench/flood_load.ts`];
  const words = ["initiations", ...target, key, String(FLOOD_SECONDS), String(rate)];
  const running = room.spawn([Deno.execPath(), ...script, ...words], {
    netns,
    env: { HOME: Deno.env.get("HOME") ?? "/root" },
  });
  const wire = async () =>
    JSON.parse(await must(room, `ip -n ${from} -s -j link show cable`))[0].stats64.rx.packets;
  const before = await wire();
  await eventually("the flood", async () => await wire() > before + rate / 2, LONG_MS);
  try {
    return await during();
  } finally {
    running.signal("SIGKILL");
    await running.status;
  }
}

export const SCENARIOS: readonly Scenario[] = [
  {
    what: "we begin, with a preshared key",
    async run(room, other) {
      await beside(room, other);
      await talk(room, "left");
      return "yes";
    },
  },
  {
    what: "it begins, with a preshared key",
    async run(room, other) {
      await beside(room, other);
      await talk(room, "right");
      return "yes";
    },
  },
  {
    what: "we begin, over IPv6",
    async run(room, other) {
      await beside(room, other, { outside: 6 });
      await talk(room, "left");
      match(await must(room, `${WG8} show wg9 endpoints`, "right"), /\t\[fd00::1\]:7111\n/);
      return "yes";
    },
  },
  {
    what: "it begins, over IPv6",
    async run(room, other) {
      await beside(room, other, { outside: 6 });
      await talk(room, "right");
      match(await must(room, "ifconfig wg1", "left"), /\twgendpoint fd00::2 7999\n/);
      return "yes";
    },
  },
  {
    what: "it follows us to a new address",
    async run(room, other) {
      await beside(room, other);
      await ping(room, "left", "192.168.5.9");
      const handshake = await lastHandshake(room);
      await must(room, "ip -n left address del 10.0.0.1/24 dev cable");
      await must(room, "ip -n left address add 10.0.0.11/24 dev cable");
      await ping(room, "left", "192.168.5.9");
      match(await must(room, `${WG8} show wg9 endpoints`, "right"), /\t10\.0\.0\.11:7111\n/);
      equal(await lastHandshake(room), handshake, "the session went on");
      return "yes";
    },
  },
  {
    // Some do not notice when an address from which they send is taken off the machine.
    what: "we follow it to a new port",
    async run(room, other) {
      await beside(room, other);
      await ping(room, "right", "192.168.5.1");
      const handshake = await lastHandshake(room);
      await must(room, `${WG8} set wg9 listen-port 8999`, "right");
      await ping(room, "right", "192.168.5.1");
      match(await must(room, "ifconfig wg1", "left"), /\twgendpoint 10\.0\.0\.2 8999\n/);
      await ping(room, "left", "192.168.5.9");
      equal(await lastHandshake(room), handshake, "the session went on");
      return "yes";
    },
  },
  {
    what: "we renew the session under packets, each 1.2 s",
    async run(room, other) {
      let interfaceOfOurs: Running | undefined;
      await beside(room, other, {
        async ours(key, peer) {
          const hex = Uint8Array.fromBase64(key).toHex();
          await room.output(["sh", "-c", "umask 077; cat >/run/wg1.set"], {
            stdin: `private_key=${hex}\nlisten_port=7111\n${peer}\n`,
          });
          const program = `${ROOT}tests/system/short_times_interface.ts`;
          const argv = [Deno.execPath(), "run", "-A", "--quiet", "--no-check", program, "wg1", "1"];
          const running = room.spawn(["sh", "-c", 'exec "$@" </run/wg1.set', "sh", ...argv], {
            netns: "left",
          });
          await running.wrote("ready\n");
          interfaceOfOurs = running;
        },
      });
      await ping(room, "left", "192.168.5.9");
      const pings = await must(room, "ping -n -q -c 100 -i 0.06 -W 60 192.168.5.9", "left");
      const received = Number(/(\d+) received/.exec(pings)?.[1]);
      ok(received >= 98, pings);
      const sessions = interfaceOfOurs?.output().match(/Receiving handshake response/g) ?? [];
      ok(sessions.length >= 3, interfaceOfOurs?.output());
      return "yes";
    },
  },
  {
    what: "it renews the session under packets, after 120 s",
    slow: true,
    async run(room, other) {
      await beside(room, other);
      await ping(room, "right", "192.168.5.1");
      const first = await lastHandshake(room);
      const pings = room.spawn(["ping", "-n", "-i", "0.2", "-W", "2", "192.168.5.1"], {
        netns: "right",
      });
      await eventually("a new session", async () => await lastHandshake(room) > first, 200_000);
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      pings.signal("SIGINT");
      await pings.status;
      const [, sent, received] =
        /(\d+) packets transmitted, (\d+) received/.exec(pings.output())?.map(Number) ?? [];
      ok(sent > 500 && received >= sent - 3, pings.output().slice(-300));
      return "yes";
    },
  },
  {
    what: "under a flood we send it a cookie, and it uses it",
    async run(room, other) {
      await beside(room, other);
      for (const rate of FLOOD_RATES) {
        const isDone = await flooded(room, "ours", rate, async () => {
          const until = performance.now() + 5_000;
          while (await counter(room, "cookie_sent") === 0) {
            if (performance.now() > until) return false;
          }
          await must(room, "ping -n -c 1 -w 50 -W 50 192.168.5.1", "right");
          return true;
        });
        if (isDone) return "yes";
      }
      return "we need none";
    },
  },
  {
    what: "under a flood it sends us a cookie, and we use it",
    async run(room, other) {
      await beside(room, other);
      for (const rate of FLOOD_RATES) {
        const { code } = await flooded(
          room,
          "theirs",
          rate,
          () => may(room, "ping -n -c 1 -w 50 -W 50 192.168.5.9", "left"),
        );
        const came = await counter(room, "cookie_accepted");
        if (code !== 0) {
          const lost = await counter(room, "cookie_forged") +
            await counter(room, "cookie_unknown_index");
          equal(came + lost, 0, "cookies came, and did not help");
          return `none, and no response at ${rate}/s`;
        }
        if (came > 0) return "yes";
        // The next handshake is a new one.
        for (const state of ["down", "up"]) await must(room, `ifconfig wg1 ${state}`, "left");
      }
      return "none";
    },
  },
];
