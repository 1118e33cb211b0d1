/** Exported files: what they hold, and what is refused. */
import { join } from "node:path";
import protobuf from "npm:protobufjs@7.6.6/light.js";
import config from "../../deno.json" with { type: "json" };
import { UserError } from "../../src/base/errors.ts";
import { openEncoder } from "../../src/eval/open_encoder.ts";
import { exportEncoder } from "../../src/export/export_encoder.ts";
import { formatExport } from "../../src/export/format_export.ts";
import { onnxSchema } from "../../src/export/onnx_schema.ts";
import type { ExportOptions } from "../../src/export/types.ts";
import { readSafetensors, writeSafetensors } from "../../src/io/safetensors.ts";
import { exists } from "../../src/base/files.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { onGpu } from "../gpu/shared.ts";
import { temporaryFolder } from "../io/temporary_folder.ts";
import { networks, writeDrawnEncoder } from "./drawn_encoder.ts";

const { config: backbone, stem, size } = networks["basic blocks, CIFAR stem"];
const network = { backbone, stem, size };

/** Exports a drawn encoder quietly to `name` in `folder`. */
async function exported(folder: string, name: string, options: ExportOptions = {}) {
  const encoder = await writeDrawnEncoder(folder, network);
  return await exportEncoder({ encoder, out: join(folder, name), log() {}, ...options });
}

async function messageIn(path: string) {
  const Model = protobuf.Root.fromJSON(onnxSchema).lookupType("ModelProto");
  const options = { longs: Number, defaults: true };
  return Model.toObject(Model.decode(await Deno.readFile(path)), options);
}

Deno.test("exportEncoder() writes an ONNX model that tells what it is", onGpu, async () => {
  await using folder = await temporaryFolder();
  const report = await exported(folder.path, "m.onnx");
  const path = join(folder.path, "m.onnx");
  assertEquals([report.paths, report.opset, report.dims], [[path], 17, 12]);
  assertEquals(report.bytes, (await Deno.stat(path)).size);
  assert(report.agreement!.difference < 1e-5);
  assertEquals(report.agreement!.runtime, "onnxruntime-web 1.30.0");
  const { irVersion, producerName, producerVersion, opsetImport, metadataProps, graph } = await messageIn(
    path,
  );
  assertEquals([irVersion, producerName, producerVersion], [8, "byol", config.version]);
  assertEquals(opsetImport[0].version, 17);
  assertEquals(
    Object.fromEntries(metadataProps.map(({ key, value }: Record<string, string>) => [key, value])),
    {
      backbone: JSON.stringify(backbone),
      stem,
      size: `${size}`,
      mean: "[0.485,0.456,0.406]",
      std: "[0.229,0.224,0.225]",
      fingerprint: "of the images",
      input: "normalized images, float32 [N, 3, H, W]",
    },
  );
  const kinds = new Set(graph.node.map(({ opType }: { opType: string }) => opType));
  assert(!kinds.has("BatchNormalization"), "they are folded");
  assert(formatExport(report).startsWith(`Written: ${path} (0.0 MB)\nOpset 17: normalized images`));
});

Deno.test(
  "exportEncoder() keeps batch normalizations, sets the opset and prepares images if asked",
  onGpu,
  async () => {
    await using folder = await temporaryFolder();
    const lines: string[] = [], log = (line: string) => void lines.push(line);
    const options = { fold: false, opset: 20, preprocess: true, stretch: "percentile", log } as const;
    const report = await exported(folder.path, "m.onnx", options);
    assert(/Warning: the contrast of its images was stretched \(percentile\)/.test(lines.join("\n")));
    assert(report.agreement!.prepared! < 1e-4, `${report.agreement!.prepared}`);
    const { opsetImport, graph } = await messageIn(join(folder.path, "m.onnx"));
    assertEquals(opsetImport[0].version, 20);
    const norms = graph.node.filter(({ opType }: { opType: string }) => opType === "BatchNormalization");
    assertEquals(norms.length, 1 + 3 * 2 + 1, "that of the stem, two of each block, one of a shortcut");
    const [{ name, type: { tensorType: { elemType } } }] = graph.input;
    assertEquals([name, elemType], ["images", 2], "bytes");
  },
);

