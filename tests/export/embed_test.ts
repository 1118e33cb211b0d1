/** Embedding against the features of the same images computed one by one. */
import { join } from "node:path";
import { decodeForEvaluation } from "../../data/decode_usable.ts";
import { applyView } from "../../data/views/apply.ts";
import { evaluationView } from "../../data/views/draw.ts";
import { createNetworks } from "../../src/byol/networks.ts";
import { createFeatureExtractor } from "../../src/eval/features.ts";
import { embed } from "../../src/export/embed.ts";
import type { Embedding, EmbedOptions } from "../../src/export/embed_options.ts";
import { findDuplicates } from "../../src/export/duplicates.ts";
import { embedToFiles } from "../../src/export/embed_to_files.ts";
import { loadEncoder } from "../../src/export/load_encoder.ts";
import { openEmbeddings } from "../../src/export/open_embeddings.ts";
import { findSimilar } from "../../src/export/similar.ts";
import { Memory } from "../../src/gpu/memory.ts";
import { latestCheckpoint } from "../../src/io/checkpoint.ts";
import { readSafetensors } from "../../src/io/safetensors.ts";
import { backbones } from "../../src/nn/backbones.ts";
import { packWeights } from "../../src/nn/weights.ts";
import { pretrain } from "../../src/run/pretrain.ts";
import { UserError } from "../../src/base/errors.ts";
import { assert, assertClose, assertEquals, assertThrows } from "../assert.ts";
import { gradient, jpeg, openIndexed, png, tar, tarEntry, webp, withFolder } from "../data/fixtures.ts";
import { halfTest, onGpu, sharedGpu } from "../gpu/shared.ts";
import { networks, writeDrawnEncoder } from "./drawn_encoder.ts";

const SIZE = 16, HIDDEN = 12, PROJECTION = 8;
const log = () => {};
/** Batches of other sizes may sum in another order. */
const close = { absolute: 1e-5, relative: 1e-5 };

const run = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(run, { recursive: true }));
await pretrain({
  data: "shapes:16",
  holdout: 0,
  backbone: "resnet8",
  size: SIZE,
  hidden: HIDDEN,
  projection: PROJECTION,
  batch: 8,
  steps: 3,
  kernels: "default",
  out: run,
  log,
});

const files = {
  "cat/1.png": png(gradient(40, 36, { seed: 1 })),
  "cat/2.jpg": await jpeg(gradient(20, 50, { seed: 2 })),
  "cat/3.jpg": new Uint8Array([0xff, 0xd8, 0xff]),
  "dog/1.webp": await webp(gradient(16, 16, { seed: 3 })),
  "dog/2.png": png(gradient(9, 11, { seed: 4 })), // smaller than the view
  "dog/3.png": png(gradient(70, 33, { seed: 5 })),
};
type Name = keyof typeof files;
const sizes: Record<string, [number, number]> = {
  "cat/1.png": [40, 36],
  "cat/2.jpg": [20, 50],
  "dog/1.webp": [16, 16],
  "dog/2.png": [9, 11],
  "dog/3.png": [70, 33],
};

/** The images that can be used, in the order of the folder as a source. */
const GOOD: Name[] = [];
await withFolder(files, async (folder) => {
  const source = await openIndexed(folder);
  for (let i = 0; i < source.length; i++) if (source.key(i) in sizes) GOOD.push(source.key(i) as Name);
  source.close();
});

/** Features and projections of `images` by the run's last checkpoint, from views made on the CPU. */
async function expectedOf(
  images: Uint8Array[],
): Promise<{ features: Float32Array; projections: Float32Array }> {
  using memory = new Memory(await sharedGpu());
  const { online } = createNetworks({
    backbone: backbones.resnet8,
    stem: "cifar",
    hidden: HIDDEN,
    projection: PROJECTION,
  });
  const { tensors } = await readSafetensors((await latestCheckpoint(run))!);
  for (const flat of [online.network.parameters, online.network.statistics]) {
    memory.write(flat.store, packWeights(flat, (name) => tensors.get(`online.${name}`)!.data));
  }
  const { metadata } = await readSafetensors(join(run, "encoder.safetensors"));
  const mean = JSON.parse(metadata.mean), std = JSON.parse(metadata.std), length = SIZE * SIZE * 4;
  const views = new Float32Array(images.length * length);
  for (const [i, bytes] of images.entries()) {
    const image = await decodeForEvaluation(bytes, { size: SIZE }),
      out = views.subarray(i * length, (i + 1) * length);
    applyView(image, evaluationView({ ...image, size: SIZE }), { size: SIZE, mean, std, out });
  }
  using extractor = createFeatureExtractor(memory, {
    encoder: online.encoder,
    projector: online.projector,
    batch: images.length,
    size: SIZE,
  });
  await extractor.add(views, images.length, { project: true });
  return { features: await extractor.take(), projections: await extractor.takeProjections() };
}

