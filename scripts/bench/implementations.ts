/**
 * What is measured: our own program and its rivals. Each knows whether it is on this machine, how
 * it is built, and how one end of a tunnel is set up with it.
 * @module
 */

import { fileURLToPath } from "node:url";
import { selfCommand } from "../../lib/daemon/program.ts";
import { ensureBuilt, ROOT } from "../built.ts";
import { installPackages, ipsecMbPath, missing } from "../facilities.ts";
import { type Host, run, sleep, until } from "./laboratory.ts";
import type { PlainPlan } from "./plain_loop.ts";
import { type KeyPair, makeKeyPair, peerLines, uapi } from "./uapi.ts";

/** Where rivals are built; git ignores it. */
const BUILD = `${ROOT}.bench/`;
const PLAIN_LOOP = fileURLToPath(import.meta.resolve("./plain_loop.ts"));
const WG = `${ROOT}wg`;

/** Name of the interface at both ends. */
export const INTERFACE = "wg1";
/** Its control socket, as seen on its host. */
export const SOCKET = `/run/wireguard/${INTERFACE}.sock`;
/** What fits into the veth's 1500 bytes with any outer header. */
const MTU = "1420";

/** One end of a tunnel, before it is set up. */
export interface EndPlan {
  readonly keys: KeyPair;
  readonly port: number;
  readonly peerKey: Uint8Array;
  readonly peerEndpoint: { readonly address: string; readonly port: number };
  readonly inet: string;
  readonly inet6: string;
  readonly peerInet: string;
  readonly peerInet6: string;
}

/** The two ends of a tunnel between two hosts. */
export async function planTunnel(
  left: Host,
  right: Host,
): Promise<{ left: EndPlan; right: EndPlan }> {
  const [leftKeys, rightKeys] = [await makeKeyPair(), await makeKeyPair()];
  const inside = { left: ["10.77.0.1", "fd77::1"], right: ["10.77.0.2", "fd77::2"] } as const;
  const plan = (
    keys: KeyPair,
    other: KeyPair,
    to: Host,
    own: readonly string[],
    peer: readonly string[],
  ): EndPlan => ({
    keys,
    port: 7111,
    peerKey: other.public,
    peerEndpoint: { address: to.address, port: 7111 },
    inet: own[0],
    inet6: own[1],
    peerInet: peer[0],
    peerInet6: peer[1],
  });
  return {
    left: plan(leftKeys, rightKeys, right, inside.left, inside.right),
    right: plan(rightKeys, leftKeys, left, inside.right, inside.left),
  };
}

/** A program under measurement. */
export interface Implementation {
  readonly id: string;
  readonly title: string;
  /** The role: ours, a variant of ours, our loop without crypto, or a rival. */
  readonly role: "ours" | "variant" | "rival" | "plain";
  /** Whether it has handshakes and the control protocol. Our loop without crypto has neither. */
  readonly wireguard: boolean;
  /** The program and its arguments, before the name of the interface; of rivals only. */
  readonly command?: readonly string[];
  /**
   * The version, after building the program if needed and possible, or the reason for which it is
   * absent.
   */
  find(
    say: (line: string) => void,
  ): Promise<{ readonly version: string } | { readonly absent: string }>;
  /**
   * Sets up one end.
   * @returns the milliseconds from the start of the program until its interface answered
   */
  up(host: Host, plan: EndPlan, environment?: Record<string, string>): Promise<number>;
}

/** Our program, configured with its own commands. */
const ours: Implementation = {
  id: "ours",
  title: "wg",
  role: "ours",
  wireguard: true,
  async find(say) {
    say("building ./wg where that is needed");
    await ensureBuilt(false);
    await installPackages(["ipsec-mb"], say);
    return { version: firstLine((await run([WG, "--version"])).stdout) };
  },
  up: (host, plan, environment = {}) => configureOurs(host, plan, ["create"], environment),
};

/** Makes and configures one end with our own commands. Returns what `Implementation.up` does. */
async function configureOurs(
  host: Host,
  plan: EndPlan,
  words: readonly string[],
  environment: Record<string, string>,
): Promise<number> {
  const started = performance.now();
  await ifconfig(host, [
    ...[...words, "wgport", String(plan.port), "wgkey", plan.keys.private.toBase64()],
    ...["wgpeer", plan.peerKey.toBase64()],
    ...["wgendpoint", plan.peerEndpoint.address, String(plan.peerEndpoint.port)],
    ...["wgaip", `${plan.peerInet}/32`, "wgaip", `${plan.peerInet6}/128`],
  ], environment);
  const ready = performance.now() - started;
  await ifconfig(host, ["inet", `${plan.inet}/24`]);
  await ifconfig(host, ["inet6", `${plan.inet6}/64`]);
  return ready;
}