Deno.test("exportEncoder() names the run of an encoder, without the path to it", onGpu, async () => {
  await using folder = await temporaryFolder();
  const run = join(folder.path, "my run");
  await Deno.mkdir(run);
  await writeDrawnEncoder(run, network);
  await Deno.writeTextFile(join(run, "config.json"), JSON.stringify({ backbone, stem, size }));
  await exportEncoder({ run, out: join(folder.path, "m.onnx"), log() {} });
  const { metadataProps } = await messageIn(join(folder.path, "m.onnx"));
  assertEquals(metadataProps.find(({ key }: { key: string }) => key === "run").value, "my run");
});

Deno.test("exportEncoder() writes the folder that transformers.js loads", onGpu, async () => {
  await using folder = await temporaryFolder();
  for (const preprocess of [false, true]) {
    const out = join(folder.path, `${preprocess}`);
    const { paths } = await exported(folder.path, `${preprocess}`, { format: "transformers", preprocess });
    const files = ["onnx/model.onnx", "config.json", "preprocessor_config.json"];
    assertEquals(paths, files.map((name) => join(out, name)));
    const { graph } = await messageIn(paths[0]);
    const names = ({ name }: { name: string }) => name;
    assertEquals(graph.input.map(names), ["pixel_values"]);
    assertEquals(graph.output.map(names), ["image_embeds", "pooler_output"]);
    const read = async (path: string) => JSON.parse(await Deno.readTextFile(path));
    const { model_type, hidden_size, image_size, "transformers.js_config": js } = await read(paths[1]);
    assertEquals([model_type, hidden_size, image_size, js], ["resnet", 12, size, { dtype: "fp32" }]);
    const { image_mean, image_std, size: resized, crop_size, ...steps } = await read(paths[2]);
    assertEquals([image_mean, image_std], [[.485, .456, .406], [.229, .224, .225]]);
    assertEquals([resized, crop_size], [{ shortest_edge: size }, { height: size, width: size }]);
    const { do_resize, do_center_crop, do_rescale, do_normalize, resample } = steps;
    assertEquals([do_resize, do_center_crop, do_rescale, do_normalize, resample], [
      ...Array(4).fill(!preprocess),
      3,
    ]);
  }
});

Deno.test("exportEncoder() writes safetensors that are the encoder's, without a GPU", async () => {
  await using folder = await temporaryFolder();
  const { agreement } = await exported(folder.path, "m.safetensors", { format: "safetensors" });
  assertEquals(agreement, null);
  const path = join(folder.path, "m.safetensors");
  const before = await openEncoder({ encoder: join(folder.path, "encoder.safetensors") }, null);
  const after = await openEncoder({ encoder: path }, null);
  const nowhere = { path: "", name: "" };
  assertEquals({ ...after, ...nowhere }, { ...before, ...nowhere });
  assertEquals(after.metadata.fingerprint, "of the images");
});

Deno.test("exportEncoder() stores weights in 16 bits, and tells what that costs", onGpu, async () => {
  await using folder = await temporaryFolder();
  const { agreement } = await exported(folder.path, "h.safetensors", { format: "safetensors", f16: true });
  const { difference } = agreement!;
  assert(difference > 1e-5 && difference < 5e-3, `${difference}`);
  const before = await readSafetensors(join(folder.path, "encoder.safetensors"));
  const after = await readSafetensors(join(folder.path, "h.safetensors"));
  assertEquals([...after.tensors.keys()], [...before.tensors.keys()]);
  for (const [name, { shape, data }] of after.tensors) {
    const { shape: wanted, data: full } = before.tensors.get(name)!;
    assertEquals(shape, wanted);
    assertEquals(data, Float32Array.from(Float16Array.from(full)), name);
  }
  const sizes = await Promise.all(
    ["h", "encoder"].map((name) => Deno.stat(join(folder.path, `${name}.safetensors`))),
  );
  assert(sizes[0].size < .65 * sizes[1].size, "half of the bytes, and the header");
});

