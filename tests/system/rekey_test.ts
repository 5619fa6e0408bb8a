import { equal, match, ok } from "node:assert/strict";
import { eventually } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { may, must, wgRoom } from "./peers.ts";
import { waitedMs } from "./running.ts";
import { shortTunnel } from "./short_times.ts";

const count = (text: string, what: RegExp) => [...text.matchAll(what)].length;

const WORKERS: Readonly<Record<string, number>> = {
  "one Worker": 1,
  "one Worker each way": 2,
  "two Workers each way": 4,
};
for (const [form, workers] of Object.entries(WORKERS)) {
  Deno.test(
    `${form}: keys change under a running ping without a loss, and are erased at last`,
    needs("namespaces", "tun", "ip", "ping"),
    async () => {
      await using room = await wgRoom();
      const { left: one, right: two } = await shortTunnel(room, workers);
      const waited = () => waitedMs(one.program) + waitedMs(two.program);
      const waitedBefore = waited();
      const pings = await must(room, "ping -n -q -c 120 -i 0.05 -W 60 192.168.5.2", "left");
      const received = Number(/(\d+) received/.exec(pings)?.[1]);
      ok(received >= 118, pings);
      // 6 s of traffic, a new session by the initiator every 1.2 s. On a busy machine a side that
      // has heard nothing for long becomes the initiator.
      const both = (what: RegExp) => count(one.output(), what) + count(two.output(), what);
      const initiated = both(/Sending handshake initiation to peer 1/g);
      const completed = both(/Receiving handshake response from peer 1/g);
      ok(completed >= 4 && completed <= 10, `${completed} handshakes\n${one.output()}`);
      // An initiation is repeated when 100 ms bring no answer, which a wait for a processor costs.
      const starvedMs = waited() - waitedBefore;
      ok(
        initiated <= completed + 3 + starvedMs / 100,
        `${initiated} initiations for ${completed} handshakes, waited ${starvedMs} ms`,
      );
      ok(both(/Receiving handshake initiation from peer 1/g) >= completed);

      // Idle: the last data is answered by a keepalive, then silence until the keys are erased.
      await one.wrote(/Zeroing out keys for peer 1/);
      await two.wrote(/Zeroing out keys for peer 1/);
      equal((await may(room, "ping -n -c 2 -i 0.3 -W 60 192.168.5.2", "left")).code, 0);

      const told = (kind: string) => both(new RegExp(`^event ${kind}$`, "gm"));
      // Both have been connected, were disconnected by the silence, and connected again, until
      // the next silence.
      await eventually(
        "the events of both sides",
        () =>
          told("handshake") === 2 * both(/Receiving handshake response from peer 1/g) &&
          told("disconnected") >= 2 && told("key-expired") === told("disconnected") &&
          told("connected") >= 4 && [0, 2].includes(told("connected") - told("disconnected")),
      );

      // The other side ends: attempts with their words, then the end of trying.
      two.signal("SIGTERM");
      equal((await two.status).code, 0);
      const before = one.output().length;
      await may(room, "ping -n -c 30 -i 0.1 -W 1 192.168.5.2", "left");
      const after = () => one.output().slice(before);
      await eventually(
        "giving up",
        () => /Handshake for peer 1 .*did not complete after \d+ retries, giving up/.test(after()),
      );
      match(
        after(),
        /Handshake for peer 1 .*did not complete after \d+ seconds, retrying \(try 2\)/,
      );
      await eventually("the event", () => /^event unanswered$/m.test(after()));
      one.signal("SIGTERM");
      equal((await one.status).code, 0);
    },
  );
}

/** Longer than a session may be used, with the short times. */
const STOPPED_MS = 3_000;

Deno.test(
  "a process that stood still longer than its session may live uses it no more",
  needs("namespaces", "tun", "ip", "ping"),
  async () => {
    await using room = await wgRoom();
    const { left: one, right: two } = await shortTunnel(room, 1);
    await must(room, "ping -n -q -c 3 -i 0.2 -W 60 192.168.5.2", "left");
    one.signal("SIGSTOP");
    const initiations = () => count(one.output(), /Sending handshake initiation to peer 1/g);
    const before = initiations();
    await new Promise((resolve) => setTimeout(resolve, STOPPED_MS));
    // The packet waits in the TUN device until the process goes on.
    const pinging = may(room, "ping -n -c 1 -W 60 192.168.5.2", "left");
    await new Promise((resolve) => setTimeout(resolve, 300));
    one.signal("SIGCONT");
    equal((await pinging).code, 0);
    ok(initiations() > before, "the packet was sent on the old session");
    for (const running of [one, two]) {
      running.signal("SIGTERM");
      equal((await running.status).code, 0);
    }
  },
);
