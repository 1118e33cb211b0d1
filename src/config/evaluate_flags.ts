/**
 * The options of src/cli/evaluate.ts, as data. An option's flag is its name in kebab case.
 *
 * @module
 */
import { viewSizes } from "../../data/views/recipe.ts";
import { UserError } from "../base/errors.ts";
import { type Flag, flag } from "./flag.ts";
import { choice, integer, number, numbers, type OptionType, text, toggle } from "./option_types.ts";
import { trainFlags } from "./train_flags.ts";

const { workers, kernels } = trainFlags;

const sources = (about: string, otherwise: string) =>
  ({ ...flag<string | string[]>(text("SOURCE"), about, otherwise), repeatable: true }) as Flag<
    string | string[]
  >;

const encoder = {
  run: flag(text("DIR"), "a run of train.ts: its encoder, its data and what it held out", "none"),
  encoder: flag(
    text("FILE"),
    "a .safetensors file with an encoder's weights under torchvision's names",
    "the run's",
  ),
  backbone: flag(trainFlags.backbone.type, "the network that they belong to", "as the file says"),
  stem: flag(trainFlags.stem.type, "its first layers", "as the file says"),
  size: flag(integer(viewSizes), "side of its images in pixels", "as the file says"),
  mean: flag(numbers(3), "subtracted from red, green and blue, 0 … 1", "as the file says"),
  std: flag(numbers(3), "divides red, green and blue", "as the file says"),
};

const data = {
  train: sources(
    "labelled images to learn from, as --data of train.ts; more than one are joined",
    "the run's",
  ),
  test: sources("labelled images to be asked about", "those that the run held out"),
  labels: flag(
    number({ min: 0, max: 1, exclusive: true }),
    "learn from this share of the labels only, as many of each class",
    1,
  ),
  workers,
};

const protocol = {
  k: {
    ...flag<number | number[]>(
      integer({ min: 1 }) as OptionType<number | number[]>,
      "neighbours that vote; more than one may be given",
      "20 and 200",
    ),
    repeatable: true,
  } as Flag<number | number[]>,
  temperature: flag(number({ min: 0, exclusive: true }), "of the neighbours' votes exp(cosine / T)", 0.1),
  probeViews: flag(
    choice("cached", "crop", "none"),
    "the linear classifier learns from features of the plain images; or of random crops and flips; or there is none",
    "cached",
  ),
  probeEpochs: flag(
    integer({ min: 1 }),
    "passes of the linear classifier over the data",
    "100 cached, 20 crop",
  ),
  baselines: {
    ...flag(toggle(), "evaluate neither raw pixels nor an untrained encoder", "both are evaluated"),
    negated: true,
  },
  seed: flag(trainFlags.seed.type, "of the untrained encoder and of every random draw", "the run's, or 0"),
};

const finetuning = {
  finetuneEpochs: flag(integer({ min: 1 }), "passes over the data", 30),
  finetuneLr: flag(number({ min: 0, exclusive: true }), "peak learning rate at a batch of 256", 0.1),
};

const output = {
  out: flag(text("DIR"), "folder for evaluation.json and the pictures", "the run's, else evaluation"),
  kernels,
};

/** The options by their headings in `--help`. */
export const evaluateFlagGroups = { encoder, data, protocol, "fine-tuning": finetuning, output };

const flags = { ...encoder, ...data, ...protocol, ...finetuning, ...output };

/** The values of the options that were given. */
export type EvaluateOptions =
  & { [K in keyof typeof flags]?: typeof flags[K] extends Flag<infer T> ? T : never }
  & {
    /** Also train the encoder itself on the labels, with a classifier on top. */
    finetune?: boolean;
    /** Also draw maps of the features of the test samples. */
    map?: boolean;
  };

/** Refuses a value that `--help` does not allow, and an option that there is not. */
export function expectEvaluateFlags(given: EvaluateOptions): void {
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || name === "finetune" || name === "map") continue;
    const known: Flag<unknown> | undefined = flags[name as keyof typeof flags];
    if (!known) {
      throw new UserError(
        `Cannot evaluate with an option ${name}: the known ones are ${
          [...Object.keys(flags), "finetune", "map"].join(", ")
        }`,
      );
    }
    const values = known.repeatable ? [value].flat() : [value];
    const wrong = values.find((part) => known.type.parse(String(part)) === undefined);
    if (wrong !== undefined) {
      throw new UserError(`Cannot evaluate with ${name} = ${wrong} as it must be ${known.type.expected}`);
    }
  }
}
