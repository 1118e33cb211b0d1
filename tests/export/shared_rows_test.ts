/** Embedding on several ranks: the files of one process, byte for byte. */
import { join } from "node:path";
import { embedToFiles } from "../../src/export/embed_to_files.ts";
import { UserError } from "../../src/base/errors.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { gradient, png, withFolder } from "../data/fixtures.ts";
import { memoryWorlds } from "../distributed/memory_world.ts";
import { onGpu } from "../gpu/shared.ts";
import { writeDrawnEncoder } from "./drawn_encoder.ts";

/** More than two batches of 128; some are no images, also at a batch's and at a window's end. */
const BAD = [3, 127, 128, 200, 299];
const files = Object.fromEntries(
  Array.from({ length: 300 }, (_, i) => [
    `${["cat", "dog"][i % 2]}/${String(i).padStart(3, "0")}.png`,
    BAD.includes(i) ? Uint8Array.of(1, 2, 3) : png(gradient(9 + i % 3, 8, { seed: i })),
  ]),
);

Deno.test("embedToFiles() on ranks writes the files of one process", onGpu, async () => {
  await withFolder(files, async (data) => {
    await withFolder({}, async (folder) => {
      const backbone = { block: "basic", layers: [1], widths: [8] } as const;
      const encoder = await writeDrawnEncoder(folder, { backbone, stem: "cifar", size: 8 });
      const options = { encoder, data, kernels: "default", workers: 1, log() {} } as const;
      const names = ["parquet", "npy"],
        out = (who: string) => names.map((name) => join(folder, `${who}.${name}`));
      const heard: string[] = [];
      const alone = await embedToFiles({
        ...options,
        out: out("alone"),
        onBad: ({ key }) => heard.push(key),
      });
      assertEquals([alone.rows, alone.bad, heard.length], [295, 5, 5]);
      for (const size of [2, 3]) {
        const who = `${size} ranks`, bad: string[] = [], progress: number[] = [];
        const results = await Promise.all(
          memoryWorlds(size).map((world) =>
            embedToFiles({
              ...options,
              out: out(who),
              ...world.rank === 0 && {
                onBad: ({ key }) => bad.push(key),
                onProgress: (images: number) => progress.push(images),
              },
            }, { world })
          ),
        );
        for (const { rows, bad } of results) assertEquals([rows, bad], [295, 5]);
        assertEquals([bad, progress.at(-1)], [heard, 300]);
        for (const [i, path] of [...out(who), results[0].badPath!].entries()) {
          assertEquals(
            await Deno.readFile(path),
            await Deno.readFile([...out("alone"), alone.badPath!][i]),
            path,
          );
        }
      }
    });
  });
});

Deno.test("embedToFiles() on ranks refuses a stream", onGpu, async () => {
  await withFolder({}, async (folder) => {
    const backbone = { block: "basic", layers: [1], widths: [8] } as const;
    const encoder = await writeDrawnEncoder(folder, { backbone, stem: "cifar", size: 8 });
    const stream = {
      kind: "streamed" as const,
      ...{ name: "stream", length: null, classes: [], fingerprint: "f", shards: [] },
      async *[Symbol.asyncIterator]() {},
      close() {},
    };
    const work = () =>
      Promise.all(
        memoryWorlds(2).map((world) =>
          embedToFiles(
            { encoder, data: stream, out: join(folder, "x.npy"), kernels: "default", log() {} },
            { world },
          )
        ),
      );
    await assertThrows(work, UserError, /Cannot share "stream" among processes: .* Start one process\./);
  });
});
