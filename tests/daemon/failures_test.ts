import { deepEqual } from "node:assert/strict";

Deno.test("an error in a callback, a message or a promise reaches the handler, and the process goes on", async () => {
  const script = `
    import { handleFailures } from ${
    JSON.stringify(import.meta.resolve("../../lib/daemon/failures.ts"))
  };
    handleFailures((error) => console.log(error.message));
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => { port1.close(); throw new Error("in a message"); };
    setTimeout(() => { throw new Error("in a callback"); }, 0);
    setTimeout(() => port2.postMessage(0), 50);
    setTimeout(() => Promise.reject(new Error("in a promise")), 100);
    setTimeout(() => console.log("end"), 500);`;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", script],
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  deepEqual(
    { code, lines: text(stdout).split("\n"), errors: text(stderr) },
    { code: 0, lines: ["in a callback", "in a message", "in a promise", "end", ""], errors: "" },
  );
});