const all = (options: Partial<EmbedOptions>) =>
  Array.fromAsync(embed({ run, kernels: "default", workers: 1, log, ...options }));
const joined = (found: Embedding[]) => found.flatMap(({ vector }) => [...vector]);

Deno.test(
  "embed() gives each image once in source order, with its class, its size and the encoder's features",
  onGpu,
  () =>
    withFolder(files, async (folder) => {
      const bad: string[] = [];
      const found = await all({ data: folder, onBad: ({ key, reason }) => bad.push(`${key}: ${reason}`) });
      assertEquals(found.map(({ key }) => key), [...GOOD]);
      assertEquals(found.map(({ width, height }) => [width, height]), GOOD.map((name) => sizes[name]));
      const labels = { cat: { index: 0, name: "cat" }, dog: { index: 1, name: "dog" } };
      assertEquals(
        found.map(({ label }) => label),
        GOOD.map((name) => labels[name.slice(0, 3) as "cat" | "dog"]),
      );
      assertEquals(bad.length, 1);
      assert(/^cat\/3\.jpg: /.test(bad[0]), bad[0]);
      const { features } = await expectedOf(GOOD.map((name) => files[name]));
      assertEquals(features.length, 5 * 64);
      assertClose("features", joined(found), features, close);

      const unit = await all({ data: folder, normalize: true });
      const lengths = unit.map(({ vector }) => Math.hypot(...vector));
      assertClose("lengths", lengths, [1, 1, 1, 1, 1], { absolute: 1e-6 });
      const scaled = found.flatMap(({ vector }) => [...vector].map((value) => value / Math.hypot(...vector)));
      assertClose("normalized", joined(unit), scaled, { absolute: 1e-6 });
    }),
);

Deno.test(
  "embed() gives projections of a run, or of its checkpoint alone",
  onGpu,
  () =>
    withFolder(files, async (folder) => {
      const { projections } = await expectedOf(GOOD.map((name) => files[name]));
      const found = await all({ data: folder, features: "projection" });
      assertEquals(projections.length, 5 * PROJECTION);
      assertClose("projections", joined(found), projections, close);
      const checkpoint = (await latestCheckpoint(run))!;
      const alone = await all({ run: undefined, encoder: checkpoint, data: folder, features: "projection" });
      assertEquals(joined(alone), joined(found));
      await assertThrows(
        () =>
          all({
            run: undefined,
            encoder: join(run, "encoder.safetensors"),
            data: folder,
            features: "projection",
          }),
        UserError,
        /Cannot compute projections: ".*encoder\.safetensors" has no projector\. Give the folder of a run/,
      );
    }),
);

Deno.test(
  "embed() leaves images out by minSide, embeds the run's own images by default, and many batches in order",
  onGpu,
  async () => {
    await withFolder(files, async (folder) => {
      const left: (true | undefined)[] = [];
      const found = await all({ data: folder, minSide: 16, onBad: ({ leftOut }) => left.push(leftOut) });
      assertEquals(found.map(({ key }) => key), GOOD.filter((name) => name !== "dog/2.png"));
      assertEquals(left.map(Boolean).sort(), [false, true]);
    });
    const own = await all({});
    assertEquals(own.length, 16);
    const many = await all({ data: "shapes:300" });
    assertEquals(new Set(many.map(({ key }) => key)).size, 300);
    const few = await all({ data: "shapes:300", workers: 2 });
    assertEquals(joined(few), joined(many));
  },
);

Deno.test("embed() refuses unknown options and missing encoders and images", onGpu, async () => {
  await assertThrows(
    () => all({ normalise: true } as object),
    UserError,
    /option "normalise": it is none of/,
  );
  await assertThrows(
    () => all({ run: undefined, data: "shapes:4" }),
    UserError,
    /without an encoder\. Add --run/,
  );
  const encoder = join(run, "encoder.safetensors");
  await assertThrows(() => all({ run: undefined, encoder }), UserError, /without images\. Add --data/);
  await assertThrows(() => all({ features: "logits" as "backbone" }), UserError, /features = logits/);
});

Deno.test("embed() ends with the reason of its signal, and when it is left", onGpu, async () => {
  const stop = new AbortController(), seen: string[] = [];
  await assertThrows(
    async () => {
      for await (
        const { key } of embed({ run, data: "shapes:600", kernels: "default", log, signal: stop.signal })
      ) {
        if (seen.push(key) === 3) stop.abort(new RangeError("enough"));
      }
    },
    RangeError,
    /enough/,
  );
  assert(seen.length < 600);
  for await (const { key } of embed({ run, data: "shapes:600", kernels: "default", log })) {
    assertEquals(key, seen[0]);
    break;
  }
});

