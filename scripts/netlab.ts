/**
 * The laboratory: rooms that are cut off from the host. A room is a mount, network and (where
 * allowed) process namespace of its own with an empty /run, so that control sockets, named
 * namespaces and interfaces collide with nothing, and so that everything in it ends with it.
 * Network namespaces and veth pairs inside a room are made with the names the caller likes.
 *
 * The room lives as long as a shell whose standard input is a pipe from this process: when this
 * process ends, however that happens, the shell reads the end of the file and the kernel takes the
 * rest down. Nothing is registered anywhere on the host, so nothing can be left behind there.
 *
 * Needs util-linux (unshare, nsenter) and, for networks inside, iproute2.
 * @module
 */
import { program } from "./facilities.ts";
import { eventually, LabError, LONG_MS, Running, within } from "./running.ts";

export { eventually, LabError, Running };

/** The shell that holds a room. Its argument: whether the room has its own process namespace. */
const HOLDER = `
read -r pid rest </proc/self/stat
if [ "$1" = own-processes ]; then mount -t proc proc /proc || exit 70; fi
mount -t tmpfs -o mode=755 tmpfs /run || exit 71
if [ ! -L /var/run ]; then mount --bind /run /var/run || exit 72; fi
mkdir -p /run/bin /run/netns
if command -v ip >/dev/null; then ip link set lo up || exit 73; fi
echo "ready $pid"
read -r _
if [ "$1" != own-processes ]; then
  mine=$(readlink /proc/self/ns/mnt)
  for process in /proc/[0-9]*; do
    number=\${process#/proc/}
    if [ "$number" != $$ ] && [ "$(readlink "$process/ns/mnt" 2>/dev/null)" = "$mine" ]; then kill -9 "$number"; fi
  done
fi
`;

/** How often it is looked whether a room has ended. */
const CLOSE_LOOK_MS = 100;

/** How rooms can be had here. */
export type RoomKind = "root" | "user";

/** What a command did. */
export interface Ran {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /**
   * A network namespace made by `Room.namespace`, or the name of an rdomain's (`rdomain1`). Without
   * it: the room's own.
   */
  readonly netns?: string;
  readonly env?: Record<string, string>;
  readonly stdin?: string;
  /** The folder it runs in; the root folder unless told. */
  readonly cwd?: string;
  /** How long `run` waits before the command is killed; LONG_MS unless told. */
  readonly timeoutMs?: number;
  /** Throw when it does not exit with 0. */
  readonly check?: boolean;
  /** It writes where this process writes; nothing is returned of it. */
  readonly visible?: boolean;
}

/** One end of a veth pair. */
export interface LinkEnd {
  readonly netns: string;
  readonly name: string;
  /** With prefix length, e.g. `10.0.0.1/24`. */
  readonly addresses: readonly string[];
}

export class Room {
  readonly kind: RoomKind;
  /** Whether the room has its own process namespace. */
  readonly ownProcesses: boolean;
  /** The holder's process id as the host sees it. */
  readonly pid: number;
  readonly #holder: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #environment: Record<string, string>;
  readonly #running = new Set<Running>();
  #closed = false;

