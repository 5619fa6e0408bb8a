import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Laboratory } from "../../scripts/bench/laboratory.ts";
import { needs } from "../system/needs.ts";

const LOAD = fileURLToPath(import.meta.resolve("../../scripts/bench/one_end_load.ts"));
const SUPER_PACKET = 46 * 1372;

Deno.test(
  "the load of one end sends what it tells, and no more than its rate",
  needs("root", "namespaces", "ip"),
  async () => {
    await using laboratory = await Laboratory.open();
    const { left, right } = laboratory;
    const received = async () => {
      const { stdout } = await right.run(["ip", "-s", "-j", "link", "show", "wire"]);
      return JSON.parse(stdout)[0].stats64.rx.bytes as number;
    };
    const [seconds, gbits, flows] = [0.5, 0.4, 5];
    const before = await received();
    const argv = [Deno.execPath(), "run", "-A", LOAD, ...[seconds, gbits, flows].map(String)];
    const { stdout } = await left.run([...argv, right.address, right.address]);
    const sent = Number(stdout);
    assert.ok(sent >= flows * SUPER_PACKET && sent % SUPER_PACKET === 0, stdout);
    assert.ok(sent <= gbits * 1e9 / 8 * seconds + SUPER_PACKET, stdout);
    assert.ok(await received() - before >= sent, `${await received() - before} of ${sent}`);
  },
);
