/**
 * Metrics as a user has them: the command, a listener with hostile clients, a real Prometheus that
 * scrapes it, and the queries of the dashboard.
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { unpackedFolder } from "../../scripts/unpacked.ts";
import { CONNECTIONS_MAX } from "../../lib/cli/metrics/listener.ts";
import { COUNTERS } from "../../lib/base/counters.ts";
import { QUEUES } from "../../lib/base/queues.ts";
import { needs } from "./needs.ts";
import { may, must, ping, randomKey, tunnel, WG, wgRoom, writeFile } from "./peers.ts";
import { pinging } from "./running.ts";
import { walk } from "./tour.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ping");

/** The value of a sample by its whole name with labels. */
function valueOf(text: string, name: string, labels: string): number {
  const line = text.split("\n").find((line) =>
    line.startsWith(`${name}{`) && line.includes(labels)
  );
  ok(line !== undefined, `${name} ${labels}`);
  return Number(line.slice(line.lastIndexOf(" ")));
}

/** Requests a path of the listener from inside the room. */
async function get(room: Room, path: string, accept = ""): Promise<{ head: string; body: string }> {
  const script = `
    const response = await fetch("http://127.0.0.1:9586${path}", { headers: { accept: "${accept}" } });
    console.log(response.status, response.headers.get("content-type"));
    console.log(await response.text());
  `;
  const shown = await room.output([Deno.execPath(), "eval", "--quiet", "--no-config", script]);
  const end = shown.indexOf("\n");
  return { head: shown.slice(0, end), body: shown.slice(end + 1, -1) };
}

Deno.test("wg metrics has all counters and queues, names, and no secret key", NEEDED, async () => {
  await using room = await wgRoom();
  const psk = randomKey();
  const { keys, publicKeys } = await tunnel(room, "10.0.0.2", `wgpsk ${psk} wgdescr off"ice\\`);
  await must(room, "ifconfig wg7 create");
  await ping(room, "left", "192.168.5.2");
  const text = await must(room, `${WG} metrics`);
  for (const secret of [psk, keys.left, keys.right]) ok(!text.includes(secret));
  ok(text.endsWith("# EOF\n"));
  const labels = `interface="wg1",public_key="${publicKeys.right}",name="off\\"ice\\\\"`;
  ok(valueOf(text, "wg_peer_receive_bytes_total", labels) > 400);
  ok(valueOf(text, "wg_peer_transmit_bytes_total", labels) > 400);
  const age = valueOf(text, "wg_peer_handshake_age_seconds", labels);
  ok(age >= 0 && age < 60, `${age}`);
  equal(valueOf(text, "wg_peer_handshake_completed_total", labels), 1);
  match(
    text,
    /^wg_peer_info\{interface="wg1",[^}]*endpoint="10\.0\.0\.2:7222",allowed_ips="192.168.5.2\/32,fd05::2\/128"\} 1$/m,
  );
  equal(valueOf(text, "wg_interface_up", 'interface="wg1"'), 1);
  equal(valueOf(text, "wg_interface_up", 'interface="wg7"'), 0);
  match(
    text,
    new RegExp(
      `^wg_interface_info\\{interface="wg1",public_key="${
        publicKeys.left.replaceAll("+", "\\+")
      }",version="[^"]+",suite="[^"]+",cipher="[^"]+"\\} 1$`,
      "m",
    ),
  );
  const names = new Set(text.matchAll(/^(wg_[a-z0-9_]+)\{/gm).map(([, name]) => name));
  for (const [name] of COUNTERS) {
    ok(names.has(`wg_interface_${name.replace(/_ms$/, "_seconds")}_total`), name);
  }
  for (const [name] of QUEUES) ok(names.has(`wg_interface_queue_${name}`), name);
  // One interface, and one that does not answer.
  ok(!(await must(room, `${WG} metrics wg7`)).includes('interface="wg1"'));
  const missing = await may(room, `${WG} metrics wg9`);
  equal(missing.code, 1);
  match(missing.stderr, /^wg: wg9: [^\n]+\(ENXIO\)\n$/);
  equal(missing.stdout.split("\n")[2], 'wg_interface_answered{interface="wg9"} 0');
});

