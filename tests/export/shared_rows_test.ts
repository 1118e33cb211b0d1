/** Embedding on several ranks: the files of one process, byte for byte. */
import { join } from "node:path";
import { openSource } from "../../data/sources/open.ts";
import type { IndexedSource } from "../../data/sources/types.ts";
import { embedToFiles } from "../../src/export/embed_to_files.ts";
import { UserError } from "../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { gradient, png, tar, tarEntry, withFolder } from "../data/fixtures.ts";
import { memoryWorlds } from "../distributed/memory_world.ts";
import { onGpu } from "../gpu/shared.ts";
import { writeDrawnEncoder } from "./drawn_encoder.ts";

/** Two batches of 128 and an image. */
const files = Object.fromEntries(
  Array.from({ length: 257 }, (_, i) => [
    `${["cat", "dog"][i % 2]}/${String(i).padStart(3, "0")}.png`,
    png(gradient(9 + i % 3, 8, { seed: i })),
  ]),
);
/** Places of images that become unusable: also at a window's end, and the only one of the last of three ranks. */
const BAD = [3, 127, 128, 200, 256];

Deno.test("embedToFiles() on ranks writes the files of one process", onGpu, async () => {
  await withFolder(files, async (data) => {
    const source = await openSource(data) as IndexedSource;
    for (const place of BAD) await Deno.writeFile(join(data, source.key(place)), Uint8Array.of(1, 2, 3));
    source.close();
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
      assertEquals([alone.rows, alone.bad, heard.length], [252, 5, 5]);
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
        for (const { rows, bad } of results) assertEquals([rows, bad], [252, 5]);
        assertEquals([bad, progress.at(-1)], [heard, 256]);
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

Deno.test("embedToFiles() on ranks refuses images none of which can be used", onGpu, async () => {
  await withFolder({ "data/a.png": Uint8Array.of(1, 2, 3) }, async (folder) => {
    const backbone = { block: "basic", layers: [1], widths: [8] } as const;
    const encoder = await writeDrawnEncoder(folder, { backbone, stem: "cifar", size: 8 });
    const options = { encoder, data: join(folder, "data"), out: join(folder, "x.npy"), workers: 1, log() {} };
    const work = () => Promise.all(memoryWorlds(2).map((world) => embedToFiles(options, { world })));
    await assertThrows(work, UserError, /Cannot embed ".*": it has no image that can be used/);
  });
});

Deno.test("embedToFiles() on ranks shares a stream, also after an abort", onGpu, async () => {
  const image = (i: number) => i % 97 === 5 ? Uint8Array.of(1, 2, 3) : png(gradient(8, 8, { seed: i }));
  const entries = Array.from({ length: 660 }, (_, i) => tarEntry(`${i}.png`, image(i)));
  // Shards of unknown lengths; with the first one alone, the last of three ranks has no images.
  const shards = await Promise.all([entries.slice(0, 140), entries.slice(140)].map(async (part) => {
    const packed = new Blob([tar(part)]).stream().pipeThrough(new CompressionStream("gzip"));
    return new Uint8Array(await new Response(packed).arrayBuffer());
  }));
  await withFolder({ "data/0.tar.gz": shards[0], "data/1.tar.gz": shards[1] }, async (folder) => {
    const backbone = { block: "basic", layers: [1], widths: [8] } as const;
    const encoder = await writeDrawnEncoder(folder, { backbone, stem: "cifar", size: 8 });
    for (const [data, size, aborts] of [["data", 2, true], ["data/0.tar.gz", 3, false]]) {
      const out = (who: string) => [join(folder, `${who}.parquet`), join(folder, `${who}.csv`)];
      const base = {
        encoder,
        data: join(folder, `${data}`),
        kernels: "default",
        workers: 1,
        log() {},
      } as const;
      const { rows, badPath } = await embedToFiles({ ...base, out: out("alone"), restart: true });
      const stop = new AbortController(), progress: number[] = [];
      const onProgress = (images: number) => {
        progress.push(images);
        if (aborts && images > 256) stop.abort(); // the first group of rows is written
      };
      const embed = (signal?: AbortSignal) =>
        Promise.allSettled(
          memoryWorlds(Number(size)).map((world) =>
            embedToFiles({ ...base, out: out("ranks"), signal, ...world.rank === 0 && { onProgress } }, {
              world,
            })
          ),
        );
      if (aborts) {
        const stopped = await embed(stop.signal);
        assertEquals(stopped.map(({ status }) => status), Array(size).fill("rejected"));
        progress.length = 0;
      }
      const results = await embed();
      assertEquals(
        results.map((result) => result.status === "fulfilled" ? result.value.rows : result.reason),
        Array(size).fill(rows),
      );
      assert(!aborts || progress[0] > 256, "it began anew");
      for (const [i, path] of [...out("ranks"), badPath!.replace("alone", "ranks")].entries()) {
        assertEquals(await Deno.readFile(path), await Deno.readFile([...out("alone"), badPath!][i]), path);
        await Deno.remove(path);
      }
      for (const path of [...out("alone"), badPath!]) await Deno.remove(path);
    }
  });
});
