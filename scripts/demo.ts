/**
 * `deno task demo`: the example of the wg(4) manual, in namespaces of its own, so that nothing of
 * this machine is touched. Where TUN devices or namespaces cannot be had it says why, and runs two
 * peers in the portable mode instead.
 * @module
 */
import { ensureBuilt } from "./built.ts";
import { installPackages, missing, program } from "./facilities.ts";
import { MANUAL_SCRIPT } from "./manual_example.ts";
import { Room } from "./netlab.ts";

const say = (line: string) => console.log(line);

/** Runs the manual's example in the room. @throws LabError with what a command said */
async function manualDemo(room: Room): Promise<void> {
  const visibly = async (...argv: string[]) => {
    say(`\n# ${argv.join(" ")}`);
    await room.run(argv, { check: true, visible: true });
  };
  say("# the script of wg(4), as the shell reads it:\n");
  // -v prints each line when it is read; -e stops at the first command that fails.
  await room.output(["sh", "-c", "cat >/run/example.sh"], { stdin: MANUAL_SCRIPT });
  await room.run(["sh", "-c", "exec sh -ev /run/example.sh 2>&1"], { check: true, visible: true });
  await visibly("route", "-T1", "exec", "ping", "-c", "5", "-i", "0.2", "192.168.5.2");
  await visibly("ifconfig", "wg1");
  await visibly("ifconfig", "wg2");
  await visibly("netstat", "-ln");
  await visibly("ifconfig", "wg1", "destroy");
  await visibly("ifconfig", "wg2", "destroy");
  const left = [
    ...await room.processes(),
    ...(await room.output(["sh", "-c", "ls /run/netns; ls /run/wireguard 2>/dev/null || :"])).split(
      "\n",
    ),
  ].filter((line) => line !== "");
  if (left.length > 0) throw new Error(`something was left behind: ${left.join(", ")}`);
}

/** Why the manual's example cannot run here, or a room in which it can. */
async function prepare(): Promise<Room | string> {
  for (const facility of ["namespaces", "tun", "ping"] as const) {
    const reason = missing(facility);
    if (reason !== undefined) return reason;
  }
  const wg = await ensureBuilt(false);
  const room = await Room.open();
  try {
    await room.install(wg, ["wg", "ifconfig", "route", "netstat"]);
    if (program("openssl") === undefined) {
      say("openssl is not installed: /dev/urandom stands in for `openssl rand -base64 32`");
      const standIn = "cat >/run/bin/openssl && chmod 755 /run/bin/openssl";
      await room.output(["sh", "-c", standIn], {
        stdin: "#!/bin/sh\nhead -c 32 /dev/urandom | base64\n",
      });
    }
    const { code, stderr } = await room.run([
      "sh",
      "-c",
      "ifconfig wg0 create && ifconfig wg0 destroy",
    ]);
    if (code === 0) return room;
    await room.close();
    return `no TUN device: ${stderr.trim()}`;
  } catch (error) {
    await room.close();
    throw error;
  }
}

if (import.meta.main) {
  try {
    await installPackages(["ping"], say);
    const room = await prepare();
    if (typeof room === "string") {
      say(`The manual's example cannot run here: ${room}`);
      say("Two peers in the portable mode instead: real UDP over the loopback, no privileges.\n");
      const { portableDemo } = await import("./demo_portable.ts");
      await portableDemo(say);
      say("\nThe portable demo worked: an echo went through the tunnel and back.");
    } else {
      await using running = room;
      say(
        running.kind === "user" ? "in a user namespace of its own\n" : "in namespaces of its own\n",
      );
      await manualDemo(running);
      say("\nThe demo worked: five pings went through the tunnel, and nothing is left of it.");
    }
  } catch (error) {
    say(`\nThe demo failed: ${error instanceof Error ? error.message : error}`);
    Deno.exitCode = 1;
  }
}
