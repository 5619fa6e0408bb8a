/** The command line of metrics, and their text. */
import assert from "node:assert/strict";
import { ConfigError } from "../../lib/base/errors.ts";
import { type InterfaceStatus, NO_FACTS } from "../../lib/base/status.ts";
import { formatMetrics } from "../../lib/cli/metrics/text.ts";
import { isLocal, parseListen, parseMetrics } from "../../lib/cli/metrics/words.ts";
import { parseGet } from "../../lib/uapi/get.ts";
import { randomFacts, randomStatus } from "../uapi/random_change.ts";
import { property } from "../random.ts";

Deno.test("the forms of the command line", () => {
  assert.deepEqual(parseMetrics([]), {
    name: undefined,
    format: "openmetrics",
    listen: undefined,
  });
  const { name, format } = parseMetrics(["wg1", "--prometheus"]);
  assert.deepEqual([name, format], ["wg1", "prometheus"]);
  for (
    const words of [
      "wg1 wg2",
      "--json",
      "wg/1",
      "--listen",
      "--listen x",
      "--listen 0",
      "--listen 65536",
      "--listen 127.0.0.1",
      "--listen localhost:9586",
      "--listen [fe80::1%1]:9586",
      "--listen unix:",
      "--listen unix:x",
      `--listen unix:/${"x".repeat(107)}`,
      "--listen unix:/a\nb",
      "--listen 9586 --prometheus",
    ]
  ) {
    assert.throws(() => parseMetrics(words.split(" ")), ConfigError, words);
  }
});

Deno.test("only loopback and Unix sockets are for this machine alone", () => {
  const local = ["9586", "127.0.0.1:9586", "127.7.7.7:1", "[::1]:9586", "unix:/run/x.sock"];
  const open = ["0.0.0.0:9586", "[::]:9586", "192.0.2.1:9586", "[2001:db8::1]:9586"];
  for (const word of local) assert.ok(isLocal(parseListen(word)), word);
  for (const word of open) assert.ok(!isLocal(parseListen(word)), word);
});

/** A line of a sample: name, labels, value. */
const SAMPLE = new RegExp(
  '^(wg_[a-z0-9_]+)\\{((?:[a-z_]+="(?:[^"\\\\\\n]|\\\\["\\\\n])*",?)+)\\} (\\S+)$',
);

Deno.test("300 random statuses: every line is well-formed, and every sample is there once", () => {
  property(300, (chance) => {
    const status = { ...randomFacts(chance), ...randomStatus(chance) };
    for (const format of ["openmetrics", "prometheus"] as const) {
      const text = formatMetrics([{ name: "wg1", status }], Date.now(), format);
      const lines = text.split("\n").slice(0, -1);
      if (format === "openmetrics") assert.equal(lines.pop(), "# EOF");
      const seen = new Set<string>();
      let family = "", type = "";
      for (const line of lines) {
        if (line.startsWith("# HELP ")) continue;
        if (line.startsWith("# TYPE ")) {
          [, , family, type] = line.split(" ");
          assert.ok(!seen.has(family), `${family} is in one place`);
          seen.add(family);
          continue;
        }
        const [, name, labels, value] = SAMPLE.exec(line) ?? assert.fail(line);
        const suffix = { counter: "_total", info: "_info", gauge: "" }[type];
        assert.equal(name, format === "openmetrics" ? `${family}${suffix}` : family);
        assert.ok(Number.isFinite(Number(value)) && Number(value) >= 0, line);
        assert.ok(!seen.has(`${name}{${labels}`), line);
        seen.add(`${name}{${labels}`);
      }
    }
  });
});

Deno.test("an interface of the kernel has no facts that it does not tell", () => {
  const kernel: InterfaceStatus = {
    ...NO_FACTS,
    ...parseGet(`listen_port=7\npublic_key=${"11".repeat(32)}\nrx_bytes=5\ntx_bytes=6\n`),
  };
  const text = formatMetrics([{ name: "wg0", status: kernel }], 0, "openmetrics");
  const names = [...text.matchAll(/^(wg_[a-z_]+)\{/gm)].map(([, name]) => name);
  assert.deepEqual(names, [
    "wg_interface_answered",
    "wg_interface_info",
    "wg_interface_listen_port",
    "wg_interface_peers",
    "wg_peer_info",
    "wg_peer_receive_bytes_total",
    "wg_peer_transmit_bytes_total",
    "wg_peer_persistent_keepalive_seconds",
    "wg_peer_disabled",
  ]);
});
