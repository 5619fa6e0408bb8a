/**
 * The service that has started the process of an interface. Another process gets its place: it has
 * the same control groups and variables, and systemd watches it. Where that is not possible the
 * restart is refused, because the service would take the end of the process for that of the
 * interface.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { joinGroupsOf, systemServiceOf } from "../../linux/cgroups.ts";
import { namespaceOf, wordsOf } from "../../linux/process_facts.ts";
import {
  SERVICE_VARIABLES,
  ServiceManager,
  serviceVariables,
} from "../../linux/service_manager.ts";
import { mainProcessOf, systemctl, takesOtherMain } from "../../linux/systemctl.ts";
import { messageOf } from "../system_error.ts";

/** How often systemd is asked whether it has changed the main process, and how long apart. */
const QUESTIONS = 25;
const APART_MS = 200;

/** The service of an interface's process. */
export class Service implements Disposable {
  #manager: ServiceManager | undefined;
  #feeding: ReturnType<typeof setInterval> | undefined;
  readonly #name: string;
  readonly #pid: number;
  /** The unit of systemd. */
  readonly #unit: string | undefined;
  /** Whether the unit ends with the process. */
  readonly #isMain: boolean;
  /** The process's variables for its service manager. */
  readonly #variables: Readonly<Record<string, string>>;

  private constructor(
    name: string,
    pid: number,
    unit: string | undefined,
    isMain: boolean,
  ) {
    this.#name = name;
    this.#pid = pid;
    this.#unit = unit;
    this.#isMain = isMain;
    // A process that a service has started on the way is not the one that its manager watches.
    this.#variables = unit === undefined || isMain ? variablesOf(pid) : {};
  }

  /**
   * The service of a process. Nothing is changed.
   * @throws ConfigError if only the service itself can restart the process
   */
  static async of(name: string, pid: number): Promise<Service> {
    const foreground = foregroundProcess(name, pid);
    const unit = systemServiceOf(pid);
    if (foreground !== undefined) {
      const how = unit === undefined ? "its service" : unit;
      throw new ConfigError(
        name,
        `process ${foreground} runs it in the foreground (wg -f); restart ${how} instead`,
      );
    }
    const main = unit === undefined ? 0 : await mainProcessOf(unit);
    const service = new Service(name, pid, unit, main === pid);
    if (main === undefined && variablesOf(pid).NOTIFY_SOCKET !== undefined) {
      throw service.#refusal("watches it, and systemd does not answer");
    }
    return service;
  }

  /**
   * Restarts the unit, if it watches the process and takes no other one in its place. The interface
   * has the configuration of its file then.
   * @returns whether it was done
   * @throws ConfigError if the unit does not start
   */
  async restartUnit(): Promise<boolean> {
    if (this.#unit === undefined || !this.#isMain) return false;
    if (this.#variables.NOTIFY_SOCKET !== undefined && await takesOtherMain(this.#unit)) {
      return false;
    }
    const answer = await systemctl("restart", "--", this.#unit);
    if (answer?.success !== true) {
      throw new ConfigError(this.#name, `${this.#unit}: ${answer?.complaint ?? "no systemctl"}`);
    }
    return true;
  }

  [Symbol.dispose](): void {
    // The next interface is another service's, or nobody's.
    setVariables({});
    clearInterval(this.#feeding);
    this.#manager?.close();
  }

  /**
   * Takes the place of the process. From then on this process is the main one of the unit, and the
   * interface's process may end; what this process starts becomes part of the unit.
   * @throws ConfigError if that fails; the process is as it was
   */
  async enter(): Promise<void> {
    setVariables(this.#variables);
    const unit = this.#unit;
    try {
      // Also where no unit has them: this command may be in those of another interface by now.
      joinGroupsOf(this.#pid);
    } catch (error) {
      if (unit === undefined) return;
      throw this.#refusal(`does not take another process (${messageOf(error)})`);
    }
    if (unit === undefined || !this.#isMain) return;
    const manager = ServiceManager.find((variable) => this.#variables[variable]);
    this.#manager = manager;
    manager?.tell({ MAINPID: Deno.pid });
    // The watchdog of the unit watches this process now.
    const every = manager?.watchdogMs;
    if (every !== undefined) {
      this.#feeding = setInterval(() => manager?.tell({ WATCHDOG: 1 }), every);
    }
    for (let asked = 0; await mainProcessOf(unit) !== Deno.pid; asked++) {
      if (asked === QUESTIONS) {
        manager?.tell({ MAINPID: this.#pid });
        throw this.#refusal("does not take this process as its main one");
      }
      await new Promise((resolve) => setTimeout(resolve, APART_MS));
    }
  }

  /**
   * Call it when no new process could be started after `enter`: the unit is restarted, with the
   * configuration of its file.
   * @returns what was done, for the message; undefined if no unit watches the process
   */
  async recover(): Promise<string | undefined> {
    if (this.#unit === undefined || !this.#isMain) return undefined;
    const answer = await systemctl("restart", "--no-block", "--", this.#unit);
    return answer?.success === true
      ? `${this.#unit} is restarted, with the configuration of its file`
      : `\`systemctl restart ${this.#unit}\` starts it with the configuration of its file`;
  }

  #refusal(why: string): ConfigError {
    return new ConfigError(
      this.#name,
      `${this.#unit} ${why}; \`systemctl restart ${this.#unit}\` restarts it`,
    );
  }
}

/**
 * The process that runs an interface in the foreground: its own, as `wg -f NAME`, or the one that
 * watches it, as `wg -f NAME --config FILE`; undefined if there is none.
 */
function foregroundProcess(name: string, owner: number): number | undefined {
  const words = wordsOf(owner);
  if (words.length > 0 && !words.includes("daemon")) return owner;
  const [here, user] = [namespaceOf("self", "net"), userOf(owner)];
  for (const { name: number } of Deno.readDirSync("/proc")) {
    const pid = Number(number);
    if (!Number.isInteger(pid)) continue;
    const [flag, of, option] = wordsOf(pid).slice(-4);
    if (!/^(-f|--foreground)$/.test(flag ?? "") || of !== name || option !== "--config") continue;
    // Another user's process may look like one that watches it.
    if (userOf(pid) === user && namespaceOf(pid, "net") === here) return pid;
  }
  return undefined;
}

/** The real user of a process; undefined if it cannot be read. */
function userOf(pid: number): string | undefined {
  try {
    return /^Uid:\t(\d+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1];
  } catch {
    return undefined;
  }
}

/** The variables of a process for its service manager; none if they cannot be read. */
function variablesOf(pid: number): Record<string, string> {
  try {
    const lines = Deno.readTextFileSync(`/proc/${pid}/environ`).split("\0");
    const variables = new Map(lines.map((line) => {
      const end = line.indexOf("=");
      return [line.slice(0, end), line.slice(end + 1)];
    }));
    return serviceVariables((variable) => variables.get(variable));
  } catch {
    return {};
  }
}

/** Gives this process, and those that it starts, these variables for the service manager. */
function setVariables(variables: Readonly<Record<string, string>>): void {
  for (const variable of SERVICE_VARIABLES) {
    const value: string | undefined = variables[variable];
    if (value === undefined) Deno.env.delete(variable);
    else Deno.env.set(variable, value);
  }
}
