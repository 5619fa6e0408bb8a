/**
 * The run of a soak: traffic, deeds, samples and the governor side by side, and what they come to.
 * @module
 */
import { Chance } from "../../tests/random.ts";
import type { Room } from "../netlab.ts";
import { DEEDS, killAndRestart } from "./deeds.ts";
import { type Member, Members } from "./members.ts";
import { processorSeconds, type Sample, sampleOf } from "./sample.ts";
import { flow, makeTraffic, type Pace, ping, type TrafficCount } from "./traffic.ts";
import { DESCRIPTOR_GROWTH, growth, RESIDENT_GROWTH_KB } from "./verdict.ts";

const SAMPLE_SECONDS = 30;
/** A short soak has this many samples too. */
const SAMPLES_MIN = 20;
const DEED_SECONDS = 2;
const GOVERN_SECONDS = 5;
const PACE_MIN = 0.05;
const LANES = 2;
/** Growth is judged in soaks of this many minutes. Before, heaps are still filling. */
const JUDGED_MINUTES_MIN = 10;
/** How long an interface may be without an answer until it counts as lost. */
const LOST_SECONDS = 60;
/** How long traffic may take to flow again after everything was done. */
const LAST_SECONDS = 60;
/** Deeds that fail, of a hundred. A busy machine makes some of them late. */
const FAILED_PERCENT_MAX = 2;

export interface SoakOptions {
  readonly minutes: number;
  /** Megabits a second of a flow. */
  readonly rate: number;
  /** How much of one processor all may take. */
  readonly share: number;
  readonly seed: number;
  /** Ends it early. */
  readonly stop: AbortController;
}

/** What a soak came to. */
export interface SoakResult {
  readonly format: 1;
  readonly began: string;
  readonly seconds: number;
  readonly seed: number;
  readonly interrupted: boolean;
  readonly traffic: TrafficCount;
  readonly deeds: Readonly<Record<string, number>>;
  readonly failedDeeds: readonly string[];
  /** Processor seconds of all, of the whole time. */
  readonly processorSeconds: number;
  readonly members: readonly {
    readonly title: string;
    readonly killed: boolean;
    readonly samples: readonly Sample[];
  }[];
  /** Why the verdict is bad; empty when it is good. */
  readonly problems: readonly string[];
}

