/** ONNX models of encoders, run by onnxruntime and compared with the encoder on the GPU. */
import * as ort from "npm:onnxruntime-web@1.30.0/wasm";
import { evaluationImage } from "../../data/decode_usable.ts";
import { MachineError } from "../../src/base/errors.ts";
import type { EvaluatedEncoder } from "../../src/eval/evaluated_encoder.ts";
import { DEFAULT_NAMES, encodeOnnx, type OnnxOptions } from "../../src/export/onnx.ts";
import { GraphBuilder } from "../../src/export/onnx_graph.ts";
import { leastOpset } from "../../src/export/onnx_network.ts";
import { appendPreparation } from "../../src/export/onnx_preprocess.ts";
import { normalized, planesOf, randomImage, rgbOf } from "../../src/export/random_images.ts";
import { largestDistance, openReference } from "../../src/export/reference_features.ts";
import { verifyOnnx } from "../../src/export/verify_onnx.ts";
import { featuresOf } from "../../src/nn/backbone.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { onGpu } from "../gpu/shared.ts";
import { drawnOrigin, drawnTensors, networks } from "./drawn_encoder.ts";

ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

const mean = [.485, .456, .406] as const, std = [.229, .224, .225] as const;

function encoderOf(name: keyof typeof networks, seed = 3): EvaluatedEncoder {
  const { config, stem, size } = networks[name];
  const tensors = drawnTensors({ config, stem }, seed);
  return { ...drawnOrigin, stretch: "none", config, stem, size, mean, std, tensors };
}

function modelOf(encoder: EvaluatedEncoder, options: Partial<OnnxOptions> = {}) {
  return encodeOnnx({ network: encoder, preparation: encoder, dims: featuresOf(encoder.config), ...options });
}

async function outputOf(model: Uint8Array, images: ort.Tensor): Promise<ort.Tensor> {
  const session = await ort.InferenceSession.create(model);
  const { [session.inputNames[0]]: _, ...outputs } = await session.run({ [session.inputNames[0]]: images });
  await session.release();
  return outputs[session.outputNames[0]] as ort.Tensor;
}

for (const name of Object.keys(networks) as (keyof typeof networks)[]) {
  const least = leastOpset(networks[name].config);
  for (const options of [{}, { fold: false }, { opset: least }, { fold: false, opset: 21 }]) {
    Deno.test(
      `encodeOnnx() gives the encoder's features: ${name}, ${JSON.stringify(options)}`,
      onGpu,
      async () => {
        const encoder = encoderOf(name), { size } = encoder, n = 3;
        // Another size than the encoder's: height and width are free.
        const images = Array.from(
          { length: n },
          (_, i) => randomImage(i, { width: size + 3, height: size + 3 }),
        );
        using reference = await openReference({ ...encoder, size: size + 3 });
        const views = images.map((image) => normalized(image, encoder));
        const expected = await reference.featuresOf(joined(views));
        const input = new ort.Tensor("float32", joined(views.map(planesOf)), [n, 3, size + 3, size + 3]);
        const { data, dims } = await outputOf(await modelOf(encoder, options), input);
        assertEquals(dims, [n, featuresOf(encoder.config)]);
        const distance = largestDistance(data as Float32Array, { expected, dims: dims[1] });
        assert(distance < 1e-5, `features are off by ${distance}`);
      },
    );
  }
}

function joined(parts: Float32Array[]): Float32Array<ArrayBuffer> {
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

/** Sizes that are larger, with sides that are truncated, smaller, long, as large, and a single pixel. */
const sizes = [[53, 31], [33, 97], [9, 14], [300, 41], [20, 20], [20, 25], [25, 20], [1, 1], [640, 479]];

Deno.test("appendPreparation() gives the pixels of an evaluation's view, all of them", async () => {
  const size = 20, graph = new GraphBuilder();
  const pixels = graph.input("pixels", { type: "float", shape: ["n", 3, "h", "w"] });
  const level = { size, mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] };
  graph.output(appendPreparation(graph, pixels, level), { type: "float", shape: ["n", 3, size, size] });
  const model = await graph.encode({ opset: 17, metadata: {} });
  for (const [width, height] of sizes) {
    const image = randomImage(1, { width, height });
    const input = new ort.Tensor("float32", planesOf(image.data), [1, 3, height, width]);
    const { data, dims } = await outputOf(model, input);
    assertEquals(dims, [1, 3, size, size]);
    const view = planesOf(evaluationImage(image, size).data);
    const levels = Array.from(data as Float32Array, Math.round);
    const others = view.filter((value, i) => value !== levels[i]).length;
    assertEquals(others, 0, `pixels of ${width} × ${height} px that differ`);
  }
});

