/**
 * A race of ways to do the same work: timed in turns, so that a machine that grows busy or hot slows all of them.
 *
 * @module
 */
import type { Sample } from "./timer.ts";

/** Rounds, of which each way's median counts. */
const ROUNDS = 3;
/** A way that takes so many times as long as the best is out, after so many rounds: in one, a machine may be busy. */
const OUT_OF_QUESTION = 1.25, TELLING_ROUNDS = 2;
/** Runs of a sample: from sample to sample they become so many times as many at the most; and in all. */
const GROWTH = 16, MOST_RUNS = 4096;

interface Entrant {
  name: string;
  /** Runs of a sample. */
  times: number;
  /** Of a run, in each round. */
  samples: Sample[];
}

/**
 * Times `names` in rounds, each in turn, after as many runs at a time have been found as last long enough.
 *
 * @param options `sample`: takes a sample of so many runs. `enough`: seconds that it must last. `late`: whether there is
 * no time for another round.
 * @returns the fastest, and milliseconds of a run of each; one round there is always.
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
      const short = running.filter(({ times }, i) => samples[i].wall < enough && times < MOST_RUNS);
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
    if (rounds + 1 < TELLING_ROUNDS) continue;
    const best = Math.min(...running.map(leastOf));
    running = running.filter((entrant) => leastOf(entrant) <= OUT_OF_QUESTION * best);
  }
  // The GPU's clock tells the proportions, the host's what a tick is.
  const seconds = hasClock ? total.wall / total.ticks : 1;
  const milliseconds = entrants.map((entrant) => [entrant.name, 1000 * seconds * timeOf(entrant)] as const);
  // A way that is out does not win because the others were timed once more, when the machine was slow.
  const [fastest] = running.toSorted((a, b) => timeOf(a) - timeOf(b));
  return { fastest: fastest.name, milliseconds: Object.fromEntries(milliseconds) };
}

/** How many runs to try next if so many `times` last for the given share of what they should. */
function longer(times: number, share: number): number {
  const factor = Math.max(2, Math.min(GROWTH, 1.2 / share));
  return Math.min(MOST_RUNS, Math.ceil(times * factor));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