  private constructor(
    kind: RoomKind,
    ownProcesses: boolean,
    pid: number,
    holder: Deno.ChildProcess,
  ) {
    this.kind = kind;
    this.ownProcesses = ownProcesses;
    this.pid = pid;
    this.#holder = holder;
    this.#stdin = holder.stdin.getWriter();
    this.#environment = {
      PATH: `/run/bin:${Deno.env.get("PATH") ?? "/usr/bin:/bin"}:/usr/sbin:/sbin`,
    };
  }

  /**
   * Makes a room: as root in namespaces, otherwise in a user namespace.
   * @param kind `user` makes a user namespace even for root
   * @throws LabError with the reason in words when it cannot be had here
   */
  static async open(kind: RoomKind = Deno.uid() === 0 ? "root" : "user"): Promise<Room> {
    try {
      return await Room.#hold(kind, true);
    } catch (withProcesses) {
      try {
        return await Room.#hold(kind, false);
      } catch {
        throw withProcesses;
      }
    }
  }

  static async #hold(kind: RoomKind, ownProcesses: boolean): Promise<Room> {
    const flags = `${kind === "user" ? "Ur" : ""}nm${ownProcesses ? "p" : ""}f`;
    const words = ownProcesses ? "own-processes" : "shared-processes";
    let holder: Deno.ChildProcess;
    try {
      holder = new Deno.Command("unshare", {
        args: [
          `-${flags}`,
          "--kill-child",
          "--propagation",
          "private",
          "sh",
          "-c",
          HOLDER,
          "holder",
          words,
        ],
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
        cwd: "/",
      }).spawn();
    } catch (error) {
      throw new LabError(`unshare: ${error instanceof Error ? error.message : error}`);
    }
    const reader = holder.stdout.getReader();
    const decoder = new TextDecoder();
    let line = "";
    while (!line.includes("\n")) {
      const { value, done } = await reader.read();
      if (done) break;
      line += decoder.decode(value, { stream: true });
    }
    await reader.cancel();
    const found = /^ready (\d+)\n/.exec(line);
    if (found === null) {
      const said = (await new Response(holder.stderr).text()).trim();
      await holder.stdin.close().catch(() => {});
      const { code } = await holder.status;
      throw new LabError(
        said === "" ? `no namespaces: unshare ended with ${code}` : said.split("\n")[0],
      );
    }
    await holder.stderr.cancel();
    const room = new Room(kind, ownProcesses, Number(found[1]), holder);
    if (program("ip") === undefined) await room.#raiseLoopback();
    return room;
  }

  /** Where there is no iproute2, this project's own rtnetlink does it. */
  async #raiseLoopback(): Promise<void> {
    const script = `
      import { RouteSocket } from ${
      JSON.stringify(import.meta.resolve("../lib/linux/route_socket.ts"))
    };
      using routes = RouteSocket.open();
      routes.setLink(routes.requireLink("lo").index, { up: true });
    `;
    await this.output([Deno.execPath(), "eval", "--quiet", script]);
  }

  /** The words that put a command into the room. */
  #enter(netns: string | undefined): string[] {
    const words = ["nsenter", "-t", String(this.pid), "-m"];
    if (this.kind === "user") words.push("-U", "--preserve-credentials");
    if (this.ownProcesses) words.push("-p");
    words.push("-n");
    // A second nsenter: the namespace's file is found only inside the room. `ip netns exec` would
    // hide later mounts.
    if (netns !== undefined) words.push("nsenter", `--net=/run/netns/${netns}`);
    return words;
  }

  /**
   * Runs a command in the room and waits for it.
   * @throws LabError when `check` is set and it failed, or when it took too long
   */
  async run(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const running = this.spawn(argv, options);
    try {
      const { code, signal } = await running.wait(options.timeoutMs ?? LONG_MS);
      const { stdout, stderr } = running;
      if (options.check && code !== 0) {
        throw new LabError(`${argv.join(" ")}: ended with ${code}\n${stdout}${stderr}`);
      }
      return { code, signal, stdout, stderr };
    } finally {
      if (!running.hasEnded) await running.kill();
      this.#running.delete(running);
    }
  }

  /** Runs a command that must succeed and returns what it printed. */
  async output(argv: readonly string[], options: RunOptions = {}): Promise<string> {
    return (await this.run(argv, { ...options, check: true })).stdout;
  }

  /** Starts a command that runs on. It ends with the room at the latest. */
  spawn(argv: readonly string[], options: RunOptions = {}): Running {
    // Entering a mount namespace leads to its root folder, so the folder is chosen behind that.
    const folder = options.cwd === undefined ? [] : ["env", `--chdir=${options.cwd}`];
    const running = new Running([...this.#enter(options.netns), ...folder, ...argv], {
      command: { cwd: "/", env: { ...this.#environment, ...options.env } },
      stdin: options.stdin,
      visible: options.visible,
      name: argv.join(" "),
    });
    this.#running.add(running);
    return running;
  }

  /** A network namespace inside the room, loopback up. */
  async namespace(name: string): Promise<void> {
    await this.output(["ip", "netns", "add", name]);
    await this.output(["ip", "-n", name, "link", "set", "lo", "up"]);
  }

  /** A veth pair between two namespaces of the room, both ends up and addressed. */
  async link(a: LinkEnd, b: LinkEnd): Promise<void> {
    const pair = ["ip", "link", "add", "name", a.name, "netns", a.netns, "type", "veth"];
    await this.output([...pair, "peer", "name", b.name, "netns", b.netns]);
    for (const { netns, name, addresses } of [a, b]) {
      for (const address of addresses) {
        const family = address.includes(":") ? ["nodad"] : [];
        await this.output(["ip", "-n", netns, "address", "add", address, "dev", name, ...family]);
      }
      await this.output(["ip", "-n", netns, "link", "set", name, "up"]);
    }
    // The carrier comes a little after both ends are up.
    for (const { netns, name } of [a, b]) {
      const show = ["ip", "-n", netns, "-o", "link", "show", name];
      await eventually(
        `the carrier of ${name}`,
        async () => (await this.output(show)).includes("state UP"),
      );
    }
  }

  /**
   * Puts a program into the room, as /run/program/NAME, with links of these names in the folder
   * that stands first on the room's PATH. So every user of the room can run it, also when it lies
   * in a folder that only root may enter.
   * @returns its path in the room, which has no blanks in it as long as NAME has none
   */
  async install(program: string, names: readonly string[]): Promise<string> {
    const path = `/run/program/${program.slice(program.lastIndexOf("/") + 1)}`;
    // What is mounted there already is the program itself: opening that for writing would empty it.
    const script =
      'mkdir -p /run/program && { [ -e "$1" ] || { : >"$1" && mount --bind "$2" "$1"; }; } && ' +
      'for name in $3; do ln -sf "$1" "/run/bin/$name" || exit 1; done';
    await this.output(["sh", "-c", script, "sh", path, program, names.join(" ")]);
    return path;
  }

  /** The processes in the room, but for the laboratory's own, as process id and command line. */
  async processes(): Promise<string[]> {
    const mine = await Deno.readLink(`/proc/${this.pid}/ns/mnt`);
    const found: string[] = [];
    for await (const entry of Deno.readDir("/proc")) {
      const pid = Number(entry.name);
      if (!Number.isInteger(pid) || pid === this.pid) continue;
      try {
        if (await Deno.readLink(`/proc/${pid}/ns/mnt`) !== mine) continue;
        const tool = (await Deno.readTextFile(`/proc/${pid}/comm`)).trim();
        if (tool === "unshare" || tool === "nsenter") continue;
        const line = (await Deno.readTextFile(`/proc/${pid}/cmdline`)).split("\0").join(" ").trim();
        // A zombie has an empty command line.
        if (line !== "") found.push(`${pid} ${line}`);
      } catch {
        // Gone, or somebody else's.
      }
    }
    return found;
  }

  /**
   * Ends everything in the room. Its namespaces go with its last process.
   * @throws LabError with the processes that are left when this takes more than LONG_MS
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#stdin.close().catch(() => {});
    const late = performance.now() + LONG_MS;
    while (await within(this.#holder.status, CLOSE_LOOK_MS) === undefined) {
      for (const running of this.#running) running.goOn();
      if (performance.now() < late) continue;
      const left = await this.processes().catch(() => []);
      throw new LabError(`the room has not ended within ${LONG_MS} ms\n${left.join("\n")}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
