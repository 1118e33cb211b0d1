/**
 * Every pipeline that the product may ask a device for, found by tracing what it does for every kind of adapter. No GPU is
 * needed. A kernel that no trace here reaches is an error of the check, so that none is forgotten.
 *
 * @module
 */
import { recipes } from "../../data/views/recipe.ts";
import { type Objective } from "../../src/byol/objective.ts";
import { traceTraining, type TrainerOptions } from "../../src/byol/trace_training.ts";
import { backboneConfigOf } from "../../src/config/backbone.ts";
import { traceFeatures } from "../../src/eval/features.ts";
import { OnlineProbe } from "../../src/eval/online_probe.ts";
import { codeOf, type Constants, type Kernel } from "../../src/gpu/kernel.ts";
import { recordDifference } from "../../src/graph/difference.ts";
import type { Dispatch } from "../../src/graph/dispatch_list.ts";
import { Tape } from "../../src/graph/tape.ts";
import type { ChoosingProfile } from "../../src/graph/kernel_choice.ts";
import { type BackboneConfig, type BackboneName, backbones, type Stem } from "../../src/nn/backbones.ts";
import { backbone, featuresOf } from "../../src/nn/backbone.ts";
import { copiesOf } from "../../src/nn/halves.ts";
import { createNetwork, Scope } from "../../src/nn/parameters.ts";
import { addInto } from "../../src/ops/add.ts";
import { pairsAbove } from "../../src/ops/pairs_above.ts";
import { probeArithmetic, probeCopy } from "../../src/ops/probe.ts";

/** A kernel with the values of its `override` constants. */
export type Pipeline = Pick<Dispatch, "kernel" | "constants">;

const LIMITS = { maxGrid: 65535, maxBinding: 2 ** 27 };

/** All matrix units for which there are kernels. */
const UNITS = [[16, 16, 16], [16, 8, 16], [16, 8, 8], [8, 16, 16], [8, 8, 16], [8, 8, 8]].map((
  [m, n, k],
) => ({ m, n, k }));

/** The device profiles that choices of kernels depend on. */
const TARGETS: ChoosingProfile[] = [
  ...[true, false].flatMap((software) =>
    [0, 8, 32].map((subgroupSize) => ({ ...LIMITS, software, subgroupSize }))
  ),
  ...[8, 16, 32, 64].map((subgroupSize) => ({
    ...LIMITS,
    software: false,
    subgroupSize,
    matrixUnits: { units: UNITS, subgroupSize, workgroupMemory: 2 ** 16 },
  })),
];

/** Sides of views: the least, one that is no multiple of 4, and the paper's. */
const SIZES = [8, 33, 224];

/** A step of training of each kind: stems, blocks, optimizers and objectives. */
const TRAININGS: Omit<TrainerOptions, "loading">[] = [
  {
    ...training("resnet8", "cifar", 224), // enough rows of a channel that their sums must be joined
    optimizer: "lars",
    accumulate: 2,
    auxiliaryHead: (step) => new OnlineProbe({ dims: featuresOf(backbones.resnet8), classes: 3, ...step }),
  },
  { ...training("resnet50", "imagenet", 33), optimizer: "lars", larsClip: true },
  { ...training({ block: "convnext", layers: [1, 1], widths: [16, 32] }, "cifar", 33), optimizer: "sgd" },
  { ...training("resnet20", "cifar", 8), optimizer: "sgd", objective: objective("fixed") },
  { ...training("resnet20", "cifar", 8), optimizer: "sgd", objective: objective("shared") },
];

function training(backbone: BackboneName | BackboneConfig, stem: Stem, size: number) {
  return {
    architecture: { backbone: backboneConfigOf(backbone), stem, hidden: 128, projection: 16 },
    batch: 2,
    size,
  };
}

function objective(target: Objective["target"]): Objective {
  return { predictor: false, target, negatives: target === "shared" ? 1 : 0, temperature: 0.1 };
}

/** The pipelines of all traces, and with each of them those that differ in Boolean constants. */
export function pipelines(): Pipeline[] {
  const found = new Map<string, Pipeline>();
  const collect = (dispatches: readonly Dispatch[]) => {
    for (const { kernel, constants } of dispatches) {
      for (const combination of combinations(kernel, constants)) {
        found.set(`${kernel.name} ${JSON.stringify(combination)}`, { kernel, constants: combination });
      }
    }
  };
  for (const target of TARGETS) {
    // All variants of each choice count, not only the target's.
    const open: ChoosingProfile = {
      ...target,
      chooser({ variants, tensors }) {
        for (const variant of Object.values(variants)) {
          const tape = newTape(target);
          variant.record(tape, tensors);
          collect(tape.dispatches);
        }
        return undefined;
      },
    };
    for (const dispatches of traces(open)) collect(dispatches);
  }
  return [...found.values()];
}

/** What training, evaluation and the probes do on `target`. */
function* traces(target: ChoosingProfile): Generator<readonly Dispatch[]> {
  const { views, mean, std } = recipes.byol;
  const mixed = TRAININGS.map((one) => ({ ...one, precision: "mixed" as const }));
  // Matrix units serve the products of float16, whose kernels are the same in all trainings.
  const trainings = target.matrixUnits ? mixed.slice(-1) : [...TRAININGS, ...mixed];
  for (const options of trainings) {
    for (const size of options.size === 8 ? SIZES : [options.size]) {
      const loading = { views, mean, std, decodeSize: size };
      const { step, networks } = traceTraining({ ...options, size, loading }, target);
      yield step.dispatches;
      if (options.precision === "mixed") yield copiesOf([networks.online.network], target).dispatches;
    }
  }
  const scope = new Scope(createNetwork("encoder", { gradients: false }));
  const encoder = backbone(scope, { config: backbones.resnet8, stem: "cifar" });
  yield traceFeatures(target, { encoder, batch: 2, size: 33 }).dispatches;
  const tape = newTape(target), vectors = (name: string) => tape.tensor(name, [64, 4]);
  probeArithmetic(tape, { out: vectors("out"), rounds: 1 });
  probeCopy(tape, { source: vectors("source"), copied: vectors("copied") });
  recordDifference(tape, {
    actual: vectors("actual"),
    expected: vectors("expected"),
    found: vectors("found"),
  });
  pairsAbove(tape, {
    cosines: vectors("cosines"),
    rows: tape.tensor("rows", [64]),
    columns: tape.tensor("columns", [4]),
    found: tape.tensor("pairs", [4]),
    threshold: 0.5,
  });
  yield tape.dispatches;
}

function newTape(target: ChoosingProfile): Tape {
  return new Tape(target, { training: true, views: 1, add: addInto });
}

/** `constants` with all combinations of the kernel's Boolean constants, as ops may combine them freely. */
function combinations(kernel: Kernel, constants: Constants): Constants[] {
  const switches = [...codeOf(kernel).matchAll(/^override (\w+): bool\b/gm)].map(([, name]) => name);
  return switches.reduce(
    (all, name) => all.flatMap((each) => [0, 1].map((value) => ({ ...each, [name]: value }))),
    [constants],
  );
}
