/** What is told of the online probe. */
import type { LabelledFeatures } from "../../src/eval/features.ts";
import { probeAccuracy } from "../../src/eval/online_probe.ts";
import { assertEquals } from "../assert.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";

/** Samples with features 1, 0, 0, 0 or 0, 1, 0, 0, as the labels are that the first classifier gives them. */
function samples(labels: number[], kinds: number[]): LabelledFeatures {
  const features = new Float32Array(4 * labels.length);
  kinds.forEach((kind, i) => features[4 * i + kind] = 1);
  return { features, labels: Int32Array.from(labels), dims: 4 };
}

Deno.test(
  "probeAccuracy: the rate that does best on the references counts, whatever the queries say",
  onGpu,
  async () => {
    // Three classifiers of two classes, each in four columns: W [4, 12]. The second tells kind 0 as class 0 and kind 1 as
    // class 1; the others the other way round.
    const weight = new Float32Array(4 * 12);
    for (const g of [0, 1, 2]) {
      for (const kind of [0, 1]) weight[12 * kind + 4 * g + (g === 1 ? kind : 1 - kind)] = 1;
    }
    const weights = { dims: 4, classes: 2, rates: [.1, 1, 10], weight, bias: new Float32Array(12) };
    const references = samples([0, 1, 0, 1], [0, 1, 0, 1]),
      queries = samples([0, 1, 1, 0, 1], [0, 0, 0, 1, 0]);
    // On the queries the second is right once in five, the others four times.
    assertEquals(await probeAccuracy(await sharedGpu(), { weights, references, queries }), .2);
  },
);
