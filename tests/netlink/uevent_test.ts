import assert from "node:assert/strict";
import { tellsOfClone } from "../../lib/netlink/uevent.ts";

const event = (...texts: readonly string[]) =>
  new TextEncoder().encode(texts.map((text) => `${text}\0`).join(""));

Deno.test("a uevent tells of a clone by its variable, wherever it stands", () => {
  const head = "change@/devices/platform/QEMUVGID:00";
  assert.ok(tellsOfClone(event(head, "ACTION=change", "NEW_VMGENID=1", "SEQNUM=7")));
  assert.ok(tellsOfClone(event(head, "NEW_VMGENID=1").slice(0, -1)), "without the last zero byte");
  for (
    const other of [
      event(head, "ACTION=change", "SEQNUM=7"),
      event(head, "NEW_VMGENID=10"),
      event(head, "OLD_NEW_VMGENID=1"),
      event(head, "NEW_VMGENID="),
      new Uint8Array(),
    ]
  ) assert.ok(!tellsOfClone(other));
});