/** Starts a daemon of ours that nothing configured. @returns when it answers */
async function startDaemon(
  host: Host,
  argv: readonly string[],
  environment: Record<string, string>,
): Promise<void> {
  host.start(["sh", "-c", 'exec "$@" </dev/null', "sh", ...argv], environment);
  const socket = host.path(SOCKET);
  await until("the daemon answers", 20, 20, () => uapi(socket, "get=1").catch(() => undefined));
}

/** Our program with a Worker for each direction, as it runs on four processors or more. */
export const TWO_WORKERS: Implementation = {
  ...ours,
  id: "two",
  title: "wg, two Workers",
  role: "variant",
  async up(host, plan, environment = {}) {
    await startDaemon(host, [WG, "daemon", INTERFACE, "2"], environment);
    return await configureOurs(host, plan, [], environment);
  },
};

/** Our program without libipsec-mb, so that libcrypto encrypts the packets. */
const withLibcrypto: Implementation = {
  ...ours,
  id: "libcrypto",
  title: "wg, libcrypto",
  role: "variant",
  async find(say) {
    await ours.find(say);
    const problem = missing("ipsec-mb");
    if (problem !== undefined) return { absent: `wg has no other cipher: ${problem}` };
    return { version: await versionWithLibcrypto() };
  },
  async up(host, plan, environment = {}) {
    await hideIpsecMb(host);
    return await ours.up(host, plan, environment);
  },
};

/** What our program says of itself where libipsec-mb is not found. */
async function versionWithLibcrypto(): Promise<string> {
  const library = ipsecMbPath();
  if (library === undefined) return firstLine((await run([WG, "--version"])).stdout);
  const script = 'mount --bind /dev/null "$1" && exec "$2" --version';
  const argv = ["unshare", "-m", "sh", "-c", script, "sh", library, WG];
  return firstLine((await run(argv)).stdout);
}

/**
 * Our program as on a processor with AVX2 only: without libipsec-mb, and libcrypto is told that
 * there is no AVX-512. It runs from its sources, because the packed program clears the variable.
 */
const withAvx2: Implementation = {
  ...ours,
  id: "avx2",
  title: "wg, AVX2 only",
  role: "variant",
  async find(say) {
    await ours.find(say);
    return { version: `${await versionWithLibcrypto()}, from source` };
  },
  async up(host, plan, environment = {}) {
    if (ipsecMbPath() !== undefined) await hideIpsecMb(host);
    const self = selfCommand(["daemon", INTERFACE]);
    const started = performance.now();
    await startDaemon(host, [self.program, ...self.args], {
      ...self.environment,
      ...environment,
      OPENSSL_ia32cap: OPENSSL_WITHOUT_AVX512,
    });
    await configureOurs(host, plan, [], environment);
    return performance.now() - started;
  },
};

/**
 * OPENSSL_ia32cap(3): the bits of CPUID leaf 7, EBX, that are cleared: AVX-512 F, DQ, IFMA, CD, BW
 * and VL.
 */
const OPENSSL_WITHOUT_AVX512 = ":~0xd0230000";

/** Hides libipsec-mb from the programs of a host. */
async function hideIpsecMb(host: Host): Promise<void> {
  await host.run(["mount", "--bind", "/dev/null", ipsecMbPath() ?? ""]);
}

/** The path of our program, for measurements of commands. */
export const OUR_PROGRAM = WG;

async function ifconfig(
  host: Host,
  words: readonly string[],
  env: Record<string, string> = {},
): Promise<void> {
  await host.run([WG, "ifconfig", INTERFACE, ...words], { env });
}

/**
 * Our data plane without its cipher and with a fixed session. It shows the time that is not
 * cryptography.
 */
