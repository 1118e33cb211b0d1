/**
 * The options of src/cli/evaluate.ts, as data. An option's flag is its name in kebab case.
 *
 * @module
 */
import { viewSizes } from "../../data/views/recipe.ts";
import { UserError } from "../base/errors.ts";
import { type Flag, flag } from "./flag.ts";
import { choice, integer, number, numbers, type OptionType, text } from "./option_types.ts";
import { trainFlags } from "./train_flags.ts";

const { workers, kernels } = trainFlags;

const sources = (about: string, otherwise: string) =>
  ({ ...flag<string | string[]>(text("SOURCE"), about, otherwise), repeatable: true }) as Flag<
    string | string[]
  >;

const encoder = {
  run: flag(text("DIR"), "folder of a run: its encoder, its data and its held-out images", "none"),
  encoder: flag(
    text("FILE"),
    "a .safetensors file with encoder weights under torchvision's names",
    "the run's",
  ),
  backbone: flag(trainFlags.backbone.type, "backbone of these weights", "as the file says"),
  stem: flag(trainFlags.stem.type, "its first layers", "as the file says"),
  size: flag(integer(viewSizes), "side of its images in pixels", "as the file says"),
  mean: flag(numbers(3), "subtracted from red, green and blue, 0 … 1", "as the file says"),
  std: flag(numbers(3), "divides red, green and blue", "as the file says"),
};

const data = {
  train: sources(
    "labeled images to learn from, as --data of train.ts; several are joined",
    "the run's",
  ),
  test: sources("labeled images to test on", "those the run held out"),
  labels: flag(
    number({ min: 0, max: 1, exclusive: true }),
    "fraction of the labels to learn from, equally many per class",
    1,
  ),
  workers,
};

const protocol = {
  k: {
    ...flag<number | number[]>(
      integer({ min: 1 }) as OptionType<number | number[]>,
      "number of neighbors for kNN; may be given several times",
      "20 and 200",
    ),
    repeatable: true,
  } as Flag<number | number[]>,
  temperature: flag(
    number({ min: 0, exclusive: true }),
    "temperature T of the neighbors' votes, exp(cosine / T)",
    0.1,
  ),
  probeViews: flag(
    choice("cached", "crop", "none"),
    "the linear classifier learns from features of the plain images, computed once; of random crops and flips; or is " +
      "left out",
    "cached",
  ),
  probeEpochs: flag(
    integer({ min: 1 }),
    "epochs of the linear classifier",
    "100 cached, 20 crop",
  ),
  seed: flag(
    trainFlags.seed.type,
    "seed of the untrained encoder and of all random draws",
    "the run's, or 0",
  ),
};

const finetuning = {
  finetuneEpochs: flag(integer({ min: 1 }), "epochs", 30),
  finetuneLr: flag(number({ min: 0, exclusive: true }), "peak learning rate at a batch of 256", 0.1),
};

const output = {
  out: flag(text("DIR"), "folder for evaluation.json and the pictures", "the run's, else evaluation"),
  kernels,
};

/** The options that take a value, by their headings in `--help`. */
export const evaluateFlagGroups = { encoder, data, protocol, "fine-tuning": finetuning, output };

const flags = { ...encoder, ...data, ...protocol, ...finetuning, ...output };

/** Options that are true or false. */
const switches = ["baselines", "finetune"] as const;

/** Options that are checked by their types alone. */
const callbacks = ["draw", "log", "signal"];

/** The options given on the command line. */
export type EvaluateFlags =
  & { [K in keyof typeof flags]?: typeof flags[K] extends Flag<infer T> ? T : never }
  & { [K in typeof switches[number]]?: boolean }
  & { /** Also draw maps of the test features. */ map?: boolean };

/** Refuses unknown options and values out of range. An open image source is taken as it is. */
export function expectEvaluateOptions(given: object): void {
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || callbacks.includes(name)) continue;
    if ((switches as readonly string[]).includes(name)) {
      if (typeof value === "boolean") continue;
      throw new UserError(`Cannot evaluate with "${name} = ${value}": it must be true or false.`);
    }
    const known: Flag<unknown> | undefined = flags[name as keyof typeof flags];
    if (!known) {
      const names = [...Object.keys(flags), ...switches, ...callbacks];
      throw new UserError(`Cannot evaluate with the option "${name}": it is none of ${names.join(", ")}.`);
    }
    if ((name === "train" || name === "test") && isSource(value)) continue;
    const values = known.repeatable ? [value].flat() : [value];
    const wrong = values.find((part) => known.type.parse(`${part}`) === undefined);
    if (wrong !== undefined) {
      throw new UserError(`Cannot evaluate with "${name} = ${wrong}": it must be ${known.type.expected}.`);
    }
  }
}

const isSource = (value: unknown) =>
  typeof value === "object" && value !== null && Symbol.asyncIterator in value;
