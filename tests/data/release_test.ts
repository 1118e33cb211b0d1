/** Workers and open files go when a stream of batches ends, however it does. */
import { gzipSync } from "node:zlib";
import { evaluationBatches, trainingBatches, type Views } from "../../data/pipeline.ts";
import { type ImageSource, openSource } from "../../data/source.ts";
import { recipes } from "../../src/augment/recipe.ts";
import { UserError } from "../../src/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { gradient, jpeg, tar, tarEntry, withFolder } from "./fixtures.ts";
import { type Held, held, heldAfter, isTold } from "./held.ts";

const COUNT = 400, WORKERS = 2;
const images = await Promise.all(Array.from({ length: 20 }, (_, i) => jpeg(gradient(16, 16, { seed: i }))));
/** With something long in the middle, which is not read ahead whole. */
const archive = tar(
  Array.from({ length: COUNT }, (_, i) => tarEntry(`${i}.jpg`, images[i % images.length])).toSpliced(
    COUNT / 2,
    0,
    tarEntry("long.txt", new Uint8Array(1 << 23)),
  ),
);
const archives = { "a.tar": archive, "b.tar.gz": new Uint8Array(gzipSync(archive, { level: 0 })) };
const options = { batch: 8, size: 8, recipe: recipes.cifar, workers: WORKERS, onBadImage: "error" } as const;
const waiting = { what: ["files", "workers"], patience: 5000 } as const;

/** How a stream of batches of the source in `path` ends; `note` is called while it is at work. */
const ends: Record<string, (source: ImageSource, path: string, note: () => void) => Promise<void>> = {
  async "is cancelled"(source, _, note) {
    const reader = trainingBatches<Views>({ ...options, source, seed: 1, augment: "gpu" }).getReader();
    for (let i = 0; i < 3; i++) (await reader.read()).value!.release();
    note();
    await reader.cancel();
  },
  async "is left by an error of the consumer's"(source, _, note) {
    const consume = async () => {
      for await (const _ of trainingBatches({ ...options, source, seed: 1 })) {
        note();
        throw new RangeError("enough");
      }
    };
    await assertThrows(consume, RangeError, /enough/);
  },
  async "fails at a shard that is cut off meanwhile"(source, path, note) {
    const { size } = await Deno.stat(path);
    const consume = async () => {
      for await (const { release } of evaluationBatches({ ...options, source })) {
        release();
        note();
        await Deno.truncate(path, size / 2);
      }
    };
    await assertThrows(consume, UserError, /[ab]\.tar/);
  },
  async "comes to its end"(source, _, note) {
    let count = 0;
    for await (const { indices, release } of evaluationBatches({ ...options, source })) {
      count += indices.length;
      note();
      release();
    }
    assertEquals(count, COUNT);
  },
};

/** Opens the source at `path`, lets its stream end, and closes it. Tells what was held while it was at work. */
async function use(path: string, end: typeof ends[string]): Promise<Held> {
  let during: Held | undefined;
  const source = await openSource(path);
  await end(source, path, () => during ??= held());
  source.close();
  return during!;
}

for (const [name, bytes] of Object.entries(archives)) {
  for (const [what, end] of Object.entries(ends)) {
    Deno.test({
      name: `Workers and files are gone when a stream of ${name} ${what}`,
      ignore: !isTold,
      async fn() {
        await withFolder({}, async (folder) => {
          const fresh = () => Deno.writeFile(`${folder}/${name}`, bytes);
          await fresh();
          await use(`${folder}/${name}`, end); // what the runtime opens once and keeps
          const before = await heldAfter({ files: Infinity, workers: 0, threads: Infinity }, waiting);
          for (let round = 0; round < 2; round++) {
            await fresh();
            const during = await use(`${folder}/${name}`, end);
            assertEquals(during.workers, before.workers + WORKERS);
            assert(during.files > before.files, "Workers hold no files");
          }
          const after = await heldAfter(before, waiting);
          assert(
            after.workers === 0 && after.files <= before.files,
            `${after.workers} Workers and ${after.files} files are left: ${before.files} were open before`,
          );
        });
      },
    });
  }
}
