/** The moments at which runs are killed. */
import { keyedRandom } from "../../src/base/random.ts";

/** When a process is killed. */
export interface Moment {
  /**
   * Between the start and the first checkpoint; between two checkpoints; or as soon as a checkpoint is being written.
   */
  kind: "starting" | "training" | "writing";
  /** Checkpoints that the run must have written before, in all its processes together. */
  checkpoints: number;
  /** The share of that interval that has passed. */
  share: number;
}

/** The pace of an uninterrupted run, in milliseconds. */
export interface Pace {
  /** From its start to its first checkpoint. */
  first: number;
  /** From one checkpoint to the next. */
  interval: number;
}

/**
 * `kills` moments, spread over a whole run that writes `checkpoints` checkpoints, including the time before the first and
 * after the last. The first moment hits a starting process, the second one that writes.
 */
export function drawMoments(
  seed: number,
  { kills, checkpoints }: { kills: number; checkpoints: number },
): Moment[] {
  return Array.from({ length: kills }, (_, k) => {
    const random = keyedRandom(seed, k), kinds = ["starting", "writing", "training", "training"] as const;
    return {
      kind: k < 2 ? kinds[k] : kinds[random.integer(4)],
      checkpoints: k === 0 ? 0 : Math.floor((k + random.uniform()) / kills * (checkpoints + 1)),
      // Servers drop other connections each time, so the first checkpoint may come sooner than in the uninterrupted run.
      share: (k === 0 ? .6 : 1) * random.uniform(),
    };
  });
}

/** The steps whose checkpoints are in `out`, and the partial files of unfinished ones. */
export function checkpointsIn(out: string): { steps: number[]; partial: string[] } {
  try {
    const names = Array.from(Deno.readDirSync(`${out}/checkpoints`), ({ name }) => name);
    const steps = names.map((name) => Number(/^step-(\d+)\./.exec(name)?.[1])).filter((step) => step > 0);
    return { steps: steps.sort((a, b) => a - b), partial: names.filter((name) => name.endsWith(".partial")) };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { steps: [], partial: [] };
  }
}

/** Whether a checkpoint is being written in `out`; `before` is what was there when the process started. */
export function isWriting(out: string, before: { partial: string[] }): boolean {
  return checkpointsIn(out).partial.some((name) => !before.partial.includes(name));
}

/** Waits for `moment` in a process that has just started; stops waiting if `signal` is aborted. */
export async function reach(
  { kind, checkpoints, share }: Moment,
  { out, every, pace, signal }: { out: string; every: number; pace: Pace; signal: AbortSignal },
): Promise<void> {
  const count = ({ steps } = checkpointsIn(out)) => Math.ceil((steps.at(-1) ?? 0) / every);
  const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  if (kind === "starting") return await pause(share * pace.first);
  const before = checkpointsIn(out);
  while (!signal.aborted && count() < checkpoints) await pause(2);
  if (kind === "training") {
    // A process that starts with enough checkpoints still has to write its own first one.
    return await pause(share * (count(before) < checkpoints ? pace.interval : pace.first + pace.interval));
  }
  while (!signal.aborted && !isWriting(out, before)) await pause(1);
}
