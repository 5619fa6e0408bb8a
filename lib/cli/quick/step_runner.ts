/**
 * Does, undoes and looks for the steps of a plan on this machine.
 * @module
 */
import type { DeviceChange } from "../../base/config.ts";
import { EACCES, EADDRNOTAVAIL, ENODEV, ENOENT, ESRCH, osError } from "../../base/errno.ts";
import { ConfigError, OsError } from "../../base/errors.ts";
import { parseRange } from "../../base/ip_text.ts";
import { sameBytes } from "../../base/endpoint.ts";
import { destroyDaemon, getDevice, interfaceExists, setDevice } from "../../daemon/client.ts";
import { spawnDaemon } from "../../daemon/client.ts";
import { type DnsWay, findDnsWay, hasDns, setDns, unsetDns } from "../../linux/dns/dns.ts";
import { matches, PolicyRules } from "../../linux/policy_rule.ts";
import { RouteSocket } from "../../linux/route_socket.ts";
import { readSysctl, setSysctl } from "../../linux/sysctl.ts";
import {
  hasTunnelFirewall,
  removeTunnelFirewall,
  setTunnelFirewall,
} from "../../linux/tunnel_firewall.ts";
import { IFF_UP } from "../../netlink/flags.ts";
import { type RouteRequest, RT_TABLE_MAIN, RTPROT_BOOT } from "../../netlink/route.ts";
import type { PolicyRule, RuleRequest } from "../../netlink/rule.ts";
import type { HookRunner } from "./hooks.ts";
import type { DoneStep, Saved, Step } from "./plan.ts";
import { restoreSetting } from "./shared_setting.ts";

/** The steps that outlive the interface, so that destroying it does not undo them. */
export const outlivesInterface = ({ type }: Step): boolean =>
  type === "rule" || type === "suppress" || type === "sysctl" || type === "nft" || type === "dns";

/** The steps of one interface. */
export class StepRunner {
  readonly #name: string;
  readonly #hooks: HookRunner;
  #dnsWay: DnsWay | undefined;

  constructor(name: string, hooks: HookRunner) {
    this.#name = name;
    this.#hooks = hooks;
  }

  /** How name servers are set on this machine. @throws OsError */
  async dnsWay(): Promise<DnsWay> {
    return this.#dnsWay ??= await findDnsWay();
  }

