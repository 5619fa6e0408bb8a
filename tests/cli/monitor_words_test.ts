/**
 * The words of `wg monitor`, and the fields of the journal.
 * @module
 */
import { deepEqual, throws } from "node:assert/strict";
import { journalFields } from "../../lib/cli/monitor/journal_fields.ts";
import { parseMonitor } from "../../lib/cli/monitor/words.ts";

const parse = (line: string) => parseMonitor(line.split(" ").filter((word) => word !== ""));

Deno.test("words and their order", () => {
  const nothing = { names: [], json: false, journal: false, hooks: undefined };
  deepEqual(parse(""), nothing);
  deepEqual(parse("wg1 --json wg2 wg1"), { ...nothing, names: ["wg1", "wg2"], json: true });
  deepEqual(parse("--hooks /etc/hooks wg1 --journal"), {
    names: ["wg1"],
    json: false,
    journal: true,
    hooks: "/etc/hooks",
  });
  throws(() => parse("--jsn"), /^ConfigError: --jsn: unknown option/);
  throws(() => parse("--hooks"), /--hooks: a folder is required after it/);
  throws(() => parse("--json --journal"), /--json: not allowed with --journal and --hooks/);
});

Deno.test("the fields of an event in the journal", () => {
  deepEqual(
    journalFields({
      time: "2026-11-27T18:00:00.000Z",
      interface: "wg1",
      event: "changed",
      changed: ["listen port", "debug"],
      uid: 0,
      pid: 12,
      program: "wg",
    }),
    {
      MESSAGE: "wg1: changed by wg, process 12 of user 0: listen port, debug",
      PRIORITY: "6",
      SYSLOG_IDENTIFIER: "wg",
      WG_TIME: "2026-11-27T18:00:00.000Z",
      WG_INTERFACE: "wg1",
      WG_EVENT: "changed",
      WG_CHANGED: "listen port, debug",
      WG_UID: "0",
      WG_PID: "12",
      WG_PROGRAM: "wg",
    },
  );
  const refused = journalFields({
    time: "",
    interface: "wg1",
    event: "refused",
    why: "handshake_replayed",
    leftOut: 2,
  });
  deepEqual([refused.PRIORITY, refused.WG_LEFT_OUT], ["5", "2"]);
});
