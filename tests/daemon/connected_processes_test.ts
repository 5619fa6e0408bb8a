/**
 * Who connects to the control socket: real processes, between connections that come and go.
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { ConnectedProcesses } from "../../lib/daemon/connected_processes.ts";
import { Chance } from "../random.ts";

Deno.test("each connection is told with its own process, whatever is opened and closed meanwhile", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  const listener = Deno.listen({ transport: "unix", path });
  const processes = new ConnectedProcesses(path);
  const chance = Chance.of(15);
  const pairs: Deno.UnixConn[][] = [];
  const files: Deno.FsFile[] = [];
  const connect = async () => {
    const [client, accepted] = await Promise.all([
      Deno.connect({ transport: "unix", path }),
      listener.accept(),
    ]);
    pairs.push([client, accepted]);
    return processes.accepted(accepted);
  };
  /** Another process connects, and stays until its standard input ends. */
  const other = async () => {
    const script = `const c = await Deno.connect({ transport: "unix", path: ${
      JSON.stringify(path)
    } }); await Deno.stdin.read(new Uint8Array(1)); c.close();`;
    const child = new Deno.Command(Deno.execPath(), { args: ["eval", script], stdin: "piped" })
      .spawn();
    const accepted = await listener.accept();
    const by = processes.accepted(accepted);
    deepEqual([by?.pid, by?.uid, by?.program], [child.pid, Deno.uid(), "deno"]);
    return async () => {
      await child.stdin.close();
      await child.status;
      accepted.close();
      processes.dropped(accepted);
    };
  };
  const ends: (() => Promise<void>)[] = [];
  try {
    for (let i = 0; i < 300; i++) {
      const what = chance.int(10);
      if (what < 5) equal((await connect())?.pid, Deno.pid, `connection ${i}`);
      else if (what < 8 && pairs.length > 0) {
        const [pair] = pairs.splice(chance.int(pairs.length), 1);
        for (const end of pair) end.close();
        processes.dropped(pair[1]);
      } else if (what === 8) files.push(Deno.openSync("/dev/null"));
      else files.pop()?.close();
      if (i % 100 === 50) ends.push(await other());
      if (i === 200) await ends.shift()?.();
    }
  } finally {
    for (const pair of pairs) for (const end of pair) end.close();
    for (const file of files) file.close();
    for (const end of ends) await end();
    listener.close();
    await Deno.remove(folder, { recursive: true });
  }
});