  /**
   * Does a step.
   * @param change the configuration, for the step `create`
   * @returns what undoing the step requires
   * @throws ConfigError or OsError; the step is not done then
   */
  async do(step: Step, change: DeviceChange): Promise<Saved> {
    switch (step.type) {
      case "hook": {
        const problem = await this.#hooks.run(step.command);
        if (problem !== undefined) throw new ConfigError(step.phase, problem);
        return undefined;
      }
      case "create":
        return await spawnDaemon(this.#name, change);
      case "fwmark":
        return await setDevice(this.#name, { fwmark: step.mark });
      case "dns":
        return await setDns(this.#name, step, await this.dnsWay());
      case "nft":
        return setTunnelFirewall({
          interfaceName: this.#name,
          family: step.family,
          mark: step.mark,
          addresses: step.addresses.map((address) => rangeOf(address).address),
        });
      case "sysctl":
        return setSysctl(step.name, step.value);
      case "rule":
      case "suppress":
        return addRule(step);
      case "address":
      case "link":
      case "route":
        return this.#onLink((routes, index) => doOnLink(routes, index, step));
    }
  }

  /**
   * Undoes a step. What is not there any more is no error.
   * @throws ConfigError or OsError
   */
  async undo({ step, saved }: DoneStep): Promise<void> {
    switch (step.type) {
      case "hook":
        return;
      case "create":
        return await destroy(this.#name);
      case "fwmark":
        return await setDevice(this.#name, { fwmark: 0 });
      case "dns":
        return await unsetDns(this.#name, saved as DnsWay | undefined);
      case "nft":
        return removeTunnelFirewall(this.#name, step.family);
      case "sysctl":
        return restoreSetting(this.#name, step, saved);
      case "rule":
      case "suppress":
        return deleteRule(step, saved);
      case "address":
      case "link":
      case "route":
        return this.#onLink((routes, index) => undoOnLink(routes, index, step));
    }
  }

  /**
   * Whether the effect of a step is there; undefined for a step whose effect cannot be seen.
   * @throws OsError
   */
  async isInPlace({ step, saved }: DoneStep): Promise<boolean | undefined> {
    switch (step.type) {
      case "hook":
        return undefined;
      case "create":
        return interfaceExists(this.#name);
      case "fwmark":
        return (await getDevice(this.#name)).fwmark === step.mark;
      case "dns":
        return await hasDns(this.#name, step, saved as DnsWay | undefined);
      case "nft":
        return hasTunnelFirewall(this.#name, step.family);
      case "sysctl":
        return readSysctl(step.name) === step.value;
      case "rule":
      case "suppress":
        return findRule(step, saved) !== undefined;
      case "address":
      case "link":
      case "route": {
        using routes = RouteSocket.open();
        const link = routes.link(this.#name);
        return link !== undefined && isOnLink(routes, link.index, step);
      }
    }
  }

  #onLink(act: (routes: RouteSocket, index: number) => void): void {
    using routes = RouteSocket.open();
    act(routes, routes.requireLink(this.#name).index);
  }
}

/** As ip-address(8) adds addresses. The link has no duplicate address detection to switch off. */
const NO_FLAGS = 0;

type LinkStep = Extract<Step, { readonly type: "address" | "link" | "route" }>;
type RuleStep = Extract<Step, { readonly type: "rule" | "suppress" }>;

/** Ends the interface, also one whose process has ended, or is another implementation's. */
async function destroy(name: string): Promise<void> {
  if (interfaceExists(name)) {
    await destroyDaemon(name).catch((error) => {
      // Unless it has ended by itself meanwhile.
      if (interfaceExists(name)) throw error;
    });
  }
  using routes = RouteSocket.open();
  const link = routes.link(name);
  if (link !== undefined) routes.deleteLink(link.index);
}

function rangeOf(text: string) {
  const range = parseRange(text);
  if (range === undefined) throw new ConfigError(text, "not a range");
  return range;
}

/** An address of a step, e.g. `10.0.0.1/24`, with its host bits. */
function addressOf(text: string) {
  const [host, prefix] = text.split("/");
  return { address: rangeOf(host).address, prefix: Number(prefix) };
}

function routeOf(index: number, step: LinkStep & { readonly type: "route" }): RouteRequest {
  const { address, prefix } = rangeOf(step.destination);
  return {
    destination: address,
    prefix,
    interfaceIndex: index,
    table: step.table,
    protocol: RTPROT_BOOT,
  };
}

function doOnLink(routes: RouteSocket, index: number, step: LinkStep): void {
  switch (step.type) {
    case "address":
      try {
        return routes.addAddress({
          ...addressOf(step.address),
          interfaceIndex: index,
          flags: NO_FLAGS,
        });
      } catch (error) {
        throw step.address.includes(":") ? withReason(error) : error;
      }
    case "link":
      return routes.setLink(index, { mtu: step.mtu, up: true });
    case "route":
      return routes.addRoute(routeOf(index, step));
  }
}

/** Names the setting for which the kernel refuses every IPv6 address. */
function withReason(error: unknown): unknown {
  if (!(error instanceof OsError) || error.errno !== EACCES) return error;
  const why = "IPv6 is disabled here (net.ipv6.conf.default.disable_ipv6)";
  return osError(error.call, error.object, EACCES, why);
}

function undoOnLink(routes: RouteSocket, index: number, step: LinkStep): void {
  try {
    switch (step.type) {
      case "address":
        return routes.deleteAddress({ ...addressOf(step.address), interfaceIndex: index });
      case "link":
        return routes.setLink(index, { up: false });
      case "route":
        return routes.deleteRoute(routeOf(index, step));
    }
  } catch (error) {
    const gone = error instanceof OsError &&
      [EADDRNOTAVAIL, ESRCH, ENOENT, ENODEV].includes(error.errno);
    if (!gone) throw error;
  }
}

function isOnLink(routes: RouteSocket, index: number, step: LinkStep): boolean {
  switch (step.type) {
    case "address": {
      const { address, prefix } = addressOf(step.address);
      return routes.addresses({ interfaceIndex: index }).some((one) =>
        one.prefix === prefix && sameBytes(one.address, address)
      );
    }
    case "link": {
      const link = routes.requireLink(index);
      return link.mtu === step.mtu && (link.flags & IFF_UP) !== 0;
    }
    case "route": {
      const { address, prefix } = rangeOf(step.destination);
      const family = address.length === 4 ? 4 : 6;
      const table = step.table ?? RT_TABLE_MAIN;
      return routes.routes({ family, table, interfaceIndex: index }).some((route) =>
        route.prefix === prefix && sameBytes(route.destination, address)
      );
    }
  }
}

const ruleOf = (step: RuleStep): RuleRequest =>
  step.type === "rule"
    ? { family: step.family, inverted: true, mark: step.mark, table: step.table }
    : { family: step.family, table: RT_TABLE_MAIN, suppressPrefixLength: 0 };

/** @returns the priority that the kernel chose, by which the rule is told from its equals */
function addRule(step: RuleStep): number {
  using rules = PolicyRules.open();
  return rules.add(ruleOf(step)).priority;
}

function findRule(step: RuleStep, saved: Saved): PolicyRule | undefined {
  using rules = PolicyRules.open();
  const priority = typeof saved === "number" ? saved : undefined;
  return rules.list(step.family).find((rule) => matches(rule, { ...ruleOf(step), priority }));
}

function deleteRule(step: RuleStep, saved: Saved): void {
  using rules = PolicyRules.open();
  const found = findRule(step, saved);
  if (found !== undefined) rules.delete(found);
}
