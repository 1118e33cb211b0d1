/**
 * The weights of an encoder as a safetensors file, under the names that other libraries use.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import type { EvaluatedEncoder } from "../eval/evaluated_encoder.ts";
import { joinedRows } from "../gpu/gathered_rows.ts";
import { encodeSafetensors } from "../io/safetensors.ts";
import { featuresOf } from "../nn/backbone.ts";
import type { TorchTensor } from "../nn/weights.ts";
import type { Exported } from "./exported.ts";
import { normalized, randomImage } from "./random_images.ts";
import { largestDistance, openReference } from "./reference_features.ts";
import { timmTensors } from "./timm_names.ts";
import type { ExportAgreement } from "./types.ts";

/** Images on which rounded weights are compared with the encoder's. */
const IMAGES = 8;

/** The file of `encoder`. Weights of 16 bits come with the distance of their features from the encoder's. */
export async function encodeWeights(
  encoder: EvaluatedEncoder,
  { format, f16 = false, metadata }: {
    format: "safetensors" | "torch-names";
    f16?: boolean;
    metadata: Readonly<Record<string, string>>;
  },
): Promise<Exported> {
  const dims = featuresOf(encoder.config);
  const halves = f16 ? halvesOf(encoder) : null;
  const agreement = halves && await agreementOf(encoder, { halves, dims });
  const own = halves ?? encoder.tensors;
  const tensors = format === "torch-names" ? timmTensors(own, encoder.config) : own;
  const chunks = encodeSafetensors({ tensors, metadata });
  return { files: [{ path: "", chunks }], dims, input: null, opset: null, agreement };
}

type HalfTensor = { shape: readonly number[]; data: Float16Array };

/** The tensors of `encoder` in 16 bits. */
function halvesOf({ path, tensors }: EvaluatedEncoder): Map<string, HalfTensor> {
  return new Map([...tensors].map(([name, { shape, data }]) => {
    const half = Float16Array.from(data), at = half.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) {
      throw new UserError(
        `Cannot store "${path}" in 16 bits: the tensor ${name} has the value ${
          data[at]
        }, at most 65504 is possible. ` +
          "Leave out --f16.",
      );
    }
    return [name, { shape, data: half }];
  }));
}

/** How far the features by `halves` are from those of `encoder`, on the GPU. */
async function agreementOf(
  encoder: EvaluatedEncoder,
  { halves, dims }: { halves: ReadonlyMap<string, HalfTensor>; dims: number },
): Promise<ExportAgreement> {
  const { size } = encoder;
  const images = Array.from({ length: IMAGES }, (_, i) => randomImage(i, { width: size, height: size }));
  const views = joinedRows(images.map((image) => normalized(image, encoder)));
  const featuresBy = async (tensors: ReadonlyMap<string, TorchTensor>) => {
    using reference = await openReference({ ...encoder, tensors });
    return await reference.featuresOf(views);
  };
  const expected = await featuresBy(encoder.tensors);
  const rounded = new Map(
    [...halves].map(([name, { shape, data }]) => [name, { shape, data: Float32Array.from(data) }]),
  );
  const difference = largestDistance(await featuresBy(rounded), { expected, dims });
  return { runtime: "16-bit weights on the GPU", images: IMAGES, difference, prepared: null };
}