Deno.test("exportEncoder() writes the names of a state dictionary, with counters of batches", async () => {
  await using folder = await temporaryFolder();
  await exported(folder.path, "t.safetensors", { format: "torch-names" });
  const bytes = await Deno.readFile(join(folder.path, "t.safetensors"));
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const { __metadata__: _, ...header } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const counters = Object.entries(header).filter(([name]) => name.endsWith(".num_batches_tracked"));
  assertEquals(counters.length, 8);
  assertEquals(header["layer2.0.downsample.1.num_batches_tracked"], {
    dtype: "I64",
    shape: [],
    data_offsets: header["layer2.0.downsample.1.num_batches_tracked"].data_offsets,
  });
  for (const [, { data_offsets: [begin, end] }] of counters as [string, { data_offsets: number[] }][]) {
    assertEquals([(8 + length + begin) % 8, end - begin], [0, 8], "aligned");
  }
  assertEquals((await openEncoder({ encoder: join(folder.path, "t.safetensors") }, null)).tensors.size, 40);
});

const refused: [what: string, options: ExportOptions, message: RegExp][] = [
  ["no encoder", { encoder: undefined }, /without an encoder\. Add --run DIR or --encoder FILE/],
  ["an unknown option", { preproces: true } as never, /option "preproces": it is none of run, encoder, /],
  ["an opset that is too old", { opset: 12 }, /"opset = 12": it must be a whole number from 13 to 21/],
  [
    "a format that is none",
    { format: "onxx" as never },
    /"format = onxx": it must be one of onnx, transformers, /,
  ],
  [
    "half precision in a graph",
    { f16: true },
    /option "f16": the format onnx has weights of 32 bits.*--format safetensors/,
  ],
  [
    "an opset without a graph",
    { format: "safetensors", opset: 17 },
    /"opset": the format safetensors has no graph/,
  ],
  [
    "folding without a graph",
    { format: "torch-names", fold: false },
    /"fold": the format torch-names has no graph/,
  ],
  ["a folder in place of a file", { out: "." }, /Cannot write "\.": it is a folder\. Name a file by --out/],
];

for (const [what, options, message] of refused) {
  Deno.test(`exportEncoder() refuses ${what}, and writes nothing`, async () => {
    await using folder = await temporaryFolder();
    await assertThrows(() => exported(folder.path, "m.onnx", options), UserError, message);
    assert(!await exists(join(folder.path, "m.onnx")));
  });
}

Deno.test("exportEncoder() refuses values that 16 bits cannot hold", async () => {
  await using folder = await temporaryFolder();
  const encoder = await writeDrawnEncoder(folder.path, network);
  const { tensors, metadata } = await readSafetensors(encoder);
  tensors.get("bn1.running_var")!.data[1] = 65520; // 65519 would be rounded to 65504
  await writeSafetensors(encoder, { tensors, metadata });
  await assertThrows(
    () => exportEncoder({ encoder, format: "safetensors", f16: true, out: join(folder.path, "h"), log() {} }),
    UserError,
    /in 16 bits: the tensor bn1\.running_var has the value 65520, at most 65504/,
  );
});

Deno.test("exportEncoder() ends when its signal is aborted, and writes nothing", onGpu, async () => {
  await using folder = await temporaryFolder();
  const signal = AbortSignal.abort(new Error("enough"));
  await assertThrows(() => exported(folder.path, "m.onnx", { signal }), Error, /^enough$/);
  assert(!await exists(join(folder.path, "m.onnx")));
});
