/** Standardized features. */
import { Memory, type Store } from "../../src/gpu/memory.ts";
import { deviceProfileOf } from "../../src/graph/kernel_choice.ts";
import { Program } from "../../src/graph/program.ts";
import { Tape } from "../../src/graph/tape.ts";
import { originOf, tensorIn } from "../../src/graph/tensor.ts";
import { addInto } from "../../src/ops/add.ts";
import { createNetwork } from "../../src/nn/parameters.ts";
import { copyRow, type Standard, standardLayer, standardOf } from "../../src/eval/standardize.ts";
import type { LabeledFeatures } from "../../src/eval/features.ts";
import { assert, assertClose, assertEquals } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";

/** 70 rows of 8 dimensions with scales from 1e-3 to 1e4; the dimensions 2 and 5 are constant. */
function scaledFeatures(): LabeledFeatures {
  const n = 70, dims = 8, noise = hashSigned("scaled features", n * dims);
  const features = Float32Array.from(noise, (value, i) => {
    const d = i % dims;
    return d === 2 ? 7.7 : d === 5 ? 0 : 3 * d + value * 10 ** (d - 3);
  });
  return { features, labels: new Int32Array(n), dims };
}

/** The rows, standardized. */
function standardized(samples: LabeledFeatures, standard: Standard): Float32Array<ArrayBuffer> {
  const { dims, labels } = samples, all = new Float32Array(labels.length * dims);
  for (const row of labels.keys()) copyRow(all, row * dims, { samples, row, standard });
  return all;
}

Deno.test("standardOf() gives the rows it is told mean 0 and deviation 1, and constant dimensions 0", () => {
  const samples = scaledFeatures(), { dims } = samples;
  const rows = Uint32Array.from({ length: 50 }, (_, i) => i + 20);
  samples.features[8 * 3 + 6] = 1e9; // in no row that counts
  const values = standardized(samples, standardOf(samples, rows));
  for (let d = 0; d < dims; d++) {
    const column = Array.from(rows, (row) => values[row * dims + d]);
    const mean = column.reduce((sum, value) => sum + value, 0) / rows.length;
    const variance = column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rows.length;
    assertClose(`dimension ${d}`, [mean, variance], d === 2 || d === 5 ? [0, 0] : [0, 1], { absolute: 1e-3 });
  }
});

Deno.test("copyRow() copies a row as it is without a standard", () => {
  const samples = scaledFeatures(), block = new Float32Array(12);
  copyRow(block, 4, { samples, row: 9 });
  assertEquals([...block], [0, 0, 0, 0, ...samples.features.subarray(72, 80)]);
});

Deno.test("standardLayer() standardizes on the GPU as copyRow() does", onGpu, async () => {
  const samples = scaledFeatures(), { dims, labels, features } = samples, n = labels.length;
  const standard = standardOf(samples, Uint32Array.from(labels.keys()));
  using memory = new Memory(await sharedGpu());
  const network = createNetwork("features", { gradients: false }),
    { layer, prepare } = standardLayer(network, dims);
  const x: Store = { name: "features", category: "input", bytes: features.byteLength };
  const tape = new Tape(deviceProfileOf(memory.gpu), { training: false, views: 1, add: addInto });
  const y = tape.noGrad(() => layer(tape, tensorIn(x, { shape: [n, dims] })));
  using program = new Program(memory, { dispatches: tape.dispatches, keep: [y] });
  prepare(memory, standard);
  memory.write(x, features);
  program.run();
  const found = await memory.read(originOf(y).region!), expected = standardized(samples, standard);
  assert(Math.max(...expected) > 1.5, "nothing was standardized");
  assertClose("standardized", found, expected, { absolute: 2e-4 });
});
