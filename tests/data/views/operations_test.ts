import { applyView } from "../../../data/views/apply.ts";
import { blurWeights, gaussianBlur, shortBlurWeights } from "../../../data/views/blur.ts";
import { adjustBrightness } from "../../../data/views/brightness.ts";
import { adjustContrast } from "../../../data/views/contrast.ts";
import { evaluationView } from "../../../data/views/draw.ts";
import { grayscale } from "../../../data/views/grayscale.ts";
import { adjustHue } from "../../../data/views/hue.ts";
import { type DecodedImage, resizeCrop } from "../../../data/views/resize.ts";
import { adjustSaturation } from "../../../data/views/saturation.ts";
import { solarize } from "../../../data/views/solarize.ts";
import { assert, assertClose, assertEquals } from "../../assert.ts";
import { bytes, floats, golden, image, opaque, toFour, toThree } from "./golden.ts";

const operations: Record<string, (pixels: Float32Array, value: number) => void> = {
  brightness: adjustBrightness,
  contrast: adjustContrast,
  saturation: adjustSaturation,
  hue: adjustHue,
  solarize,
  grayscale,
};

function transposed({ width, height, data }: DecodedImage): DecodedImage {
  const out = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 4; c++) out[(x * height + y) * 4 + c] = data[(y * width + x) * 4 + c];
    }
  }
  return { width: height, height: width, data: out };
}

Deno.test("resizeCrop() equals Pillow to the bit", () => {
  for (const { image: name, crop, size, out: expected } of golden.resizes) {
    const out = new Uint8Array(size * size * 4);
    resizeCrop(image(name), {
      crop,
      resized: { top: 0, left: 0, height: size, width: size },
      width: size,
      height: size,
      out,
    });
    assertClose(`${name} ${JSON.stringify(crop)} at ${size}`, out, opaque(bytes(expected)), {});
  }
});

Deno.test("evaluationView() equals torchvision's resize and center crop to the bit", () => {
  for (const { image: name, turned, size, out: expected } of golden.evaluations) {
    const source = turned ? transposed(image(name)) : image(name);
    const { crop, resized } = evaluationView({ ...source, size });
    const out = new Uint8Array(size * size * 4);
    resizeCrop(source, { crop, resized: resized!, width: size, height: size, out });
    assertClose(`${name} at ${size}${turned ? " turned" : ""}`, out, opaque(bytes(expected)), {});
  }
});

for (const { name, value, out } of golden.operations) {
  Deno.test(`${name}(${value}) equals torchvision`, () => {
    const pixels = toFour(floats(golden.colors));
    operations[name](pixels, value);
    assertClose(name, toThree(pixels), floats(out), { absolute: 2e-6 });
    assert(pixels.every((x, i) => i % 4 < 3 || x === 7), "the fourth channel was touched");
  });
}

for (const { size, kernelSize, sigma, image, out } of golden.blurs) {
  Deno.test(`gaussianBlur() of ${size} px with kernel size ${kernelSize} and sigma ${sigma} equals torchvision`, () => {
    const pixels = toFour(floats(image));
    gaussianBlur(pixels, { size, kernelSize, sigma });
    assertClose("blur", toThree(pixels), floats(out), { absolute: 2e-6 });
  });
}

golden.views.forEach(({ image: name, size, parameters, out: expected }, i) => {
  Deno.test(`applyView() equals torchvision for view ${i}`, () => {
    const out = new Float32Array(size * size * 4).fill(7);
    applyView(image(name), parameters, { size, mean: golden.mean, std: golden.std, out });
    // Normalizing divides by about a quarter, which multiplies the error by four.
    assertClose("view", toThree(out), floats(expected), { absolute: 1e-5 });
    assert(out.every((x, i) => i % 4 < 3 || x === 0), "the fourth channel is not 0");
  });
});

Deno.test("shortBlurWeights() leaves out only weights below the precision of float32", () => {
  for (const [sigma, length] of [[.1, 1], [.5, 5], [1, 11], [1.7, 17], [2, 21]]) {
    const whole = blurWeights({ sigma, kernelSize: 23 }), short = shortBlurWeights({ sigma, kernelSize: 23 });
    const radius = (length - 1) / 2;
    assertEquals(short.length, length, `σ = ${sigma}`);
    assertEquals([...short], [...whole.subarray(11 - radius, 12 + radius)]);
    assert(1 - short.reduce((a, b) => a + b) <= 2 ** -21, `σ = ${sigma}: too much is left out`);
  }
});
