/** Workers and open files are released however a stream of batches ends. */
import { gzipSync } from "node:zlib";
import { evaluationBatches, trainingBatches, type Views } from "../../data/pipeline.ts";
import type { ImageSource } from "../../data/sources/types.ts";
import { openSource } from "../../data/sources/open.ts";
import { recipes } from "../../data/views/recipe.ts";
import { UserError } from "../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { gradient, jpeg, tar, tarEntry, withFolder } from "./fixtures.ts";
import { held, isTold, openIn } from "./held.ts";

const COUNT = 400, WORKERS = 2;
const images = await Promise.all(Array.from({ length: 20 }, (_, i) => jpeg(gradient(16, 16, { seed: i }))));
/** With a large entry in the middle, which is not read ahead completely. */
const archive = tar(
  Array.from({ length: COUNT }, (_, i) => tarEntry(`${i}.jpg`, images[i % images.length])).toSpliced(
    COUNT / 2,
    0,
    tarEntry("long.txt", new Uint8Array(1 << 23)),
  ),
);
const archives = { "a.tar": archive, "b.tar.gz": new Uint8Array(gzipSync(archive, { level: 0 })) };
const options = { batch: 8, size: 8, recipe: recipes.cifar, workers: WORKERS, onBadImage: "error" } as const;
/** Threads end some time after they are told to. */
const RELEASE_TIMEOUT_MS = 20_000;

/** How a stream of batches of `source`, at `path`, can end; `note` is called while it works. */
const ends: Record<string, (source: ImageSource, path: string, note: () => void) => Promise<void>> = {
  async "is canceled"(source, _, note) {
    const reader = trainingBatches<Views>({ ...options, source, seed: 1, augment: "gpu" }).getReader();
    for (let i = 0; i < 3; i++) (await reader.read()).value!.release();
    note();
    await reader.cancel();
  },
  async "is left by an error of the consumer"(source, _, note) {
    const consume = async () => {
      for await (const _ of trainingBatches({ ...options, source, seed: 1 })) {
        note();
        throw new RangeError("enough");
      }
    };
    await assertThrows(consume, RangeError, /enough/);
  },
  async "fails at a shard that is truncated meanwhile"(source, path, note) {
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
  async "is read to its end"(source, _, note) {
    let count = 0;
    for await (const { indices, release } of evaluationBatches({ ...options, source })) {
      count += indices.length;
      note();
      release();
    }
    assertEquals(count, COUNT);
  },
};

/** The stream's open files below `folder`, which nobody else opens, and its Workers. */
const holding = (folder: string) => ({ files: openIn(folder).length, workers: held().workers });

for (const [name, bytes] of Object.entries(archives)) {
  for (const [what, end] of Object.entries(ends)) {
    Deno.test({
      name: `a stream of ${name} releases Workers and files when it ${what}`,
      ignore: !isTold,
      async fn() {
        await withFolder({ [name]: bytes }, async (folder) => {
          const path = `${await Deno.realPath(folder)}/${name}`;
          let during: ReturnType<typeof holding> | undefined;
          const source = await openSource(path);
          await end(source, path, () => during ??= holding(path));
          source.close();
          // Workers of the previous test may still be ending; a streamed archive may have been read to its end.
          const { workers, files } = during!;
          assert(
            workers >= WORKERS && (files > 0 || source.kind === "streamed"),
            `${workers} Workers, ${files} files`,
          );
          let after = holding(path);
          for (
            let wait = 0;
            (after.workers > 0 || after.files > 0) && wait < RELEASE_TIMEOUT_MS;
            wait += 20
          ) {
            await new Promise((resolve) => setTimeout(resolve, 20));
            after = holding(path);
          }
          assertEquals(after, { files: 0, workers: 0 });
        });
      },
    });
  }
}
