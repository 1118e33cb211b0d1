/**
 * The options of src/cli/embed.ts, src/cli/similar.ts and src/cli/duplicates.ts, as data. An option's flag is its name in kebab
 * case.
 *
 * @module
 */
import { checkBackbone, expectFlags, isImageSource } from "./check_options.ts";
import { checkSource } from "./check_source.ts";
import { computing, encoderFlags } from "./evaluate_flags.ts";
import { type Flag, flag, repeatable } from "./flag.ts";
import { choice, integer, number, splitName, text, toggle } from "./option_types.ts";
import { trainFlags } from "./train_flags.ts";

const { workers, kernels } = trainFlags;

/** The names of files with embeddings, in words. */
const FORMATS = ".parquet, .npy, .csv or .safetensors";

const encoder = {
  ...encoderFlags,
  run: flag(text("DIR"), "folder of a run: its encoder, and its data", "none"),
};

const vectors = {
  features: flag(
    choice("backbone", "projection"),
    "what the encoder gives, or what the projector makes of it, which a checkpoint has",
    "backbone",
  ),
  normalize: flag(toggle(), "divide each vector by its length", "off"),
};

const images = {
  data: repeatable(text("SOURCE"), "images, as --data of train; several are joined", "the run's"),
  split: flag(splitName(), "the split to embed, if names tell of splits", "training, or the run's"),
  label: trainFlags.label,
  minSide: flag(
    trainFlags.minSide.type,
    "leave out images whose short side has fewer pixels",
    "the run's, or 1",
  ),
  workers,
};

const output = {
  out: repeatable(text("FILE"), `the file to write, ${FORMATS}; needed, may be given several times`, "none"),
  f16: flag(toggle(), "write vectors as float16", "float32"),
  restart: flag(toggle(), "begin anew where an unfinished embedding could be continued", "off"),
  ...computing,
};

/** The options of embed by their headings in `--help`. */
export const embedFlagGroups = { encoder, images, vectors, output };

const embeddings = flag(text("FILE"), `embeddings of ./run embed, ${FORMATS}; needed`, "none");

const similar = {
  embeddings,
  query: repeatable(
    text("IMAGE|KEY"),
    "the key of an embedded image, or the file of any image; needed, may be given several times",
    "none",
  ),
  k: flag(integer({ min: 1 }), "how many similar images to name", 10),
  out: flag(text("FILE"), "also write them to this file, .csv or .json", "none"),
  run: flag(text("DIR"), "folder of the run whose encoder embeds a query that is a file", "none"),
  encoder: flag(text("FILE"), "the encoder that embeds a query that is a file", "as the embeddings say"),
  kernels,
};

/** The options of similar by their headings in `--help`. */
export const similarFlagGroups = { options: similar };

const duplicates = {
  embeddings,
  threshold: flag(number({ min: 0.1, max: 1 }), "least cosine of duplicates", 0.99),
  out: flag(text("FILE"), "file for the groups, .csv", "duplicates.csv"),
  kernels,
};

/** The options of duplicates by their headings in `--help`. */
export const duplicatesFlagGroups = { options: duplicates };

/** The options given on a command line. */
type Given<Flags> = { [K in keyof Flags]?: Flags[K] extends Flag<infer T> ? T : never };
/** Those of embed. */
export type EmbedFlags = Given<typeof encoder & typeof images & typeof vectors & typeof output>;
/** Those of similar. */
export type SimilarFlags = Given<typeof similar>;
/** Those of duplicates. */
export type DuplicatesFlags = Given<typeof duplicates>;

/** Values that no command line can say. */
const checks = {
  backbone: checkBackbone,
  data: (value: unknown) => isImageSource(value as never) && Boolean(checkSource(value)),
};

/** Options that a program alone gives. */
const unchecked = ["onBad", "onProgress", "onDownload", "log", "signal"];

/** Refuses unknown options of `loadEncoder`, and values out of range. */
export function expectEncoderOptions(given: object): void {
  expectFlags(given, {
    flags: { ...encoder, ...vectors, ...computing },
    unchecked: ["log", "onDownload"],
    checks,
  });
}

/** Refuses unknown options of `embed`, and values out of range. */
export function expectEmbedOptions(given: object): void {
  const { out: _, f16: __, restart: ___, ...flags } = { ...encoder, ...images, ...vectors, ...output };
  expectFlags(given, { flags, unchecked, checks });
}

/** Refuses unknown options of `embedToFiles`, and values out of range. */
export function expectEmbedToFilesOptions(given: object): void {
  expectFlags(given, { flags: { ...encoder, ...images, ...vectors, ...output }, unchecked, checks });
}

/** Refuses unknown options of `findSimilar`, and values out of range. */
export function expectSimilarOptions(given: object): void {
  const { out: _, ...flags } = similar;
  expectFlags(given, { flags, unchecked: ["folder", "log", "signal"], checks: {} });
}

/** Refuses unknown options of `findDuplicates`, and values out of range. */
export function expectDuplicatesOptions(given: object): void {
  const { out: _, ...flags } = duplicates;
  expectFlags(given, { flags, unchecked, checks: {} });
}