Deno.test(
  "embedToFiles() writes the vectors of embed() to all formats, and lists images without a row",
  onGpu,
  () =>
    withFolder(files, async (folder) => {
      const base = { run, data: folder, kernels: "default", workers: 1, log } as const;
      await withFolder({}, async (out) => {
        const found = await all({ data: folder });
        const names = ["x.parquet", "x.npy", "x.csv", "x.safetensors"].map((name) => join(out, name));
        const done: [number, number | null][] = [];
        const written = await embedToFiles({
          ...base,
          out: names,
          onProgress: (...figures) => done.push(figures),
        });
        assertEquals(
          [written.rows, written.bad, written.leftOut, written.badPath],
          [5, 1, 0, join(out, "x.csv.bad.jsonl")],
        );
        assertEquals(done.at(-1), [6, 6]);
        for (const name of names) {
          const table = await openEmbeddings(name);
          assertEquals(table.keys, [...GOOD], name);
          assertEquals([...await table.read(0, 5)], joined(found), name);
        }
        const { metadata } = await openEmbeddings(names[0]);
        assertEquals([metadata.encoder, metadata.size, metadata.features], [
          join(run, "encoder.safetensors"),
          "16",
          "backbone",
        ]);
        const [line] = (await Deno.readTextFile(written.badPath!)).trim().split("\n").map((text) =>
          JSON.parse(text)
        );
        assertEquals([line.key, /truncated|end/.test(line.reason)], ["cat/3.jpg", true]);

        await embedToFiles({ ...base, out: names[1], f16: true, normalize: true });
        const half = await openEmbeddings(names[1]);
        const unit = joined(await all({ data: folder, normalize: true })).map(Math.f16round);
        assertEquals([...await half.read(0, 5)], unit);
        await assertThrows(
          () => embedToFiles({ ...base, out: join(out, "x.txt") }),
          UserError,
          /one of \.parquet/,
        );
        await assertThrows(() => embedToFiles({ ...base, out: [names[0], names[0]] }), UserError, /twice/);
        assertEquals([...Deno.readDirSync(out)].filter(({ name }) => name.includes(".part")), []);
      });
    }),
);

Deno.test("embedToFiles() continues a streamed source after an abort, to the same bytes", onGpu, async () => {
  const images = Array.from({ length: 20 }, (_, i) => png(gradient(18 + i, 30 - i, { seed: i })));
  const entries = images.map((image, i) => tarEntry(`${i}.png`, i % 7 === 3 ? image.subarray(0, 60) : image));
  const packed = new Response(new Blob([tar(entries)]).stream().pipeThrough(new CompressionStream("gzip")));
  await withFolder({ "a.tar.gz": new Uint8Array(await packed.arrayBuffer()) }, async (folder) => {
    const base = { run, data: `${folder}/a.tar.gz`, kernels: "default", workers: 1, log } as const;
    const whole = [join(folder, "w.npy"), join(folder, "w.csv")],
      stopped = [join(folder, "s.npy"), join(folder, "s.csv")];
    await embedToFiles({ ...base, out: whole });
    const stop = new AbortController();
    await assertThrows(
      () =>
        embedToFiles({
          ...base,
          out: stopped,
          signal: stop.signal,
          onProgress: (images) => images > 0 && stop.abort(new RangeError("stopped")),
        }),
      RangeError,
      /stopped/,
    );
    await embedToFiles({ ...base, out: stopped });
    for (const [i, path] of [...whole, whole[1] + ".bad.jsonl"].entries()) {
      const other = [...stopped, stopped[1] + ".bad.jsonl"][i];
      assertEquals(await Deno.readTextFile(other), await Deno.readTextFile(path), other);
    }
  });
});

Deno.test(
  "findSimilar() embeds a file by the encoder that the embeddings name, findDuplicates() reads the same file",
  onGpu,
  () =>
    withFolder({ ...files, "dog/copy.png": files["cat/1.png"] }, async (folder) => {
      const others = { size: 24, mean: [.9, .1, .4], std: [.2, .7, .1] };
      for (
        const options of [{ features: "backbone" }, { features: "projection" }, others] as Partial<
          EmbedOptions
        >[]
      ) {
        const embeddings = join(folder, "x.parquet"), kernels = "default";
        await embedToFiles({
          run,
          data: [`${folder}/cat`, `${folder}/dog`],
          out: embeddings,
          ...options,
          kernels,
          log,
        });
        const [{ neighbors }] = await findSimilar({
          embeddings,
          query: "cat/1.png",
          folder,
          k: 2,
          kernels,
          log,
        });
        const { keys } = await openEmbeddings(embeddings);
        const same = keys.flatMap((key, row) => /(cat.1|copy)\.png$/.test(key) ? [row] : []);
        assertEquals([same.length, neighbors.map(({ row }) => row)], [2, same]);
        assertClose("cosines", neighbors.map(({ cosine }) => cosine), [1, 1], { absolute: 1e-6 });
        const groups = await findDuplicates({ embeddings, threshold: 0.999999, kernels, log });
        assertEquals(groups.map((group) => group.map(({ row }) => row)), [same]);
      }
    }),
);

