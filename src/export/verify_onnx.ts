/**
 * Runs an ONNX model by onnxruntime on random images and compares its features with the encoder's.
 *
 * @module
 */
import { evaluationImage } from "../../data/decode_usable.ts";
import type { DecodedImage } from "../../data/views/resize.ts";
import { MachineError, messageOf } from "../base/errors.ts";
import type { EvaluatedEncoder } from "../eval/evaluated_encoder.ts";
import { joinedRows } from "../gpu/gathered_rows.ts";
import type { GraphInput, GraphNames } from "./onnx.ts";
import { normalized, planesOf, randomImage, rgbOf } from "./random_images.ts";
import { largestDistance, type ReferenceEncoder } from "./reference_features.ts";
import type { ExportAgreement } from "./types.ts";

/** The largest distance between the features that is accepted, relative to their length. */
export const TOLERANCE = 1e-4;

/** The same if the graph resizes: sums of other order may round a pixel between two levels to the other one. */
export const PREPARED_TOLERANCE = 1e-3;

/** Images of the encoder's size that are compared. */
const IMAGES = 8;

/** Sides of other images relative to the encoder's: larger, smaller, and long; all become odd numbers of pixels. */
const ODD_SIDES = [[1.9, 1.3], [1.1, 2.7], [.6, .8], [1, 1.6]];

/** Loads onnxruntime; of its build for WebAssembly the only part that is used. */
export async function loadRuntime() {
  const runtime = await import("npm:onnxruntime-web@1.30.0/wasm");
  // One thread: it would start Workers from URLs. Warnings are about constants that it removes.
  runtime.env.wasm.numThreads = 1;
  runtime.env.logLevel = "error";
  return runtime;
}

type Runtime = Awaited<ReturnType<typeof loadRuntime>>;

/**
 * How far the features of `model` are from those of `encoder`, which `reference` computes.
 *
 * @throws {MachineError} if onnxruntime cannot run the model, or its features differ by more than the tolerance.
 */
export async function verifyOnnx(
  model: Uint8Array,
  options: {
    encoder: EvaluatedEncoder;
    reference: ReferenceEncoder;
    takes: GraphInput;
    names: GraphNames;
    signal?: AbortSignal;
  },
): Promise<ExportAgreement> {
  const { encoder, reference, takes, names, signal } = options, { size } = encoder;
  const runtime = await loadRuntime(), inputs = { runtime, takes, encoder };
  const session = await runtime.InferenceSession.create(model).catch(refuse);
  const run = async (images: readonly DecodedImage[]) => {
    signal?.throwIfAborted();
    const outputs = await session.run({ [names.input]: inputOf(images, inputs) }).catch(refuse);
    return names.outputs.map((name) => outputs[name].data as Float32Array);
  };
  const distance = async (images: readonly DecodedImage[]) => {
    const views = images.map((image) => normalized(evaluationImage(image, size), encoder));
    const expected = await reference.featuresOf(joinedRows(views)), dims = expected.length / images.length;
    const distances = (await run(images)).map((features) => largestDistance(features, { expected, dims }));
    return Math.max(...distances);
  };
  try {
    const square = Array.from({ length: IMAGES }, (_, i) => randomImage(i, { width: size, height: size }));
    const difference = expectClose(await distance(square), { tolerance: TOLERANCE, what: `${size} px` });
    let prepared: number | null = null;
    for (const [i, sides] of takes === "views" ? [] : ODD_SIDES.entries()) {
      const [width, height] = sides.map((side) => 2 * Math.floor(side * size / 2) + 1);
      const image = randomImage(IMAGES + i, { width, height });
      const what = `${width} × ${height} px`;
      const found = expectClose(await distance([image]), { tolerance: PREPARED_TOLERANCE, what });
      prepared = Math.max(prepared ?? 0, found);
    }
    const version = runtime.env.versions.web ?? runtime.env.versions.common;
    return { runtime: `onnxruntime-web ${version}`, images: IMAGES, difference, prepared };
  } finally {
    await session.release();
  }
}

function refuse(error: unknown): never {
  throw new MachineError(
    `Cannot export the encoder: onnxruntime-web cannot run the model: ${
      messageOf(error)
    }. Nothing was written.`,
    { cause: error },
  );
}

function expectClose(difference: number, { tolerance, what }: { tolerance: number; what: string }): number {
  if (difference <= tolerance) return difference;
  throw new MachineError(
    `Cannot export the encoder: of images of ${what}, onnxruntime-web's features differ from the GPU's by ` +
      `${difference.toExponential(1)} of their length, at most ${
        tolerance.toExponential(0)
      } is allowed. Nothing was ` +
      "written. Check the GPU by ./run doctor.",
  );
}

/** `images` of one size as the graph takes them. */
function inputOf(
  images: readonly DecodedImage[],
  { runtime, takes, encoder }: { runtime: Runtime; takes: GraphInput; encoder: EvaluatedEncoder },
) {
  const [{ width, height }] = images, n = images.length;
  if (takes === "bytes") {
    const bytes = new Uint8Array(3 * width * height * n);
    images.forEach((image, i) => bytes.set(rgbOf(image), 3 * width * height * i));
    return new runtime.Tensor("uint8", bytes, [n, height, width, 3]);
  }
  const values = images.map((image) => planesOf(takes === "views" ? normalized(image, encoder) : image.data));
  return new runtime.Tensor("float32", joinedRows(values), [n, 3, height, width]);
}
