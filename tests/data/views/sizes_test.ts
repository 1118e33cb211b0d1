/** Views of images of any size against torchvision's, to the bit. */
import { evaluationImage } from "../../../data/decode_usable.ts";
import { resizeCrop } from "../../../data/views/resize.ts";
import { assertEquals } from "../../assert.ts";
import { crops, digestOf, evaluations, hashedPicture } from "./sizes.ts";

Deno.test("evaluationImage() equals Resize and CenterCrop to the bit for 208 sizes of images and views", () => {
  assertEquals(evaluations.length, 208);
  for (const { width, height, size, digest } of evaluations) {
    const view = evaluationImage(hashedPicture(width, height), size);
    assertEquals([view.width, view.height], [size, size]);
    assertEquals(digestOf(view.data), digest, `${width}×${height} at ${size}`);
  }
});

Deno.test("resizeCrop() equals RandomResizedCrop's resized crop to the bit for 68 crops of small and large images", () => {
  assertEquals(crops.length, 68);
  for (const { width, height, size, crop, digest } of crops) {
    const out = new Uint8Array(size * size * 4), resized = { top: 0, left: 0, height: size, width: size };
    resizeCrop(hashedPicture(width, height), { crop, resized, width: size, height: size, out });
    assertEquals(digestOf(out), digest, `${JSON.stringify(crop)} of ${width}×${height} at ${size}`);
  }
});