const plain: Implementation = {
  id: "plain",
  title: "wg, no crypto",
  role: "plain",
  wireguard: false,
  find: () => Promise.resolve({ version: "scripts/bench/plain_loop.ts" }),
  async up(host, plan, environment = {}) {
    const left = plan.inet < plan.peerInet;
    const loop: PlainPlan = {
      interface: INTERFACE,
      index: left ? 1 : 2,
      peerIndex: left ? 2 : 1,
      port: plan.port,
      peerAddress: plan.peerEndpoint.address,
      peerPort: plan.peerEndpoint.port,
      peerInet: plan.peerInet,
      peerInet6: plan.peerInet6,
    };
    const started = performance.now();
    const running = host.start(
      [Deno.execPath(), "run", "-A", PLAIN_LOOP, JSON.stringify(loop)],
      environment,
    );
    await until(
      "the loop without crypto",
      20,
      5,
      () => Promise.resolve(running.output().includes("ready") || undefined),
    );
    const ready = performance.now() - started;
    await addressInterface(host, plan);
    return ready;
  },
};

/** Configures the interface with ip(8), as wg-quick does. */
async function addressInterface(host: Host, plan: EndPlan): Promise<void> {
  await host.run(["ip", "address", "add", `${plan.inet}/24`, "dev", INTERFACE]);
  await host.run(["ip", "address", "add", `${plan.inet6}/64`, "dev", INTERFACE, "nodad"]);
  await host.run(["ip", "link", "set", INTERFACE, "mtu", MTU, "up"]);
}

/** A rival: a program that creates the interface and is configured over its control socket. */
function rival(options: {
  id: string;
  title: string;
  program: string;
  args: readonly string[];
  build?: (say: (line: string) => void) => Promise<string | undefined>;
  version: () => Promise<string>;
}): Implementation {
  return {
    id: options.id,
    title: options.title,
    role: "rival",
    wireguard: true,
    command: [options.program, ...options.args],
    async find(say) {
      if (!await isFile(options.program)) {
        const problem = await options.build?.(say);
        if (problem !== undefined) return { absent: problem };
        if (!await isFile(options.program)) return { absent: `${options.program} is not there` };
      }
      return { version: await options.version() };
    },
    async up(host, plan, environment = {}) {
      await host.run(["mkdir", "-p", "/run/wireguard"]);
      const started = performance.now();
      host.start([options.program, ...options.args, INTERFACE], {
        LOG_LEVEL: "error",
        WG_LOG_LEVEL: "error",
        ...environment,
      });
      const socket = host.path(SOCKET);
      await until(
        `${options.title} answers`,
        10,
        2,
        () => uapi(socket, "get=1").catch(() => undefined),
      );
      const ready = performance.now() - started;
      await uapi(
        socket,
        `set=1\nprivate_key=${plan.keys.private.toHex()}\nlisten_port=${plan.port}\n` +
          peerLines(
            plan.peerKey,
            [`${plan.peerInet}/32`, `${plan.peerInet6}/128`],
            `${plan.peerEndpoint.address}:${plan.peerEndpoint.port}`,
          ),
      );
      await addressInterface(host, plan);
      // boringtun's threads begin some moments after its socket exists.
      await sleep(50);
      return ready;
    },
  };
}

function cargo(crate: string): (say: (line: string) => void) => Promise<string | undefined> {
  return async (say) => {
    if (await which("cargo") === undefined) return "cargo is not on this machine";
    say(`building ${crate} (once; some minutes)`);
    const argv = [
      "nice",
      "-n",
      "19",
      "cargo",
      "install",
      "-j1",
      "--locked",
      "--root",
      `${BUILD}cargo`,
      crate,
    ];
    const built = await run(argv, {
      timeoutSeconds: 1800,
      anyCode: true,
      env: { CARGO_TARGET_DIR: `${BUILD}target-${crate}` },
    });
    return built.code === 0 ? undefined : `cargo install ${crate}: ${lastLine(built.stderr)}`;
  };
}

/** Builds a Go program from the module proxy into a folder below BUILD. */
function goInstall(
  what: string,
  module: string,
  folder: string,
): (say: (line: string) => void) => Promise<string | undefined> {
  return async (say) => {
    const go = await goCommand();
    if (go === undefined) return "go is not on this machine";
    say(`building ${what} (once)`);
    const argv = ["nice", "-n", "19", go, "install", "-p", "1", module];
    const built = await run(argv, {
      timeoutSeconds: 900,
      anyCode: true,
      // The flags of a workspace or user must not select other sources.
      env: { GOBIN: `${BUILD}${folder}`, GOFLAGS: "-mod=mod", GOWORK: "off" },
    });
    return built.code === 0 ? undefined : `go install ${module}: ${lastLine(built.stderr)}`;
  };
}

