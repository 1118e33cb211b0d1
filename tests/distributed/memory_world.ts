/** Ranks in one process, which exchange through memory: for tests of what ranks do. */
import { type Agreement, type Word, type World } from "../../src/distributed/world.ts";

/** `size` ranks that know each other. */
export function memoryWorlds(size: number): World[] {
  let told: unknown[] = [], waiting: ((all: unknown[]) => void)[] = [];
  /** What all ranks give, when all have given it. */
  const all = <T>(value: T, rank: number): Promise<T[]> =>
    new Promise((resolve) => {
      told[rank] = value;
      waiting.push(resolve as (all: unknown[]) => void);
      if (waiting.length < size) return;
      const [values, others] = [told, waiting];
      [told, waiting] = [[], []];
      others.forEach((each) => each(values));
    });
  const worldOf = (rank: number): World => ({
    rank,
    size,
    hosts: Array(size).fill("memory"),
    async meet(what: string, { stop = 0, worked = 0 }: Word = {}): Promise<Agreement> {
      const words = await all({ what, stop }, rank);
      const stray = words.find((word) => word.what !== what);
      if (stray) throw new Error(`${stray.what} is not ${what}`);
      return { stop: Math.max(...words.map((word) => word.stop)), slowest: { rank: 0, worked } };
    },
    async first(_, work) {
      const results = await all(rank === 0 ? await work() : undefined, rank);
      return JSON.parse(JSON.stringify(results[0] ?? null));
    },
    texts: (_, text) => all(text, rank),
    async broadcast(_, bytes) {
      bytes.set((await all(bytes.slice(), rank))[0]);
    },
    async exchange(sent, received) {
      const terms = await all(sent.slice(), rank), n = sent.length / size;
      terms.forEach((term, s) => received.set(term.subarray(rank * n, (rank + 1) * n), s * n));
    },
    async gather(sent, received) {
      (await all(sent.slice(), rank)).forEach((part, s) => received.set(part, s * sent.length));
    },
    add: (into, from) => Promise.resolve(from.forEach((value, i) => into[i] += value)),
    leave: () => Promise.resolve(),
    end: () => Promise.resolve(),
    abort(code) {
      throw new Error(`aborted with ${code}`);
    },
  });
  return Array.from({ length: size }, (_, rank) => worldOf(rank));
}
