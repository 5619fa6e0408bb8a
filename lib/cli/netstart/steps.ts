/**
 * Does the steps of a hostname.if(5) file: line by line as OpenBSD's netstart, or for a reload as
 * one change.
 * @module
 */
import { ConfigError, OsError } from "../../base/errors.ts";
import { sameBytes } from "../../base/endpoint.ts";
import { withPeerName } from "../../base/peer_name.ts";
import { destroyDaemon, getDevice, interfaceExists } from "../../daemon/client.ts";
import { IFF_UP } from "../../netlink/flags.ts";
import { isLinkLocal } from "../ifconfig/address_plan.ts";
import { applyCommand, changeInterface, readCommand } from "../ifconfig/change.ts";
import { differenceOf, type RunningInterface } from "../ifconfig/difference.ts";
import { identityToldBy, placeOf } from "../ifconfig/place.ts";
import { runningInterface } from "../ifconfig/running.ts";
import { type WantedInterface, wantedOf } from "../ifconfig/wanted.ts";
import type { AddressChange, Command } from "../ifconfig/words/draft.ts";
import { unresolvedWarnings } from "../named_endpoints.ts";
import { complain } from "../output.ts";
import {
  addsNoted,
  deleteNoted,
  deletionText,
  isThere,
  notedText,
} from "../route/netstart_routes.ts";
import type { HostnameStep } from "./hostname_if.ts";
import { passedOverText, stepText, wordsOf } from "./hostname_if.ts";
import { digestOf, type NetstartRecord, readRecord, writeRecord } from "./record.ts";
import { commandName, type FileShell } from "./shell.ts";

/** Our commands without effects on an interface that a record would have to keep. */
const HARMLESS_COMMANDS = ["route", "netstat"];

/** One run of one file. */
export class FileRun {
  readonly #name: string;
  readonly #file: string;
  readonly #shell: FileShell;
  readonly #steps: readonly HostnameStep[];
  /** Whether something failed that does not stop the run. */
  #failed = false;
  /** The number of the current line, for messages; 0 before the first. */
  #line = 0;

  /** @param file the path of the file, for messages */
  constructor(name: string, file: string, shell: FileShell, steps: readonly HostnameStep[]) {
    this.#name = name;
    this.#file = file;
    this.#shell = shell;
    this.#steps = steps;
  }

