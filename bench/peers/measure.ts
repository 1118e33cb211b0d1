/**
 * Measures one problem: sets it up in a Worker for each contender, holds their results against ours, then takes
 * samples in turns.
 *
 * @module
 */
import { median } from "../../src/inspect/timing.ts";
import { relativeError } from "../../tests/assert.ts";
import { type ContenderName, contenders, type Results } from "./contender.ts";
import type { Problem } from "./problems.ts";
import type { Answer, Request } from "./worker.ts";

/** Milliseconds of a sample at least. */
const SAMPLE_MS = 300;
/** Samples of each; fewer where a run of one of them takes longer than SLOW_MS. */
const SAMPLES = 5, FEWER_SAMPLES = 3, SLOW_MS = 3000;

/**
 * ‖theirs − ours‖ ÷ ‖ours‖ that float32 may explain. The updates of a training step are differences that have gone
 * through the whole network, and its second step begins where the first one ended.
 */
const TOLERANCE: Record<string, number> = {
  y: 1e-5,
  dx: 1e-5,
  dw: 1e-5,
  loss: 1e-3,
  online: 0.05,
  target: 0.05,
};

/** What was found for one contender: milliseconds, or why there are none. */
export type Finding =
  | { first: number; median: number; errors: Errors; adapter: string }
  | { failure: string };

/** The largest ‖theirs − ours‖ ÷ ‖ours‖ of each result. */
export type Errors = Record<string, number>;

class Track {
  readonly #worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  adapter = "";
  first = 0;
  /** Runs in a sample. */
  count = 1;
  samples: number[] = [];
  readonly errors: Errors = {};

  constructor(readonly name: ContenderName) {}

  ask(request: Request): Promise<Exclude<Answer, { error: string }>> {
    return new Promise((resolve, reject) => {
      this.#worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      this.#worker.onmessage = ({ data }: MessageEvent<Answer>) =>
        "error" in data ? reject(new Error(data.error)) : resolve(data);
      this.#worker.postMessage(request);
    });
  }

  /** Milliseconds of a run, of `count`. */
  async run(count: number): Promise<number> {
    return (await this.ask({ ask: "run", count })).milliseconds / count;
  }

  end(): void {
    this.#worker.terminate();
  }
}

/** Holds `theirs` against what we got and notes the errors; throws if one is too large. */
function compare(theirs: Results, ours: Results, errors: Errors): void {
  for (const [name, expected] of Object.entries(ours)) {
    const error = relativeError(theirs[name], expected);
    errors[name] = Math.max(errors[name] ?? 0, error);
    if (!(error <= TOLERANCE[name])) {
      throw new Error(`wrong: ${name} differs from ours by ${error.toExponential(1)} of its norm`);
    }
  }
}

/** Measures `problem`. `report` hears what is going on. */
export async function measure(
  problem: Problem,
  { report }: { report: (line: string) => void },
): Promise<Record<ContenderName, Finding>> {
  const findings: Partial<Record<ContenderName, Finding>> = {};
  let tracks: Track[] = [];
  /** Goes on with those for which `part` does not throw. */
  const each = async (part: (track: Track) => Promise<void>) => {
    const left: Track[] = [];
    for (const track of tracks) {
      try {
        await part(track);
        left.push(track);
      } catch (error) {
        findings[track.name] = { failure: error instanceof Error ? error.message : String(error) };
        report(`${track.name}: ${(error as Error).message}`);
        track.end();
      }
    }
    tracks = left;
  };

  tracks = contenders.map((name) => new Track(name));
  let ours: Results | undefined, rounds = SAMPLES;
  /** A run, whose results are held against ours, which come first. */
  const checked = async (track: Track): Promise<number> => {
    const time = await track.run(1);
    const results = (await track.ask({ ask: "results" })).results!;
    if (track.name === "ours") ours = results;
    else if (ours) compare(results, ours, track.errors);
    const errors = Object.entries(track.errors).map(([name, error]) =>
      `${name} off by ${error.toExponential(1)}`
    );
    const losses = results.loss ? [`loss ${results.loss[0].toFixed(5)}`] : [];
    report([`${track.name}: ${time.toFixed(0)} ms`, ...losses, ...errors].join(", "));
    return time;
  };
  await each(async (track) => {
    track.adapter = (await track.ask({ ask: "open", name: track.name })).adapter!;
    await track.ask({ ask: "create", problem });
    track.first = await checked(track);
  });
  ours = undefined;
  await each(async (track) => {
    const time = await checked(track);
    track.count = Math.ceil(SAMPLE_MS / time);
    if (time > SLOW_MS) rounds = FEWER_SAMPLES;
  });
  for (let i = 0; i < rounds; i++) {
    await each(async (track) => {
      track.samples.push(await track.run(track.count));
    });
  }
  for (const { name, first, samples, errors, adapter } of tracks) {
    report(`${name}: ${samples.map((ms) => ms.toFixed(1)).join(", ")} ms`);
    findings[name] = { first, errors, adapter, median: median(samples) };
  }
  for (const track of tracks) track.end();
  return findings as Record<ContenderName, Finding>;
}