Deno.test(
  "loadEncoder() embeds files and decoded images, in several calls at once",
  onGpu,
  () =>
    withFolder(files, async (folder) => {
      const found = await all({ data: folder });
      using encoder = await loadEncoder(join(run, "encoder.safetensors"), { kernels: "default", log });
      assertEquals([encoder.dims, encoder.size], [64, SIZE]);
      const bytes = GOOD.map((name) => files[name]);
      const { data, width, height } = gradient(40, 36, { seed: 1 });
      const pixels = { data: new Uint8Array(data), width, height };
      const [vectors, [decoded], none] = await Promise.all([
        encoder.embed(bytes),
        encoder.embed([pixels]),
        encoder.embed([]),
      ]);
      assertClose("vectors", vectors.flatMap((vector) => [...vector]), joined(found), { absolute: 1e-6 });
      assertClose("decoded", decoded, found[GOOD.indexOf("cat/1.png")].vector, close);
      assertEquals(none, []);
      const many = await encoder.embed(Array.from({ length: 130 }, (_, i) => i === 129 ? bytes[1] : pixels));
      assertClose("the last of 130", many[129], found[1].vector, { absolute: 1e-6 });
      await assertThrows(
        () => encoder.embed([pixels, files["cat/3.jpg"]]),
        UserError,
        /Cannot embed image 1: /,
      );
      const [after] = await encoder.embed([bytes[2]]);
      assertClose("after an error", after, found[2].vector, close);

      using projecting = await loadEncoder(run, {
        features: "projection",
        normalize: true,
        kernels: "default",
        log,
      });
      assertEquals(projecting.dims, PROJECTION);
      const [projection] = await projecting.embed([pixels]);
      assertClose("length", [Math.hypot(...projection)], [1], { absolute: 1e-6 });
    }),
);

/** The least cosine between the vectors of two embeddings of the same images. */
function leastCosine(a: readonly Embedding[], b: readonly Embedding[]): number {
  assertEquals(a.map(({ key }) => key), b.map(({ key }) => key));
  return Math.min(...a.map(({ vector }, i) => {
    const dot = (u: Float32Array, v: Float32Array) => u.reduce((sum, value, j) => sum + value * v[j], 0);
    return dot(vector, b[i].vector) / Math.sqrt(dot(vector, vector) * dot(b[i].vector, b[i].vector));
  }));
}

halfTest("embed() in mixed precision gives the vectors of float32 but for their rounding", async () => {
  await withFolder(files, async (folder) => {
    for (const features of ["backbone", "projection"] as const) {
      const f32 = await all({ data: folder, features }),
        mixed = await all({ data: folder, features, precision: "mixed" });
      assertEquals(mixed.length, GOOD.length);
      const cosine = leastCosine(f32, mixed);
      assert(cosine > .9999, `${features}: the least cosine is ${cosine}`);
      assert(joined(f32).some((value, i) => value !== joined(mixed)[i]), "nothing was rounded");
    }
    for (const [name, { config, stem, size }] of Object.entries(networks)) {
      if (stem === "cifar") continue;
      const encoder = await writeDrawnEncoder(await Deno.makeTempDir({ dir: run }), {
        backbone: config,
        stem,
        size,
      });
      const drawn = { run: undefined, encoder, data: folder };
      const cosine = leastCosine(await all(drawn), await all({ ...drawn, precision: "mixed" }));
      assert(cosine > .9999, `${name}: the least cosine is ${cosine}`);
    }
  });
});

halfTest("embedToFiles() notes mixed precision, and does not continue in another one", async () => {
  await withFolder(files, async (folder) => {
    const base = { run, data: folder, kernels: "default", workers: 1, log } as const;
    const out = join(folder, "x.safetensors");
    await embedToFiles({ ...base, out, precision: "mixed" });
    assertEquals((await openEmbeddings(out)).metadata.precision, "mixed");
    const stop = new AbortController(), stopped = join(folder, "y.npy");
    const given = {
      ...base,
      out: stopped,
      signal: stop.signal,
      onProgress: () => stop.abort(new RangeError("stopped")),
    };
    await assertThrows(() => embedToFiles({ ...given, precision: "mixed" }), RangeError, /stopped/);
    await assertThrows(
      () => embedToFiles({ ...base, out: stopped }),
      UserError,
      /another one, which differs in precision/,
    );
  });
});
