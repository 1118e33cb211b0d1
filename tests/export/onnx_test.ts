/** ONNX models of encoders, run by onnxruntime and compared with the encoder on the GPU. */
import * as ort from "npm:onnxruntime-web@1.30.0/wasm";
import { evaluationImage } from "../../data/decode_usable.ts";
import { keyedRandom } from "../../src/base/random.ts";
import { createFeatureExtractor } from "../../src/eval/features.ts";
import { encodeOnnx } from "../../src/export/onnx.ts";
import { Memory } from "../../src/gpu/memory.ts";
import type { ResNetConfig, Stem } from "../../src/nn/backbones.ts";
import { createNetwork, Scope } from "../../src/nn/parameters.ts";
import { featuresOf } from "../../src/nn/backbone.ts";
import { resnet } from "../../src/nn/resnet.ts";
import { drawWeights, packWeights, unpackWeights } from "../../src/nn/weights.ts";
import { assert, relativeError } from "../assert.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";

ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

const mean = [.485, .456, .406], std = [.229, .224, .225];

/** A network with weights of `seed`, whose running statistics are not those it starts with. */
function drawn({ config, stem }: { config: ResNetConfig; stem: Stem }, seed: number) {
  const network = createNetwork("encoder", { gradients: false });
  const layer = resnet(new Scope(network), { config, stem });
  const random = keyedRandom(seed, 1);
  const tensors = new Map(
    [network.parameters, network.statistics].flatMap((flat) => [
      ...unpackWeights(flat, { content: drawWeights(flat, { seed }) }),
    ]),
  );
  for (const [name, { data }] of tensors) {
    const isVariance = name.endsWith("running_var");
    if (isVariance) data.forEach((_, i) => data[i] = random.between(.5, 2));
    else if (/running_mean|bias$/.test(name)) data.forEach((_, i) => data[i] = random.between(-.5, .5));
  }
  const contents = [network.parameters, network.statistics].map((flat) => ({
    store: flat.store,
    values: packWeights(flat, (name) => tensors.get(name)!.data),
  }));
  return { layer, tensors, contents };
}

/** The features of normalized `images` [n, size, size, 4] on the GPU. */
async function onTheGpu(network: ReturnType<typeof drawn>, images: Float32Array<ArrayBuffer>, size: number) {
  using memory = new Memory(await sharedGpu());
  for (const { store, values } of network.contents) memory.write(store, values);
  const n = images.length / (size * size * 4);
  using extractor = createFeatureExtractor(memory, { encoder: network.layer, batch: n, size });
  await extractor.add(images, n);
  return await extractor.take();
}

async function byRuntime(model: Uint8Array, images: ort.Tensor) {
  const session = await ort.InferenceSession.create(model);
  const { features } = await session.run({ images });
  await session.release();
  return features.data as Float32Array;
}

const cases: [what: string, network: { config: ResNetConfig; stem: Stem }, size: number][] = [
  ["basic blocks, CIFAR stem", {
    config: { block: "basic", layers: [1, 2], widths: [8, 12] },
    stem: "cifar",
  }, 20],
  ["wide bottlenecks, ImageNet stem", {
    config: { block: "bottleneck", layers: [2, 1], widths: [8, 16], widthPerGroup: 128 },
    stem: "imagenet",
  }, 37],
];

for (const [what, shape, size] of cases) {
  for (const fold of [true, false]) {
    Deno.test(
      `encodeOnnx() gives the encoder's features: ${what}${fold ? ", folded" : ""}`,
      onGpu,
      async () => {
        const network = drawn(shape, 3), n = 3, random = keyedRandom(7);
        const images = new Float32Array(n * size * size * 4), planes = new Float32Array(n * 3 * size * size);
        for (let i = 0; i < n * size * size; i++) {
          const image = Math.floor(i / (size * size)), pixel = i % (size * size);
          for (let c = 0; c < 3; c++) {
            const value = random.between(-2, 2);
            images[4 * i + c] = value;
            planes[(image * 3 + c) * size * size + pixel] = value;
          }
        }
        const dims = featuresOf(shape.config);
        const model = encodeOnnx({
          network: { ...shape, tensors: network.tensors },
          preparation: { size, mean, std },
          dims,
          fold,
        });
        const ours = await onTheGpu(network, images, size);
        const theirs = await byRuntime(model, new ort.Tensor("float32", planes, [n, 3, size, size]));
        const error = relativeError(theirs, ours);
        assert(error < 1e-5, `features are off by ${error}`);
      },
    );
  }
}

Deno.test("encodeOnnx() with preprocess prepares images as evaluations do", onGpu, async () => {
  const [, shape] = cases[0], size = 20, network = drawn(shape, 5);
  const model = encodeOnnx({
    network: { ...shape, tensors: network.tensors },
    preparation: { size, mean, std },
    dims: featuresOf(shape.config),
    preprocess: true,
  });
  // Larger, with sides that are truncated, smaller, and as large.
  for (const [width, height] of [[53, 31], [33, 97], [9, 14], [20, 20], [20, 25]]) {
    const data = new Uint8Array(width * height * 4), rgb = new Uint8Array(width * height * 3);
    for (let i = 0; i < width * height; i++) {
      const x = i % width, y = Math.floor(i / width);
      for (let c = 0; c < 3; c++) {
        rgb[3 * i + c] = data[4 * i + c] = Math.round(
          127 + 90 * Math.sin(x * (c + 2) / 9) * Math.cos(y / (7 + c)),
        );
      }
      data[4 * i + 3] = 255;
    }
    const view = evaluationImage({ width, height, data }, size);
    const images = Float32Array.from(
      view.data,
      (value, i) => i % 4 === 3 ? 0 : (value / 255 - mean[i % 4]) / std[i % 4],
    );
    const ours = await onTheGpu(network, images, size);
    const theirs = await byRuntime(model, new ort.Tensor("uint8", rgb, [1, height, width, 3]));
    const error = relativeError(theirs, ours);
    // Pillow rounds between its passes too: single pixels differ by one level.
    assert(error < 5e-3, `features of ${width}×${height} pixels are off by ${error}`);
  }
});
