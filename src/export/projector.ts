/**
 * The projector that was trained on top of an encoder.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import type { EvaluatedRun } from "../eval/open_encoder.ts";
import type { EvaluatedEncoder } from "../eval/evaluated_encoder.ts";
import type { Memory } from "../gpu/memory.ts";
import { latestCheckpoint } from "../io/checkpoint.ts";
import { expectTensors } from "../io/expect_tensors.ts";
import { readWeights } from "../io/weights_file.ts";
import { writeHalves } from "../nn/halves.ts";
import { type Layer, mlp } from "../nn/layers.ts";
import { createNetwork, type Precision, Scope } from "../nn/parameters.ts";
import { packWeights, torchShapes, type TorchTensor } from "../nn/weights.ts";

/** A projector with its weights. */
export interface Projector {
  tensors: ReadonlyMap<string, TorchTensor>;
  /** The file, and what precedes the projector's names in it. */
  path: string;
  prefix: string;
}

/**
 * The projector of `encoder`: beside it in the same file, or in the last checkpoint of `run`.
 *
 * @throws {UserError} if there is none.
 */
export async function openProjector(
  { path, prefix }: Pick<EvaluatedEncoder, "path" | "prefix">,
  run: EvaluatedRun | null,
): Promise<Projector> {
  const beside = /^(.*)backbone\.$/.exec(prefix);
  const file = beside ? path : run && await latestCheckpoint(run.out);
  const name = `${beside ? beside[1] : "online."}projector.`;
  const tensors = file ? (await readWeights(file)).tensors : null;
  if (file && tensors?.has(`${name}0.weight`)) return { tensors, path: file, prefix: name };
  throw new UserError(
    `Cannot compute projections: ${
      file ? `"${file}" has no tensor ${name}0.weight` : `"${path}" has no projector`
    }. Give the folder of a run that has a checkpoint (--run DIR), or the checkpoint (--encoder FILE), or use the features ` +
      `of the backbone.`,
  );
}

/** Declares the projector for features of `dims` numbers, and writes its weights to `memory`. */
export function buildProjector(
  { tensors, path, prefix }: Projector,
  { dims, memory, precision }: { dims: number; memory: Memory; precision: Precision },
): Layer {
  const [hidden] = tensors.get(`${prefix}0.weight`)!.shape;
  const [outFeatures] = tensors.get(`${prefix}3.weight`)?.shape ?? [hidden];
  const network = createNetwork("projector", { gradients: false, halves: precision === "mixed" });
  const layer = mlp(new Scope(network), { inFeatures: dims, hidden, outFeatures });
  const flats = [network.parameters, network.statistics];
  const expected = new Map(flats.flatMap((flat) => [...torchShapes(flat, { prefix })]));
  const found = new Map([...tensors].filter(([name]) => name.startsWith(prefix)));
  expectTensors(path, {
    found,
    expected,
    advise: () => "They are not those of a projector of this project. Use the features of the backbone.",
  });
  for (const flat of flats) {
    memory.write(flat.store, packWeights(flat, (name) => tensors.get(prefix + name)!.data));
  }
  writeHalves(memory, network);
  return layer;
}