Deno.test("a process that hangs costs its own metrics only", NEEDED, async () => {
  await using room = await wgRoom();
  await must(room, "ifconfig wg1 create");
  await must(room, "ifconfig wg2 create");
  const pid = /\tpid (\d+)|"pid": ?(\d+)/.exec(await must(room, "ifconfig wg2 hwfeatures --json"));
  ok(pid !== null);
  await must(room, `kill -STOP ${pid[1] ?? pid[2]}`);
  const ran = await may(room, `${WG} metrics`);
  equal(ran.code, 1);
  match(ran.stderr, /^wg: wg2: /);
  equal(valueOf(ran.stdout, "wg_interface_answered", 'interface="wg1"'), 1);
  equal(valueOf(ran.stdout, "wg_interface_answered", 'interface="wg2"'), 0);
  ok(ran.stdout.includes('wg_interface_up{interface="wg1"}'));
  await must(room, `kill -CONT ${pid[1] ?? pid[2]}`);
});

Deno.test("what waits for a handshake, and what a full socket dropped", NEEDED, async () => {
  await using room = await wgRoom();
  await tunnel(room);
  const value = async (name: string, labels: string) =>
    valueOf(await must(room, `${WG} metrics`), name, labels);
  await must(
    room,
    `ifconfig wg1 wgpeer ${randomKey()} wgendpoint 10.0.0.77 7777 wgaip 192.168.5.77/32`,
  );
  await may(room, "ping -n -c 3 -i 0.01 -W 1 192.168.5.77", "left");
  ok(await value("wg_interface_queue_staged_bytes", 'interface="wg1"') >= 3 * 84);

  equal(await value("wg_interface_udp_overflowed_total", 'interface="wg2"'), 0);
  const pid = /"pid": (\d+)/.exec(await must(room, "ifconfig wg2 hwfeatures --json"))?.[1];
  await must(room, `kill -STOP ${pid}`);
  const script = `
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 0 });
    const to = { transport: "udp", hostname: "10.0.0.2", port: 7222 };
    for (let i = 0; i < 20_000; i++) await socket.send(new Uint8Array(1_400), to);
  `;
  const words = ["eval", "--quiet", "--no-config", "--unstable-net", script];
  await room.output([Deno.execPath(), ...words], { netns: "left" });
  await must(room, `kill -CONT ${pid}`);
  ok(await value("wg_interface_udp_overflowed_total", 'interface="wg2"') > 1_000);
});