async function goCommand(): Promise<string | undefined> {
  return await which("go") ??
    (await isFile("/usr/local/go/bin/go") ? "/usr/local/go/bin/go" : undefined);
}

/** The version of the main module of a Go program, as the program reports it. */
async function goVersion(program: string): Promise<string> {
  const go = await goCommand();
  if (go === undefined) return "unknown";
  const text = (await run([go, "version", "-m", program], { anyCode: true })).stdout;
  return /^\s+mod\s+\S+\s+(\S+)/m.exec(text)?.[1] ?? "unknown";
}

/** What the newest tailscale.com of November 2026 pins. */
const TAILSCALE_VERSION = "v0.0.0-20260928213032-417aef361226";

/**
 * All programs in the order of the table's columns: ours with each cipher and without, then the
 * rivals.
 */
export const IMPLEMENTATIONS: readonly Implementation[] = [
  ours,
  withLibcrypto,
  withAvx2,
  plain,
  rival({
    id: "debian",
    title: "Debian's wireguard-go",
    program: "/usr/bin/wireguard-go",
    args: ["-f"],
    build: () => aptInstall("wireguard-go"),
    version: () => packageVersion("wireguard-go"),
  }),
  rival({
    id: "newest",
    title: "newest wireguard-go",
    program: `${BUILD}go/wireguard`,
    args: ["-f"],
    build: goInstall("the newest wireguard-go", "golang.zx2c4.com/wireguard@latest", "go"),
    version: () => goVersion(`${BUILD}go/wireguard`),
  }),
  rival({
    id: "tailscale",
    title: "Tailscale's wireguard-go",
    program: `${BUILD}tailscale-${TAILSCALE_VERSION}/wireguard-go`,
    args: ["-f"],
    build: goInstall(
      "Tailscale's wireguard-go",
      `github.com/tailscale/wireguard-go@${TAILSCALE_VERSION}`,
      `tailscale-${TAILSCALE_VERSION}`,
    ),
    version: () => goVersion(`${BUILD}tailscale-${TAILSCALE_VERSION}/wireguard-go`),
  }),
  rival({
    id: "boringtun",
    title: "boringtun",
    program: `${BUILD}cargo/bin/boringtun-cli`,
    args: ["--foreground", "--disable-drop-privileges"],
    build: cargo("boringtun-cli"),
    version: async () =>
      lastWord(firstLine((await run([`${BUILD}cargo/bin/boringtun-cli`, "--version"])).stdout)),
  }),
  rival({
    id: "gotatun",
    title: "gotatun",
    program: `${BUILD}cargo/bin/gotatun`,
    args: ["--foreground", "--disable-drop-privileges"],
    build: cargo("gotatun-cli"),
    version: async () =>
      lastWord(firstLine((await run([`${BUILD}cargo/bin/gotatun`, "--version"])).stdout)),
  }),
];

/**
 * Installs a Debian package.
 * @returns the reason if that is not possible
 */
export async function aptInstall(name: string): Promise<string | undefined> {
  if (await which("apt-get") === undefined) {
    return `the package ${name} is not installed and there is no apt-get`;
  }
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const argv = ["apt-get", "install", "-y", "--no-install-recommends", name];
  let tried = await run(argv, { anyCode: true, env, timeoutSeconds: 300 });
  if (tried.code !== 0) {
    await run(["apt-get", "update"], { anyCode: true, env, timeoutSeconds: 300 });
    tried = await run(argv, { anyCode: true, env, timeoutSeconds: 300 });
  }
  return tried.code === 0 ? undefined : `apt-get install ${name}: ${lastLine(tried.stderr)}`;
}

/** The path of a program on PATH. */
export async function which(name: string): Promise<string | undefined> {
  for (const directory of (Deno.env.get("PATH") ?? "").split(":")) {
    if (await isFile(`${directory}/${name}`)) return `${directory}/${name}`;
  }
  return undefined;
}

async function packageVersion(name: string): Promise<string> {
  return (await run(["dpkg-query", "-W", "-f", "${Version}", name], { anyCode: true })).stdout
    .trim() || "unknown";
}

async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isFile, () => false);
}

function firstLine(text: string): string {
  return text.trim().split("\n")[0];
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

function lastWord(text: string): string {
  return text.split(" ").at(-1) ?? "";
}
