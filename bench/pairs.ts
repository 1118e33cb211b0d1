/**
 * How fast all pairs of vectors are compared, and in how much memory: random vectors of 512, of which some have a copy.
 *
 * @module
 */
import { UserError } from "../src/base/errors.ts";
import { keyedRandom } from "../src/base/random.ts";
import { findDuplicates } from "../src/export/duplicates.ts";
import { EmbeddingsWriter } from "../src/export/embeddings_writer.ts";
import type { Gpu } from "../src/gpu/device.ts";
import { printTable } from "./table.ts";

const DIMS = 512, COPY_EVERY = 100, THRESHOLD = 0.9;
const log = () => {};

/**
 * `deno task bench pairs [rows]… [format]`: prints a table. The peak of memory is that of the whole process so far: give
 * numbers of vectors in ascending order.
 */
export async function benchPairs(_gpu: Gpu, args: string[]): Promise<void> {
  const format = args.find((text) => /^[a-z]+$/.test(text)) ?? "npy";
  const counts = args.filter((text) => text !== format).map(Number);
  if (counts.some((count) => !(count >= 1))) {
    throw new UserError(`Cannot compare "${args.join(" ")}": expected numbers of vectors and a format.`);
  }
  const row = printTable(["vectors", "format", "groups", "seconds", "GFLOP/s", "peak of memory, MB"]);
  for (const count of counts.length > 0 ? counts : [20_000]) {
    const folder = await Deno.makeTempDir(), embeddings = `${folder}/x.${format}`;
    try {
      await write(`${folder}/small.npy`, 1);
      await findDuplicates({ embeddings: `${folder}/small.npy`, log }); // times the kernels
      await write(embeddings, count);
      const begin = performance.now();
      const groups = await findDuplicates({ embeddings, threshold: THRESHOLD, log });
      const seconds = (performance.now() - begin) / 1000;
      const rate = count * count * DIMS / seconds / 1e9; // half of all pairs, two operations for each number
      row(count, format, groups.length, seconds.toFixed(1), Math.round(rate), peakMemory());
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }
}

async function write(path: string, count: number): Promise<void> {
  const writer = await EmbeddingsWriter.open({
    out: [path],
    dims: DIMS,
    half: false,
    metadata: {},
    identity: {},
  });
  if (!(writer instanceof EmbeddingsWriter)) return;
  using _ = writer;
  for (let first = 0; first < count; first += writer.groupRows) {
    const end = Math.min(count, first + writer.groupRows),
      n = end - first,
      vectors = new Float32Array(n * DIMS);
    for (let i = 0; i < n; i++) {
      const row = first + i, random = keyedRandom(8, row % COPY_EVERY === 1 && row > 1 ? row - 1 : row);
      for (let d = 0; d < DIMS; d++) vectors[i * DIMS + d] = random.uniform() - 0.5;
    }
    const none = new Int32Array(n);
    await writer.write({
      keys: Array.from({ length: n }, (_, i) => `${first + i}`),
      labels: none.map(() => -1),
      names: Array.from({ length: n }, () => null),
      widths: none,
      heights: none,
      vectors,
    }, { epoch: 0, offset: end });
  }
  await writer.finish();
}

/** The largest resident memory of this process, MB, where the system tells. */
function peakMemory(): string {
  try {
    const [, kilobytes] = /^VmHWM:\s*(\d+)/m.exec(Deno.readTextFileSync("/proc/self/status"))!;
    return Math.round(Number(kilobytes) / 1024).toLocaleString("en-US");
  } catch {
    return "";
  }
}
