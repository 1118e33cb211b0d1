/** When runs are killed. */
import { keyedRandom } from "../../src/base/random.ts";

/** When a process is killed. */
export interface Moment {
  /**
   * In the time that it takes from its start to its first checkpoint; in that from one checkpoint to the next; or as soon as
   * a checkpoint is being written.
   */
  kind: "starting" | "training" | "writing";
  /** How many checkpoints the run must have had before that, in all its processes together. */
  checkpoints: number;
  /** The share of that time that has passed. */
  share: number;
}

/** A run that nothing disturbed, in milliseconds. */
export interface Pace {
  /** From its start to its first checkpoint. */
  first: number;
  /** From one checkpoint to the next. */
  interval: number;
}

/**
 * `kills` moments of a run that writes `checkpoints` checkpoints, spread over the whole of it, the time before the first
 * and that behind the last included. The first is of a process that starts, the second of one that writes.
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
      // Servers drop other connections each time, so that a first checkpoint may come sooner than it did in peace.
      share: (k === 0 ? .6 : 1) * random.uniform(),
    };
  });
}

/** The steps that the run in `out` has checkpoints of; and the files that others are being written to, or were. */
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

/** Whether a checkpoint of the run in `out` is being written, `before` being what there was when its process started. */
export function isWriting(out: string, before: { partial: string[] }): boolean {
  return checkpointsIn(out).partial.some((name) => !before.partial.includes(name));
}

/** Waits for `moment` in a process that has just started on the run in `out`; gives up if `signal` is aborted. */
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
    // A process that finds that many at its start has yet to come to its own first one.
    return await pause(share * (count(before) < checkpoints ? pace.interval : pace.first + pace.interval));
  }
  while (!signal.aborted && !isWriting(out, before)) await pause(1);
}
