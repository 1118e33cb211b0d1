/** Weights that torchvision wrote, as golden/torchvision_files.py has them. */
import { type EncoderOptions } from "../../src/eval/types.ts";
import { openEncoder } from "../../src/eval/open_encoder.ts";
import { openReference } from "../../src/export/reference_features.ts";
import { assert, assertEquals, relativeError } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";

/**
 * The relative error of the features of `${path}.pth`, whose tensors must be those of `${path}.safetensors`. `expected`: the
 * features of torchvision, a row for each hashed image.
 */
export async function torchvisionError(
  path: string,
  { expected, ...given }: EncoderOptions & { size: number; expected: number[][] },
): Promise<number> {
  const open = (kind: string) => openEncoder({ ...given, encoder: `${path}.${kind}` }, null);
  const encoder = await open("pth"), twin = await open("safetensors");
  assertEquals([...encoder.tensors.keys()], [...twin.tensors.keys()]);
  for (const [name, { shape, data }] of encoder.tensors) {
    const other = twin.tensors.get(name)!;
    assertEquals(shape, other.shape);
    assert(data.every((value, i) => Object.is(value, other.data[i])), `${name} differs between the files`);
  }
  const rgb = hashSigned("encoder.images", expected.length * given.size ** 2 * 3);
  const images = new Float32Array(rgb.length / 3 * 4);
  for (let i = 0; i < rgb.length / 3; i++) images.set(rgb.subarray(3 * i, 3 * i + 3), 4 * i);
  using reference = await openReference(encoder);
  return relativeError(await reference.featuresOf(images), expected.flat());
}
