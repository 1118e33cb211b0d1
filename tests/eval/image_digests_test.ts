import { imageDigests, sharedImages } from "../../src/eval/image_digests.ts";
import { keyedRandom } from "../../src/base/random.ts";
import { assert, assertEquals } from "../assert.ts";

/** Random images, [n, size, size, 4]; the fourth channel is 0. */
function randomImages(n: number, size: number): Float32Array<ArrayBuffer> {
  const random = keyedRandom(3, size);
  return Float32Array.from({ length: n * size * size * 4 }, (_, i) => i % 4 === 3 ? 0 : random.uniform());
}

Deno.test("imageDigests() differ for different images, and are equal for equal ones in any batch", () => {
  for (const [n, size] of [[500, 8], [40, 33], [3, 224]]) {
    const images = randomImages(n, size),
      length = size * size * 4,
      digests = imageDigests(images, { n, size });
    assertEquals(new Set(digests).size, n);
    assert(digests.every((digest) => Number.isSafeInteger(digest) && digest >= 0), "no integer");
    const last = images.slice((n - 1) * length);
    assertEquals(imageDigests(last, { n: 1, size }), digests.slice(-1));
  }
  // Each value counts in small images: its sign, and its last bit.
  const image = randomImages(1, 8), [before] = imageDigests(image, { n: 1, size: 8 });
  for (let i = 0; i < image.length; i++) {
    if (i % 4 === 3) continue;
    for (const other of [-image[i], image[i] * (1 + 2 ** -23)]) {
      const changed = image.with(i, other) as Float32Array<ArrayBuffer>;
      assert(imageDigests(changed, { n: 1, size: 8 })[0] !== before, `value ${i} does not count`);
    }
  }
});

Deno.test("sharedImages() counts the labeled test images that are learned from", () => {
  const learned = { digests: [10, 20, 30, 40], rows: [0, 1, 2] };
  const warning = (digests: number[], rows: number[]) => sharedImages(learned, { digests, rows });
  assertEquals(warning([40, 50], [0, 1]), null);
  assertEquals(
    warning([20, 10], [0]),
    "All 1 test images are also among the images to learn from: the figures say nothing of how well other images are recognized.",
  );
  assert(
    /^2 of the 3 test images are also among .* say too much/.test(warning([20, 50, 20, 30], [0, 1, 2])!),
  );
});
