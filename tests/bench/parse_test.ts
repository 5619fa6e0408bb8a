import assert from "node:assert/strict";
import {
  iperfReceived,
  machineTicks,
  pingTimes,
  residentBytes,
  schedstatNanoseconds,
} from "../../scripts/bench/parse.ts";
import { parseShares } from "../../scripts/bench/profile.ts";

Deno.test("ping: every reply's time in milliseconds, and nothing of a lost one", () => {
  const text = `PING 10.77.0.2 (10.77.0.2) 56(84) bytes of data.
64 bytes from 10.77.0.2: icmp_seq=1 ttl=64 time=0.312 ms
64 bytes from 10.77.0.2: icmp_seq=3 ttl=64 time=12.4 ms
64 bytes from 10.77.0.2: icmp_seq=4 ttl=64 time=1 ms (DUP!)

--- 10.77.0.2 ping statistics ---
4 packets transmitted, 2 received, +1 duplicates, 50% packet loss, time 12ms
rtt min/avg/max/mdev = 0.312/4.570/12.400/5.5 ms
`;
  assert.deepEqual(pingTimes(text), [0.312, 12.4, 1]);
  assert.deepEqual(pingTimes(""), []);
});

Deno.test("iperf3: TCP one way", () => {
  const text = JSON.stringify({
    end: { sum_received: { bytes: 250_000_000, seconds: 2, bits_per_second: 1e9 } },
  });
  assert.deepEqual(iperfReceived(text), [{ bytes: 250_000_000, seconds: 2, packets: 0, lost: 0 }]);
});

Deno.test("iperf3: both ways are two", () => {
  const sum = { bytes: 1, seconds: 1, bits_per_second: 8 };
  const text = JSON.stringify({
    end: { sum_received: sum, sum_received_bidir_reverse: { ...sum, bytes: 2 } },
  });
  assert.deepEqual(iperfReceived(text).map((r) => r.bytes), [1, 2]);
});

Deno.test("iperf3: what was lost of UDP was not delivered", () => {
  const sum = { bytes: 6400, seconds: 1, bits_per_second: 51200, packets: 100, lost_packets: 30 };
  assert.deepEqual(iperfReceived(JSON.stringify({ end: { sum_received: sum } })), [
    { bytes: 6400, seconds: 1, packets: 70, lost: 30 },
  ]);
});

Deno.test("iperf3: its errors are ours, and an empty report is one", () => {
  assert.throws(
    () => iperfReceived('{"error":"the server is busy running a test"}'),
    /iperf3: the server is busy/,
  );
  assert.throws(() => iperfReceived('{"end":{}}'), /no sum/);
  assert.throws(() => iperfReceived(""), SyntaxError);
});

Deno.test("/proc: our own files have the form that is read", () => {
  const status = Deno.readTextFileSync("/proc/self/status");
  assert.ok(residentBytes(status) > 1e6);
  assert.equal(residentBytes("Name:\tkthread\n"), 0);
  const ticks = machineTicks(Deno.readTextFileSync("/proc/stat"));
  assert.ok(ticks.all > ticks.idle && ticks.idle > 0);
});

Deno.test("schedstat: the first number is the time run", () => {
  assert.equal(schedstatNanoseconds("448065994 6176314 370\n"), 448065994);
});

Deno.test("/proc/stat: guest time, which is in user time already, is not counted twice", () => {
  assert.deepEqual(machineTicks("cpu  10 1 5 80 4 0 2 1 7 0\ncpu0 ..."), { all: 103, idle: 84 });
});

Deno.test("perf report: shares and names, with and without a place in brackets", () => {
  const text =
    "\n    33.11%  [k] copy_user       -      -   \n     5.02%  libcrypto.so.3\n# comment\n     0.01%  [.] JS:*seal file:///x.ts:1:2\n";
  assert.deepEqual(parseShares(text), [
    { name: "[k] copy_user", percent: 33.11 },
    { name: "libcrypto.so.3", percent: 5.02 },
    { name: "[.] JS:*seal file:///x.ts:1:2", percent: 0.01 },
  ]);
});
