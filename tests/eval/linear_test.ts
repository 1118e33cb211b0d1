/** The linear protocol against PyTorch, and its splits. */
import { type LabeledFeatures, rowsOf } from "../../src/eval/features.ts";
import { fitFeatures } from "../../src/eval/fit_heads.ts";
import { classifiersAtOnce, scoredAtOnce } from "../../src/eval/head_sizes.ts";
import { MachineError } from "../../src/base/errors.ts";
import { heldBack, linearProtocol, probeEpochsOf } from "../../src/eval/linear.ts";
import { probeFits } from "../../src/eval/online_probe.ts";
import { sweepOf } from "../../src/eval/rate_sweep.ts";
import { scoreHeads } from "../../src/eval/score_heads.ts";
import { assert, assertClose, assertEquals, assertThrows } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";
import { clustered, evaluationGolden } from "./golden.ts";

/** The weights of classifier `g` in PyTorch's layout, [classes, D]. */
function torchWeights(
  { weight, dims, classes, rates }: Awaited<ReturnType<typeof fitFeatures>>,
  g: number,
): Float32Array {
  const columns = Math.ceil(classes / 4) * 4 * rates.length, K = columns / rates.length;
  return Float32Array.from(
    { length: classes * dims },
    (_, i) => weight[(i % dims) * columns + g * K + Math.floor(i / dims)],
  );
}

Deno.test(
  "fitFeatures() matches PyTorch's weights and accuracies, several learning rates at once",
  onGpu,
  async () => {
    const { cases: [{ sizes, scores }], expected } = await evaluationGolden("linear");
    const { N, Q, D: dims, classes, noise, epochs, rates } = sizes, gpu = await sharedGpu();
    const samples = clustered("linear train", { n: N, dims, classes, noise });
    const test = clustered("linear test", { n: Q, dims, classes, noise });
    const rows = Uint32Array.from(samples.labels.keys());
    const weights = await fitFeatures(gpu, { samples, rows, classes, rates, epochs, seed: 3 });
    for (const g of [0, 1]) {
      assertClose(`weight ${g}`, torchWeights(weights, g), expected(`linear.weight${g}`), { absolute: 2e-5 });
      assertClose(`bias ${g}`, weights.bias.subarray(8 * g, 8 * g + classes), expected(`linear.bias${g}`), {
        absolute: 2e-5,
      });
    }
    const found = await scoreHeads(gpu, { weights, samples: test });
    // PyTorch computes in float64: a sample on the border between two classes may fall on either side.
    found.forEach((score, g) => {
      assertClose(`rate ${rates[g]}`, [score.top1, score.top5!], [scores[g].top1, scores[g].top5], {
        absolute: 0.0011,
      });
      const right = score.predictions.filter((label, i) => label === test.labels[i]).length;
      assertEquals(right / Q, score.top1);
    });
    assert(found[0].top1 !== found[1].top1, "the learning rates make no difference");
  },
);