  /**
   * Does the steps in their order, and reports what is in use but not in the file. An interface
   * that was created here and cannot be configured is destroyed.
   * @returns whether everything succeeded
   */
  async start(): Promise<boolean> {
    let made = false;
    try {
      if (!interfaceExists(this.#name)) {
        await changeInterface([this.#name, "create"]);
        made = true;
      }
      const before = await runningInterface(this.#name);
      const record = readRecord(before.status.pid);
      const commands: Command[] = [];
      for (const step of this.#steps) await this.#do(step, commands);
      this.#line = 0;
      await this.#nameTheRest(made, commands, before, record);
      await this.#tellUnresolved(commands);
      return !this.#failed;
    } catch (error) {
      this.#complain(messageOf(error));
      if (made && interfaceExists(this.#name)) await destroyDaemon(this.#name);
      return false;
    }
  }

  /**
   * Makes the interface match the file: all lines are read first, and the difference is applied as
   * one change. Then the commands are run. Routes that the commands added in an earlier run but not
   * in this one are deleted.
   * @returns whether everything succeeded
   */
  async reload(): Promise<boolean> {
    if (!interfaceExists(this.#name)) return await this.start();
    try {
      const commands = await this.#readAll();
      const running = withLinkLocal(await runningInterface(this.#name), commands);
      const record = readRecord(running.status.pid);
      const digest = await digestOf(this.#opaqueCommands());
      const spare = new Set(record.commands === digest ? record.theirs : []);
      const wanted = wantedFor(running, commands);
      const { command, extra } = differenceOf(this.#name, running, wanted, spare);
      if (command !== undefined) await applyCommand(command);
      if (extra.includes("wgkey") && !spare.has("wgkey")) {
        this.#complain(
          "wgkey: the private key is in use but not in the file; it is kept, as it may be the only copy",
        );
      }
      this.#shell.routesBefore(record.routes);
      for (const step of this.#steps) if (step.type === "command") await this.#runCommand(step);
      this.#line = 0;
      const routes = this.#shell.routesAdded();
      for (const route of record.routes) if (!routes.includes(route)) this.#deleteRoute(route);
      const theirs = differenceOf(this.#name, await runningInterface(this.#name), wanted).extra
        .filter((words) => words !== "wgkey" || spare.has(words));
      writeRecord({
        pid: running.status.pid,
        file: this.#file,
        commands: digest,
        theirs,
        routes,
      });
      await this.#tellUnresolved(commands);
      return !this.#failed;
    } catch (error) {
      this.#complain(messageOf(error));
      return false;
    }
  }

  /**
   * Prints what `reload` would do.
   * @returns whether everything succeeded
   */
  async printReload(): Promise<boolean> {
    try {
      const commands = await this.#readAll();
      const running = withLinkLocal(await runningInterface(this.#name), commands);
      const record = readRecord(running.status.pid);
      const same = record.commands === await digestOf(this.#opaqueCommands());
      const spare = new Set(same ? record.theirs : []);
      const { plan } = differenceOf(this.#name, running, wantedFor(running, commands), spare);
      for (const line of plan) console.log(`ifconfig ${this.#name} ${line}`);
      for (const step of this.#steps) if (step.type === "command") console.log(stepText(step));
      for (const route of record.routes) if (isThere(route)) this.#printDeletion(route);
      return !this.#failed;
    } catch (error) {
      this.#complain(messageOf(error));
      return false;
    }
  }

  /** A route of an earlier run goes when no command adds it; what a shell runs cannot be told. */
  #printDeletion(route: string): void {
    const added = this.#steps.filter((step) => step.type === "command").map(({ words }) =>
      words?.[0] === "route"
        ? addsNoted(route, words.slice(1))
        : HARMLESS_COMMANDS.includes(words?.[0] ?? "")
        ? false
        : undefined
    );
    if (added.includes(true)) return;
    console.log(
      added.includes(undefined)
        ? `# route ${notedText(route)} goes unless a command adds it`
        : deletionText(route),
    );
  }

  /**
   * Does one step.
   * @param commands receives the commands of lines for ifconfig
   */
  async #do(step: HostnameStep, commands: Command[]): Promise<void> {
    const command = await this.#read(step);
    if (step.type === "command") await this.#runCommand(step);
    if (command === undefined) return;
    try {
      const lost = await this.#movesTo(command.rdomain)
        ? commands.filter(({ addresses }) => addresses.length > 0)
        : [];
      await applyCommand(command);
      for (const { addresses } of lost) await applyCommand(addressesAlone(command.name, addresses));
      commands.push(command);
    } catch (error) {
      this.#tellOrThrow(step, error);
    }
  }

  /**
   * Whether the interface is in another rdomain now: the move costs the addresses of the lines
   * before.
   */
  async #movesTo(rdomain: number | undefined): Promise<boolean> {
    if (rdomain === undefined) return false;
    return placeOf(identityToldBy(await getDevice(this.#name))) !== rdomain;
  }

  /** The commands of all lines for ifconfig. */
  async #readAll(): Promise<Command[]> {
    const commands: Command[] = [];
    for (const step of this.#steps) {
      const command = await this.#read(step);
      if (command !== undefined) commands.push(command);
    }
    this.#line = 0;
    return commands;
  }

  /**
   * The command of a line for ifconfig; undefined for other lines, and for a wrong line that may
   * fail.
   */
  async #read(step: HostnameStep): Promise<Command | undefined> {
    this.#line = step.line;
    if (step.type === "assignment") {
      this.#tell(step, await this.#shell.assign(step.text, step.names));
    }
    if (step.type !== "ifconfig" && step.type !== "evaluated") return undefined;
    try {
      return await readCommand(step.type === "ifconfig" ? step.words : await this.#evaluate(step));
    } catch (error) {
      this.#tellOrThrow(step, error);
      return undefined;
    }
  }

  async #evaluate(step: HostnameStep & { readonly type: "evaluated" }): Promise<readonly string[]> {
    const passedOver: string[] = [];
    const words = await this.#shell.words(step.text);
    const destination = step.destination === undefined
      ? undefined
      : await this.#shell.words(step.destination);
    const whole = wordsOf(step, words, destination, passedOver);
    for (const word of passedOver) this.#complain(passedOverText(word));
    return whole;
  }

  async #runCommand(step: HostnameStep & { readonly type: "command" }): Promise<void> {
    this.#line = step.line;
    this.#tell(step, await this.#shell.run(step.text, step.words));
  }

  /** Reports what is in use but not in the file, and writes the record. */
  async #nameTheRest(
    made: boolean,
    commands: readonly Command[],
    before: RunningInterface,
    record: NetstartRecord,
  ): Promise<void> {
    const digest = await digestOf(this.#opaqueCommands());
    const old = record.commands === digest ? record.theirs : [];
    const now = withLinkLocal(await runningInterface(this.#name), commands);
    const wanted = wantedFor(now, commands);
    const was = made ? [] : differenceOf(this.#name, before, wanted).extra;
    const { extra } = differenceOf(this.#name, now, wanted);
    // What has appeared while the commands ran comes from them.
    const theirs = extra.filter((words) => old.includes(words) || !was.includes(words));
    for (const words of extra) {
      if (!theirs.includes(words)) this.#nameExtra(withPeerName(words, now.status.peers));
    }
    const routes = this.#shell.routesAdded();
    const others = record.routes.filter((route) => !routes.includes(route) && isThere(route));
    for (const route of others) this.#nameExtra(`route ${notedText(route)}`);
    const commandsNow = made || record.commands === "" ? digest : record.commands;
    writeRecord({
      pid: before.status.pid,
      file: this.#file,
      commands: commandsNow,
      theirs,
      routes: [...routes, ...others],
    });
  }

  /** Reports names of endpoints without an address. They do not stop the run. */
  async #tellUnresolved(commands: readonly Command[]): Promise<void> {
    const changes = commands.map(({ change }) => change);
    for (const warning of await unresolvedWarnings(this.#name, changes)) this.#complain(warning);
  }

  #nameExtra(words: string): void {
    // deno-lint-ignore no-control-regex
    const clean = words.replace(/[\x00-\x1f\x7f-\x9f]/g, "?");
    const how = words === "wgkey" ? "" : "; netstart -r removes it";
    this.#complain(`${clean}: in use but not in the file${how}`);
  }

  #deleteRoute(route: string): void {
    try {
      deleteNoted(route);
    } catch (error) {
      this.#failed = true;
      this.#complain(`route ${notedText(route)}: ${messageOf(error)}`);
    }
  }

  /** The commands that may have any effect on the interface. */
  #opaqueCommands(): string[] {
    return this.#steps.filter((step) => step.type === "command")
      .filter(({ words }) => !HARMLESS_COMMANDS.includes(words?.[0] ?? "")).map(({ text }) => text);
  }

  /**
   * Reports an error in a line that begins with `!`, and throws other errors. As on OpenBSD the
   * next line follows then: an interface without one of its routes is better than no interface.
   */
  #tellOrThrow(step: HostnameStep, error: unknown): void {
    if (!("command" in step && step.command)) throw error;
    this.#tell(step, messageOf(error));
  }

  #tell(step: HostnameStep, problem: string | undefined): void {
    if (problem === undefined) return;
    this.#failed = true;
    const what = step.type === "command" || step.type === "assignment"
      ? commandName(step.text)
      : "!ifconfig";
    this.#complain(`${what}: ${problem}`);
  }

  #complain(text: string): void {
    complain(`${this.#file}${this.#line === 0 ? "" : `:${this.#line}`}: ${text}`);
  }
}

/** A line of addresses and nothing else. */
function addressesAlone(name: string, addresses: readonly AddressChange[]): Command {
  return {
    name,
    create: false,
    destroy: false,
    up: undefined,
    mtu: undefined,
    description: undefined,
    rdomain: undefined,
    joinGroups: [],
    leaveGroups: [],
    addresses,
    change: {},
  };
}

/**
 * The wanted interface of the lines, for an interface with or without a link-local address.
 * @throws ConfigError
 */
function wantedFor({ link }: RunningInterface, commands: readonly Command[]): WantedInterface {
  return wantedOf(commands, link.addresses.find(isLinkLocal)?.address);
}

/**
 * The interface with the link-local address that comes back when it goes up. While it is down the
 * kernel keeps only addresses that have their last 64 bits from it.
 */
function withLinkLocal(running: RunningInterface, commands: readonly Command[]): RunningInterface {
  const { link } = running;
  if ((link.flags & IFF_UP) !== 0 || link.addresses.some(isLinkLocal)) return running;
  const prefixes = commands.flatMap(({ addresses }) => addresses)
    .filter((change) => change.type === "set").filter(({ eui64 }) => eui64).map(({ address }) =>
      address
    );
  const heir = link.addresses.find(({ address }) =>
    prefixes.some((prefix) => sameBytes(prefix.subarray(0, 8), address.subarray(0, 8)))
  );
  if (heir === undefined) return running;
  const address = Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, ...heir.address.subarray(8));
  return { ...running, link: { ...link, addresses: [...link.addresses, { ...heir, address }] } };
}

/**
 * The message of a ConfigError or an OsError.
 * @throws other errors
 */
function messageOf(error: unknown): string {
  if (error instanceof ConfigError || error instanceof OsError) return error.message;
  throw error;
}
