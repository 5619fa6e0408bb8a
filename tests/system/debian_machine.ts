/**
 * A clean Debian (scripts/debian_root.ts) in the namespace `left` of a room, with a peer in the
 * namespace `right`. What is changed in it is in memory and ends with the room.
 * @module
 */
import { DEBIAN_ROOT } from "../../scripts/debian_root.ts";
import { eventually, type Ran, type Room } from "../../scripts/netlab.ts";
import { cable, create, must, publicKey, randomKey, wgRoom } from "./peers.ts";

/** The folder of the machine in the room. */
const FOLDER = "/run/machine";
const MACHINE = `${FOLDER}/root`;
const ENVIRONMENT = {
  HOME: "/root",
  LC_ALL: "C.UTF-8",
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
};

const LAY = `
mkdir -p ${MACHINE} ${FOLDER}/upper ${FOLDER}/work
mount -t overlay overlay \\
  -o "lowerdir=$1,upperdir=${FOLDER}/upper,workdir=${FOLDER}/work" ${MACHINE}
`;

/** What a root needs for commands that run in it. */
const MOUNT = `
cd ${MACHINE}
mount -t proc proc proc
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/net dev/shm
mknod -m 666 dev/net/tun c 10 200
mknod -m 666 dev/null c 1 3
mknod -m 666 dev/zero c 1 5
mknod -m 666 dev/random c 1 8
mknod -m 666 dev/urandom c 1 9
`;

/** What every list of files has: kind, mode, owner, target of a link and content. */
const LIST = `
cd ${MACHINE}
find . -xdev \\( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run \\) -prune -o \\
  -printf '%p %y %m %U:%G %l\\n' | sort
find . -xdev -type f -print0 | sort -z | xargs -0 sha256sum
`;

/** A machine whose files can be listed, and in which commands run. */
export class DebianMachine {
  #leader: number | undefined;

  private constructor(readonly room: Room) {}

  /** Makes a machine in a room of its own, which `room` closes. */
  static async open(): Promise<DebianMachine> {
    const room = await wgRoom();
    await cable(room);
    await room.output(["sh", "-ec", LAY, "sh", DEBIAN_ROOT]);
    return new DebianMachine(room);
  }

  /** Prepares commands that run without an init process. */
  async mount(): Promise<void> {
    await this.room.output(["sh", "-ec", MOUNT], { netns: "left" });
  }

  /** Takes away what `mount` has mounted. Nothing may run in the machine. */
  async unmount(): Promise<void> {
    await this.room.output(["sh", "-ec", `cd ${MACHINE} && umount proc dev run`]);
  }

  /**
   * Starts systemd as process 1 with systemd-nspawn, in a cgroup of its own, and waits until it has
   * started everything.
   * @returns the end of the machine: call it before the room is closed
   */
  async boot(): Promise<() => Promise<void>> {
    const { room } = this;
    const name = `wg-test-${Deno.pid}`;
    const groups = makeGroups(name);
    // systemd-nspawn stays in the foreground, so the shell enters its groups before it.
    const enter = groups.map((group) => `echo $$ >"${group}/cgroup.procs"`).join("\n");
    const words = [
      ...["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", `--machine=${name}`],
      ...[`--directory=${MACHINE}`, "--network-namespace-path=/run/netns/left"],
      ...["--bind=/dev/net/tun", "--console=pipe", "--resolv-conf=off", "--timezone=off"],
      // What a computer has and a container of nspawn mostly lacks.
      ...["--capability=CAP_NET_ADMIN,CAP_IPC_LOCK", "--system-call-filter=@sandbox @memlock"],
      "--boot",
    ];
    const script = `${enter}\necho $$ >${FOLDER}/pid\nexec "$@"`;
    const running = room.spawn(["sh", "-ec", script, "sh", ...words]);
    const end = async () => {
      if (this.#leader !== undefined && !running.hasEnded) await this.run("kill -s RTMIN+4 1");
      else running.signal("SIGKILL");
      this.#leader = undefined;
      await running.status;
      groups.forEach(removeGroup);
    };
    try {
      await eventually("systemd has started", async () => {
        if (running.hasEnded) throw new Error(running.output());
        this.#leader ??= await this.#findLeader();
        if (this.#leader === undefined) return false;
        return /^(running|degraded)$/m.test((await this.run("systemctl is-system-running")).stdout);
      });
    } catch (error) {
      await end();
      throw error;
    }
    return end;
  }

  /** The process 1 of the machine, as the room numbers it. */
  async #findLeader(): Promise<number | undefined> {
    const children = `read pid <${FOLDER}/pid && cat /proc/$pid/task/$pid/children`;
    for (const child of (await this.room.run(["sh", "-c", children])).stdout.trim().split(" ")) {
      const { stdout } = await this.room.run(["cat", `/proc/${child}/comm`]);
      if (stdout === "systemd\n") return Number(child);
    }
    return undefined;
  }

  /** Runs a script in the machine. */
  async run(script: string, stdin?: string): Promise<Ran> {
    const enter = this.#leader === undefined
      ? ["chroot", MACHINE]
      : ["nsenter", "-t", String(this.#leader), "-m", "-u", "-i", "-n", "-p", "-C"];
    const clean = Object.entries(ENVIRONMENT).map(([name, value]) => `${name}=${value}`);
    return await this.room.run(["env", "-i", ...clean, ...enter, "sh", "-c", script], {
      ...(this.#leader === undefined ? { netns: "left" } : {}),
      ...(stdin === undefined ? {} : { stdin }),
    });
  }

  /** Runs a script in the machine that must succeed. @returns what it printed */
  async must(script: string, stdin?: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(script, stdin);
    if (code !== 0) throw new Error(`${script}: status ${code}\n${stdout}${stderr}`);
    return stdout;
  }

  /** Puts a file into the machine, into a folder that ends with it and is in no list. */
  async bring(path: string): Promise<string> {
    const name = path.slice(path.lastIndexOf("/") + 1);
    // The program has a folder /run/wg of its own.
    await this.room.output(["install", "-D", path, `${MACHINE}/run/brought/${name}`]);
    return `/run/brought/${name}`;
  }

  /** All files but those of the kernel and of /run, each with its content. */
  async files(): Promise<string[]> {
    return (await this.room.output(["sh", "-ec", LIST])).split("\n");
  }

  /** Makes the peer wg2, port 7222, with the address 192.168.5.2 in the tunnel. @returns its key */
  async peer(key: string): Promise<string> {
    await create(this.room, "wg2", "right", `wgport 7222 wgkey ${randomKey()}`);
    await must(this.room, `ifconfig wg2 wgpeer ${key} wgaip 192.168.5.1/32`, "right");
    await must(this.room, "ifconfig wg2 192.168.5.2/24", "right");
    return await publicKey(this.room, "wg2");
  }
}

/** Makes a cgroup in each hierarchy that systemd uses. @returns their folders */
function makeGroups(name: string): string[] {
  const lines = Deno.readTextFileSync("/proc/self/mountinfo").split("\n");
  const folders = lines.filter((line) => / - cgroup2 | - cgroup .*\bname=systemd\b/.test(line))
    .map((line) => `${line.split(" ")[4]}/${name}`);
  for (const folder of folders) Deno.mkdirSync(folder);
  return folders;
}

/** Removes a cgroup and those in it, which have no processes. */
function removeGroup(folder: string): void {
  for (const entry of Deno.readDirSync(folder)) {
    if (entry.isDirectory) removeGroup(`${folder}/${entry.name}`);
  }
  Deno.removeSync(folder);
}