Deno.test(
  "linearProtocol() chooses the rate on held-back samples, and trains again on all",
  onGpu,
  async () => {
    const gpu = await sharedGpu(), dims = 6, classes = 3;
    const train = clustered("protocol train", { n: 407, dims, classes, noise: 1 });
    const test = clustered("protocol test", { n: 50, dims, classes, noise: 1 });
    train.labels[17] = train.labels[250] = test.labels[3] = -1;
    const parts: number[][] = [];
    const result = await linearProtocol(gpu, {
      train,
      test,
      rates: sweepOf([1e-46, 0.1, Infinity]), // nothing in float32, a good one, one that overflows
      seed: 5,
      fit: (fit) => {
        parts.push([...fit.rows]);
        return fitFeatures(gpu, { samples: train, classes, epochs: 5, seed: 5, ...fit });
      },
    });
    assertEquals([result.lr, result.sweep.length, result.top5], [0.1, 3, null]);
    assert(result.top1 > 0.7, `${result.top1}`);
    assert(
      result.sweep[1].top1 > result.sweep[0].top1 && result.sweep[2].top1 < 0.6,
      JSON.stringify(result.sweep),
    );
    // The rates on five splits, three decays on each of them, and all.
    assertEquals(parts.map((rows) => rows.length), [...Array(20).fill(405 - 81), 405]);
    assertEquals(
      new Set(parts.flat()).has(17) || new Set(parts.flat()).has(250),
      false,
      "a sample without a label was trained on",
    );
    assertEquals(new Set(parts[0]).size, 405 - 81, "a sample comes twice");
    assertEquals([result.predictions.length, result.predictions[3]], [50, -1]);
    const right = result.predictions.filter((label, i) => i !== 3 && label === test.labels[i]).length;
    assertEquals(result.top1, right / 49);
    // Rates that are tried one after another, as where thousands of classes take the memory.
    const apart = await linearProtocol(gpu, {
      ...{ train, test, rates: sweepOf([1e-46, 0.1, Infinity]), seed: 5, atOnce: 2, decays: [] },
      fit: (fit) => fitFeatures(gpu, { samples: train, classes, epochs: 5, seed: 5, ...fit }),
    });
    assertEquals([apart.lr, apart.sweep, apart.decay], [result.lr, result.sweep, 0]);
  },
);

Deno.test(
  "linearProtocol() gives the same whatever the scale and the mean of each dimension",
  onGpu,
  async () => {
    const gpu = await sharedGpu(), dims = 6, classes = 3;
    const train = clustered("scale train", { n: 200, dims, classes, noise: 1 });
    const test = clustered("scale test", { n: 100, dims, classes, noise: 1 });
    const moved = (samples: LabeledFeatures) => ({
      ...samples,
      features: samples.features.map((value, i) => value * 4 ** (i % dims - 3) + i % dims),
    });
    const protocol = (train: LabeledFeatures, test: LabeledFeatures) =>
      linearProtocol(gpu, {
        ...{ train, test, seed: 5, rates: sweepOf([.01, .1, 1]), decays: [.01] },
        fit: (fit) => fitFeatures(gpu, { samples: train, classes, epochs: 3, seed: 5, ...fit }),
      });
    const plain = await protocol(train, test), scaled = await protocol(moved(train), moved(test));
    assert(plain.top1 > .6, `${plain.top1}`);
    assertEquals([scaled.lr, scaled.sweep, scaled.predictions], [plain.lr, plain.sweep, plain.predictions]);
  },
);

Deno.test(
  "fitFeatures() with a decay ends where the gradients of loss and penalty cancel",
  onGpu,
  async () => {
    const n = 60, dims = 4, classes = 4, decay = .1, rate = .5;
    const samples = clustered("decay", { n, dims, classes, noise: 1 }), { features, labels } = samples;
    const rows = Uint32Array.from(labels.keys()), rates = [rate];
    const { weight, bias } = await fitFeatures(await sharedGpu(), {
      ...{ samples, rows, classes, rates, decay, epochs: 400, seed: 1 },
    });
    const gradient = weight.map((value) => decay * value);
    for (let i = 0; i < n; i++) {
      const x = features.subarray(i * dims, (i + 1) * dims);
      const logits = Array.from(
        bias,
        (b, k) => x.reduce((sum, value, d) => sum + value * weight[d * classes + k], b),
      );
      const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
      logits.forEach((logit, k) => {
        const error = Math.exp(logit) / total - (labels[i] === k ? 1 : 0);
        x.forEach((value, d) => gradient[d * classes + k] += value * error / n);
      });
    }
    assertClose("gradient", gradient, new Float32Array(dims * classes), { absolute: 1e-4 });
    assert(weight.some((value) => Math.abs(value) > .1), "the weights are 0");
    await assertThrows(
      async () =>
        fitFeatures(await sharedGpu(), { samples, rows, classes, rates: [1, 2], decay, epochs: 1, seed: 1 }),
      RangeError,
      /several/,
    );
  },
);