Deno.test("encodeOnnx() of bytes and of pixels gives the features of an evaluation", onGpu, async () => {
  const encoder = encoderOf("basic blocks, CIFAR stem"), { size } = encoder;
  using reference = await openReference(encoder);
  const models = {
    bytes: await modelOf(encoder, { takes: "bytes" }),
    pixels: await modelOf(encoder, { takes: "pixels" }),
  };
  for (const [width, height] of sizes.slice(0, 4)) {
    const image = randomImage(2, { width, height });
    const expected = await reference.featuresOf(normalized(evaluationImage(image, size), encoder));
    const inputs = {
      bytes: new ort.Tensor("uint8", rgbOf(image), [1, height, width, 3]),
      pixels: new ort.Tensor("float32", planesOf(image.data), [1, 3, height, width]),
    };
    for (const takes of ["bytes", "pixels"] as const) {
      const { data, dims } = await outputOf(models[takes], inputs[takes]);
      const distance = largestDistance(data as Float32Array, { expected, dims: dims[1] });
      assert(distance < 1e-5, `${takes} of ${width} × ${height} px: features are off by ${distance}`);
    }
  }
});

Deno.test(
  "verifyOnnx() refuses a model with other weights, other statistics, or another normalization",
  onGpu,
  async () => {
    const encoder = encoderOf("basic blocks, CIFAR stem"), names = DEFAULT_NAMES;
    using reference = await openReference(encoder);
    const verify = (model: Uint8Array, takes: "views" | "bytes" = "views") =>
      verifyOnnx(model, { encoder, reference, takes, names });
    const { difference, images, prepared } = await verify(await modelOf(encoder));
    assert(difference < 1e-5 && images === 8 && prepared === null);
    const bytes = await verify(await modelOf(encoder, { takes: "bytes" }), "bytes");
    assert(bytes.prepared! < 1e-5, `${bytes.prepared}`);

    const changed = (name: string, factor: number) => {
      const tensors = new Map(encoder.tensors), { shape, data } = tensors.get(name)!;
      return { ...encoder, tensors: tensors.set(name, { shape, data: data.map((value) => value * factor) }) };
    };
    const wrong = [
      changed("layer2.1.conv2.weight", 1.01),
      changed("layer1.0.bn2.running_var", 1.01),
      changed("bn1.bias", NaN),
      encoderOf("basic blocks, CIFAR stem", 4),
    ];
    for (const other of wrong) {
      await assertThrows(
        async () => await verify(await modelOf(other)),
        MachineError,
        /differ .* by (NaN|\d.*e[-+]\d+) of their/,
      );
    }
    const other = await modelOf({ ...encoder, mean: [.5, .456, .406] }, { takes: "bytes" });
    await assertThrows(
      () => verify(other, "bytes"),
      MachineError,
      /at most 1e-4 is allowed\. Nothing was written/,
    );
    await assertThrows(
      () => verify(new Uint8Array(9)),
      MachineError,
      /onnxruntime-web cannot run the model: /,
    );
  },
);

Deno.test("largestDistance() is the worst row's, relative to its own length", () => {
  const rows = { expected: [3, 4, 300, 400], dims: 2 };
  assertEquals(largestDistance([3, 4, 300, 400], rows), 0);
  assertEquals(largestDistance([3, 4.5, 300, 410], rows), .1);
  assertEquals(largestDistance([3, 4, 300, 450], rows), .1);
  assert(Number.isNaN(largestDistance([NaN, 4, 300, 400], rows)));
  assertEquals(largestDistance([3, 4], rows), Infinity);
});
