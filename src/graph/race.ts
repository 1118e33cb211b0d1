/**
 * A race of variants of the same work: timed in turns, so that a machine that gets busy or hot slows all of them.
 *
 * @module
 */
import type { Sample } from "./timer.ts";

/** Rounds; the median of each variant counts. */
const ROUNDS = 3;
/** A variant is eliminated if it is slower than the best by this factor, after so many rounds: in one, a machine may be busy. */
const ELIMINATION_FACTOR = 1.25, ELIMINATION_ROUNDS = 2;
/** The runs of a sample grow at most by this factor from sample to sample, and up to so many. */
const MAX_GROWTH = 16, MAX_RUNS = 4096;

interface Entrant {
  name: string;
  /** Runs of a sample. */
  times: number;
  /** Of a run, in each round. */
  samples: Sample[];
}

/**
 * Times `names` in rounds, in turns, with as many runs per sample as last long enough.
 *
 * @param options `sample`: takes a sample of so many runs. `enough`: seconds that a sample must last. `late`: whether there
 * is no time for another round; there always is for the first.
 * @returns the fastest, and milliseconds of a run of each.
 */
export async function race(
  names: readonly string[],
  { sample, enough, late }: {
    sample: (name: string, times: number) => Promise<Sample>;
    enough: number;
    late: () => boolean;
  },
): Promise<{ fastest: string; milliseconds: Record<string, number> }> {
  const entrants = names.map((name): Entrant => ({ name, times: 1, samples: [] }));
  const total: Sample = { wall: 0, ticks: 0 };
  let running = entrants, hasClock = true;
  const timesOf = ({ samples }: Entrant) => samples.map(({ ticks, wall }) => hasClock ? ticks : wall);
  const timeOf = (entrant: Entrant) => median(timesOf(entrant));
  const leastOf = (entrant: Entrant) => Math.min(...timesOf(entrant));
  for (let rounds = 0; rounds < ROUNDS && (rounds === 0 || running.length > 1); rounds++) {
    let samples: Sample[];
    for (;;) {
      samples = [];
      for (const { name, times } of running) samples.push(await sample(name, times));
      const short = running.filter(({ times }, i) => samples[i].wall < enough && times < MAX_RUNS);
      if (short.length === 0 || late()) break;
      for (const entrant of short) {
        entrant.times = longer(entrant.times, samples[running.indexOf(entrant)].wall / enough);
      }
    }
    running.forEach((entrant, i) => {
      const { wall, ticks } = samples[i], { times } = entrant;
      hasClock &&= ticks > 0;
      total.wall += wall;
      total.ticks += ticks;
      entrant.samples.push({ wall: wall / times, ticks: ticks / times });
    });
    if (late()) break;
    if (rounds + 1 < ELIMINATION_ROUNDS) continue;
    const best = Math.min(...running.map(leastOf));
    running = running.filter((entrant) => leastOf(entrant) <= ELIMINATION_FACTOR * best);
  }
  // The GPU's clock gives the proportions, the host's the length of a tick.
  const seconds = hasClock ? total.wall / total.ticks : 1;
  const milliseconds = entrants.map((entrant) => [entrant.name, 1000 * seconds * timeOf(entrant)] as const);
  // An eliminated variant does not win because the others were timed again when the machine was slow.
  const [fastest] = running.toSorted((a, b) => timeOf(a) - timeOf(b));
  return { fastest: fastest.name, milliseconds: Object.fromEntries(milliseconds) };
}

/** How many runs to try next if `times` runs last the given share of the required time. */
function longer(times: number, share: number): number {
  const factor = Math.max(2, Math.min(MAX_GROWTH, 1.2 / share));
  return Math.min(MAX_RUNS, Math.ceil(times * factor));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