Deno.test("heldBack() holds a fifth back, or of few samples each fifth in turn", () => {
  const all = Uint32Array.from({ length: 23 }, (_, i) => 100 + i);
  const sorted = (values: Iterable<number>) => [...values].sort((a, b) => a - b);
  const few = heldBack(all, { seed: 1 });
  assertEquals(few.map(({ held }) => held.length), [4, 4, 4, 4, 4]);
  assertEquals(new Set(few.flatMap(({ held }) => [...held])).size, 20, "a sample is held back twice");
  for (const { rows, held } of few) assertEquals(sorted([...rows, ...held]), [...all]);
  const many = heldBack(all, { seed: 1, few: 23 });
  assertEquals(many, few.slice(0, 1));
  assert(
    `${sorted(many[0].held)}` !== `${sorted(heldBack(all, { seed: 2 })[0].held)}`,
    "the seed does not count",
  );
  assertEquals(heldBack(all.subarray(0, 4), { seed: 1 }), []);
});

Deno.test("probeEpochsOf() gives few samples more epochs", () => {
  assertEquals(
    [50, 2000, 5000, 12_800, 12_801, 1_000_000].map((samples) => probeEpochsOf(samples, "cached")),
    [
      ...[400, 400, 264, 100, 100, 100],
    ],
  );
  assertEquals([probeEpochsOf(50, "crop"), probeEpochsOf(50, "none")], [20, 0]);
});

Deno.test("probeFits() allows a probe that every adapter can bind", () => {
  assertEquals(probeFits({ dims: 2048, classes: 16_384 }, { batch: 4 }), true);
  assertEquals(probeFits({ dims: 2048, classes: 16_385 }, { batch: 4 }), false);
  assertEquals(probeFits({ dims: 512, classes: 1000 }, { batch: 4096 }), true);
  assertEquals(probeFits({ dims: 512, classes: 8142 }, { batch: 4096 }), false);
});

Deno.test("classifiersAtOnce() and scoredAtOnce() keep bindings within the limit", async () => {
  const limits = { maxBinding: 2 ** 27, maxBuffer: 2 ** 30, maxGrid: 65_535, maxTexture: 8192 };
  assertEquals(classifiersAtOnce({ limits }, { dims: 64, classes: 20_000 }), 6); // logits of 256 samples
  assertEquals(classifiersAtOnce({ limits }, { dims: 2046, classes: 1000 }), 16); // weights of 2048 dimensions
  await assertThrows(
    () => classifiersAtOnce({ limits }, { dims: 2048, classes: 20_000 }),
    MachineError,
    /of 20000 classes on features of 2048 dimensions .* 163840000 bytes, .* 134217728\. Leave it out: --probe-views none/,
  );
  assertEquals(scoredAtOnce({ limits }, { wanted: 512, columns: 9000 }), 512);
  assertEquals(scoredAtOnce({ limits }, { wanted: 512, columns: 180_000 }), 93);
});

Deno.test(
  "fitFeatures() gives the same weights to the bit for the same seed, others for another",
  onGpu,
  async () => {
    const gpu = await sharedGpu(), samples = clustered("orders", { n: 600, dims: 5, classes: 3 });
    const rows = Uint32Array.from(samples.labels.keys());
    const fit = async (
      seed: number,
    ) => [...(await fitFeatures(gpu, { samples, rows, classes: 3, rates: [0.1], epochs: 2, seed })).weight];
    assertEquals(await fit(1), await fit(1));
    assert(`${await fit(1)}` !== `${await fit(2)}`, "the seed makes no difference");
  },
);

Deno.test("rowsOf() takes rows with their labels", () => {
  const features = Float32Array.from(hashSigned("rows", 12)), labels = Int32Array.of(5, 6, 7, 8);
  const { features: kept, labels: names } = rowsOf({ features, labels, dims: 3 }, [3, 0]);
  assertEquals([[...kept], [...names]], [[...features.slice(9), ...features.slice(0, 3)], [8, 5]]);
});