Deno.test("a listener: formats, other requests, a Unix socket, and its end", NEEDED, async () => {
  await using room = await wgRoom();
  await must(room, "ifconfig wg1 create");
  const listener = room.spawn([WG, "metrics", "--listen", "9586"]);
  await listener.wrote("metrics are at 127.0.0.1:9586");
  const old = await get(room, "/metrics");
  equal(old.head, "200 text/plain; version=0.0.4; charset=utf-8");
  match(old.body, /^# TYPE wg_interface_rx_datagrams_total counter$/m);
  const open = await get(room, "/metrics?x=1", "application/openmetrics-text;version=1.0.0");
  equal(open.head, "200 application/openmetrics-text; version=1.0.0; charset=utf-8");
  match(open.body, /^# TYPE wg_interface_rx_datagrams counter$/m);
  match((await get(room, "/")).head, /^404 /);
  // An interface that comes later is there, and one that goes is not.
  await must(room, "ifconfig wg2 create");
  await must(room, "ifconfig wg1 destroy");
  const later = (await get(room, "/metrics")).body;
  deepEqual([later.includes('"wg1"'), later.includes('"wg2"')], [false, true]);
  const again = await may(room, `${WG} metrics --listen 9586`);
  equal(again.code, 1);
  match(again.stderr, /^wg: 127\.0\.0\.1:9586: bind: .*EADDRINUSE/);
  listener.signal("SIGTERM");
  equal((await listener.status).code, 0);

  const path = "/run/wg-metrics.sock";
  const unix = () => room.spawn([WG, "metrics", "--listen", `unix:${path}`]);
  const first = unix();
  await first.wrote(`metrics are at unix:${path}`);
  match(await must(room, `stat -c %a ${path}`), /^660$/m);
  first.signal("SIGKILL");
  await first.status;
  const second = unix();
  await second.wrote("metrics are at");
  using client = await Deno.connect({ transport: "unix", path: `/proc/${room.pid}/root${path}` });
  await client.write(new TextEncoder().encode("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
  const part = new Uint8Array(1000);
  const count = await client.read(part);
  match(new TextDecoder().decode(part.subarray(0, count ?? 0)), /^HTTP\/1\.1 200 OK\r\n/);
  second.signal("SIGTERM");
  equal((await second.status).code, 0);
  equal((await may(room, `test -e ${path}`)).code, 1);
});

Deno.test("clients that say nothing are bounded in number and in time", NEEDED, async () => {
  await using room = await wgRoom();
  await must(room, "ifconfig wg1 create");
  const path = "/run/wg-metrics.sock";
  const listener = room.spawn([WG, "metrics", "--listen", `unix:${path}`]);
  await listener.wrote("metrics are at");
  const outside = `/proc/${room.pid}/root${path}`;
  const connect = () => Deno.connect({ transport: "unix", path: outside });
  const silent = await Promise.all(Array.from({ length: CONNECTIONS_MAX }, connect));
  const ends = silent.map(async (client, i) => {
    if (i % 2 === 0) await client.write(new TextEncoder().encode("GET /metr"));
    const part = new Uint8Array(1000);
    while (await client.read(part).catch(() => null) !== null);
    client.close();
  });
  const part = new Uint8Array(1000);
  const isAnswered = async () => {
    using next = await connect();
    await next.write(new TextEncoder().encode("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
    match(new TextDecoder().decode(part.subarray(0, await next.read(part) ?? 0)), / 200 OK\r\n/);
  };
  // The oldest one makes room.
  await isAnswered();
  await Promise.all(ends);
  await isAnswered();
  // A head without end, and a body without end.
  using long = await connect();
  const junk = new TextEncoder().encode(`GET /metrics HTTP/1.1\r\nX: ${"x".repeat(9_000)}`);
  await long.write(junk);
  match(new TextDecoder().decode(part.subarray(0, await long.read(part) ?? 0)), /^HTTP\/1\.1 431 /);
  listener.signal("SIGTERM");
  equal((await listener.status).code, 0);
});

/** What promtool prints of a query with data. */
const HAS_DATA = /^(\{[^\n]*\}|wg_[a-z_]+\{[^\n]*\}) => [0-9.e+-]+ @/;

/** A query of the dashboard, with the panel that has it. */
interface Query {
  readonly title: string;
  readonly expression: string;
}

function dashboardQueries(): Query[] {
  const { panels } = JSON.parse(Deno.readTextFileSync(`${ROOT}etc/grafana/wg.json`)) as {
    panels: { title: string; targets: { expr: string }[] }[];
  };
  return panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => ({
      title,
      expression: expr.replaceAll("$interface", ".*").replaceAll("$__rate_interval", "1m"),
    }))
  );
}

Deno.test(
  "Prometheus scrapes the listener, promtool finds no fault, and every query has data",
  needs("namespaces", "tun", "ip", "ping", "prometheus"),
  async () => {
    const [prometheus, promtool] = ["prometheus", "promtool"].map((name) =>
      `${unpackedFolder("prometheus")}/usr/bin/${name}`
    );
    await using room = await wgRoom();
    const { publicKeys } = await tunnel(room, "10.0.0.2", "wgdescr office");
    await ping(room, "left", "192.168.5.2");
    const text = await must(room, `${WG} metrics --prometheus`);
    const checked = await room.run([promtool, "check", "metrics"], { stdin: text });
    equal(`${checked.code}${checked.stdout}${checked.stderr}`, "0");

    const listener = room.spawn([WG, "metrics", "--listen", "9586"]);
    await writeFile(
      room,
      "/run/prometheus.yml",
      "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: wg\n    static_configs:\n" +
        "      - targets: ['127.0.0.1:9586']\n",
    );
    const server = room.spawn([
      prometheus,
      "--config.file=/run/prometheus.yml",
      "--storage.tsdb.path=/run/tsdb",
      "--web.listen-address=127.0.0.1:9090",
    ]);
    const query = async (expression: string) => {
      const words = [promtool, "query", "instant", "http://127.0.0.1:9090", expression];
      return (await room.run(words)).stdout;
    };
    await eventually("three scrapes", async () => {
      const shown = await query("count_over_time(wg_interface_up[1m]) >= 3");
      return shown.includes('interface="wg1"');
    });
    match(await query("up"), /^up\{instance="127\.0\.0\.1:9586", job="wg"\} => 1 /);
    const pings = pinging(room, "left", "192.168.5.2");
    const of = `interface="wg1", job="wg", name="office", public_key="${publicKeys.right}"`;
    await eventually("traffic", async () => {
      const shown = await query("rate(wg_peer_receive_bytes_total[1m]) > 0");
      return shown.includes(of);
    });
    for (const { title, expression } of dashboardQueries()) {
      await eventually(
        `${title}: ${expression}`,
        async () => HAS_DATA.test(await query(expression)),
      );
    }
    await pings.end();
    for (const running of [listener, server]) {
      running.signal("SIGTERM");
      equal((await running.status).code, 0, running.output());
    }
  },
);

Deno.test("the tour of metrics", NEEDED, async () => {
  await using room = await wgRoom();
  await tunnel(room, "10.0.0.2", "wgdescr office");
  await ping(room, "left", "192.168.5.2");
  await walk(room, "Metrics");
});
