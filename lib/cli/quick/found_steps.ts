/**
 * Finds what wg-quick(8) has done for an interface, from its file and its mark.
 * @module
 */
import type { DeviceStatus } from "../../base/config.ts";
import type { QuickConfig } from "../../wgconf/quick.ts";
import { type DoneStep, planUp } from "./plan.ts";

/** The steps that a running interface must have had. Some of them may not be in place. */
export function stepsFound(
  { fwmark, peers }: Pick<DeviceStatus, "fwmark" | "peers">,
  config: QuickConfig,
): DoneStep[] {
  const steps = planUp({
    addresses: config.addresses,
    mtu: 0,
    dns: config.dns,
    // Without a mark there are no rules, and a fixed table needs none.
    table: config.table === "auto" && fwmark !== 0 ? "auto" : "off",
    fwmark,
    freeTable: fwmark,
    allowedIps: peers.flatMap(({ allowedIps }) => allowedIps),
    hooks: { PreUp: [], PostUp: [] },
  });
  return steps.filter(({ type }) => type !== "create" && type !== "address" && type !== "link")
    .map((step) => ({ step }));
}