export class Soak {
  readonly #began = performance.now();
  readonly #chance: Chance;
  readonly #pace: Pace = { factor: 1 };
  readonly #traffic: TrafficCount = {
    flows: 0,
    silent: 0,
    bytes: 0,
    pings: 0,
    pingsAnswered: 0,
  };
  readonly #deeds: Record<string, number> = {};
  readonly #failed: string[] = [];
  readonly #samples = new Map<Member, Sample[]>();
  readonly #problems: string[] = [];
  #processor = 0;
  /** Set when the time is over, or at a signal. */
  readonly #over: AbortController;
  #interrupted = true;

  constructor(readonly room: Room, readonly options: SoakOptions) {
    this.#chance = Chance.of(options.seed);
    this.#over = options.stop;
  }

  async run(): Promise<SoakResult> {
    const began = new Date().toISOString();
    const members = await Members.open(this.room);
    for (const member of members.all) this.#samples.set(member, []);
    const timer = setTimeout(() => {
      this.#interrupted = false;
      this.#over.abort();
    }, this.options.minutes * 60_000);
    const stop = this.#over.signal;
    const pause = (seconds: number) => this.#pause(seconds);
    const lanes = Array.from({ length: LANES }, (_, lane) =>
      makeTraffic(members, lane, {
        chance: Chance.of(this.options.seed + 1 + lane),
        pace: this.#pace,
        rate: this.options.rate,
        count: this.#traffic,
        stop,
        pause,
      }));
    const works = [...lanes, this.#doDeeds(members), this.#sample(members), this.#govern(members)];
    // One that fails is told, and the others go on.
    await Promise.all(works.map((work) =>
      work.catch((error) => {
        const why = error instanceof Error ? error.stack ?? error.message : String(error);
        this.#problems.push(`a part of the soak failed: ${why}`);
      })
    ));
    const seconds = this.#seconds();
    clearTimeout(timer);
    await this.#lastLook(members);
    this.#judge(members);
    return {
      format: 1,
      began,
      seconds,
      seed: this.options.seed,
      interrupted: this.#interrupted,
      traffic: this.#traffic,
      deeds: this.#deeds,
      failedDeeds: this.#failed,
      processorSeconds: this.#processor,
      members: members.all.map((member) => ({
        title: `wg${member.id} ${TITLES[member.kind]}`,
        killed: member.kind === "killed",
        samples: this.#samples.get(member) ?? [],
      })),
      problems: this.#problems,
    };
  }

  #seconds(): number {
    return (performance.now() - this.#began) / 1_000;
  }

  /** Waits, but not beyond the end. */
  #pause(seconds: number): Promise<void> {
    const { signal } = this.#over;
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, seconds * 1_000);
      signal.addEventListener("abort", done);
    });
  }

  /** All deeds in rounds, each round in another order. */
  async #doDeeds(members: Members): Promise<void> {
    // What is paused in the middle of a deed ends at once when the time is over.
    const context = { members, chance: this.#chance, pause: (s: number) => this.#pause(s) };
    const ours = members.all.filter((member) => member.kind !== "wireguard-go");
    const killed = members.all.filter((member) => member.kind === "killed");
    while (!this.#over.signal.aborted) {
      for (const [name, deed] of this.#shuffled(Object.entries(DEEDS))) {
        if (this.#over.signal.aborted) return;
        const member = this.#chance.oneOf(deed === killAndRestart ? killed : ours);
        this.#deeds[name] = (this.#deeds[name] ?? 0) + 1;
        try {
          await deed(context, member);
        } catch (error) {
          const why = error instanceof Error ? error.message : String(error);
          const line = `${Math.round(this.#seconds())} s: ${member.name}: ${name}: ${why}`;
          this.#failed.push(line);
          say(line);
        }
        await this.#pause(DEED_SECONDS / this.#pace.factor);
      }
    }
  }

  #shuffled<T>(list: readonly T[]): T[] {
    return list.map((each) => ({ each, place: this.#chance.fraction() }))
      .sort((a, b) => a.place - b.place).map(({ each }) => each);
  }

  async #sample(members: Members): Promise<void> {
    const every = Math.min(SAMPLE_SECONDS, this.options.minutes * 60 / SAMPLES_MIN);
    while (!this.#over.signal.aborted) {
      const at = this.#seconds();
      for (const member of members.all) {
        try {
          const { pid } = member;
          const request = member.kind === "wireguard-go" ? "get=1" : "get=2";
          const sample = sampleOf(pid, at, await members.ask(member, request));
          this.#samples.get(member)?.push(sample);
        } catch {
          // It is renamed or killed at this moment. Nothing for long is a loss.
          await this.#awaitAnswer(members, member);
        }
      }
      this.#progress(members);
      await this.#pause(every);
    }
  }

  async #awaitAnswer(members: Members, member: Member): Promise<void> {
    const until = this.#seconds() + LOST_SECONDS;
    while (this.#seconds() < until && !this.#over.signal.aborted) {
      if (await members.ask(member, "get=1").then(() => true, () => false)) return;
      await this.#pause(1);
    }
    if (this.#over.signal.aborted) return;
    this.#problems.push(
      `${member.name}: no answer for ${LOST_SECONDS} s, at ${Math.round(this.#seconds())} s`,
    );
  }

  /** Keeps the processor time of all below the share. */
  async #govern(members: Members): Promise<void> {
    const before = new Map<number | "self", number>();
    let first = true;
    while (!this.#over.signal.aborted) {
      let used = 0;
      for (const pid of ["self" as const, ...members.all.map((member) => member.pid)]) {
        const now = processorSeconds(pid);
        used += Math.max(0, now - (before.get(pid) ?? (first ? now : 0)));
        before.set(pid, now);
      }
      first = false;
      this.#processor += used;
      const ratio = this.options.share * GOVERN_SECONDS / Math.max(used, 1e-3);
      const factor = this.#pace.factor * Math.min(1.2, Math.max(0.7, ratio));
      this.#pace.factor = Math.min(1, Math.max(PACE_MIN, factor));
      await this.#pause(GOVERN_SECONDS);
    }
  }

  #progress(members: Members): void {
    const at = Math.round(this.#seconds());
    const mb = members.all.map((member) => {
      const kilobytes = this.#samples.get(member)?.at(-1)?.resident;
      return kilobytes === undefined ? "-" : (kilobytes / 1_024).toFixed(0);
    });
    const deeds = Object.values(this.#deeds).reduce((sum, count) => sum + count, 0);
    const { flows, bytes } = this.#traffic;
    const line = `${at} of ${this.options.minutes * 60} s: ${mb.join(" ")} MB, ${flows} flows, ` +
      `${(bytes / 1e6).toFixed(0)} MB moved, ${deeds} deeds, ${this.#failed.length} failed, pace ` +
      `${this.#pace.factor.toFixed(2)}`;
    if (Deno.stderr.isTerminal()) write(`\r\x1b[K${line}`);
    else write(`${line}\n`);
  }

  /** Everything is quiet now: every interface answers, and every pair talks. */
  async #lastLook(members: Members): Promise<void> {
    say("the time is over; does everything still talk?");
    for (const member of members.all) {
      try {
        // A deed may have been left in its middle.
        await members.configure(member);
        await members.address(member);
      } catch (error) {
        this.#problems.push(
          `${member.name} is lost: ${error instanceof Error ? error.message : error}`,
        );
      }
    }
    for (const [one, other] of members.pairs) {
      for (const family of [4, 6] as const) {
        const until = performance.now() + LAST_SECONDS * 1_000;
        let answered = 0;
        while (answered === 0 && performance.now() < until) {
          answered = await ping(members, one, other, family, 5);
        }
        if (answered === 0) {
          this.#problems.push(`no echo from ${one.name} to ${other.name} over IPv${family}`);
        }
      }
      if (await flow(members, [one, other], 4, 5_299, ["-b", "2M"], 2) === 0) {
        this.#problems.push(`no TCP from ${one.name} to ${other.name}`);
      }
    }
  }

  #judge(members: Members): void {
    const isLong = this.#seconds() >= JUDGED_MINUTES_MIN * 60;
    for (const member of members.all) {
      // The killed one has the figures of several processes.
      if (!isLong || member.kind === "wireguard-go" || member.kind === "killed") continue;
      const samples = this.#samples.get(member) ?? [];
      const points = (of: (sample: Sample) => number) =>
        samples.map((sample) => ({ at: sample.at, value: of(sample) }));
      const title = `wg${member.id}`;
      this.#problems.push(...[
        growth(`${title}: resident`, points((s) => s.resident), RESIDENT_GROWTH_KB, "kB"),
        growth(`${title}: descriptors`, points((s) => s.descriptors), DESCRIPTOR_GROWTH, ""),
        growth(`${title}: threads`, points((s) => s.threads), DESCRIPTOR_GROWTH, ""),
        growth(`${title}: shared maps`, points((s) => s.sharedMaps), DESCRIPTOR_GROWTH, ""),
      ].filter((problem) => problem !== undefined));
    }
    const deeds = Object.values(this.#deeds).reduce((sum, count) => sum + count, 0);
    if (this.#failed.length > deeds * FAILED_PERCENT_MAX / 100) {
      this.#problems.push(`${this.#failed.length} of ${deeds} deeds failed`);
    }
    if (this.#traffic.bytes === 0) this.#problems.push("no traffic at all");
  }
}

/** A line that stays; on a terminal the progress line stands below it. */
function say(line: string): void {
  write(`${Deno.stderr.isTerminal() ? "\r\x1b[K" : ""}${line}\n`);
}

function write(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}

const TITLES = {
  short: "short times",
  program: "./wg",
  killed: "./wg, killed",
  "wireguard-go": "wireguard-go",
} as const;
