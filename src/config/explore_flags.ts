/**
 * The options of src/cli/explore.ts, as data. An option's flag is its name in kebab case.
 *
 * @module
 */
import { expectFlags, isImageSource } from "./check_options.ts";
import { checkSource } from "./check_source.ts";
import { type Flag, flag, repeatable } from "./flag.ts";
import { choice, integer, number, splitName, text } from "./option_types.ts";
import { trainFlags } from "./train_flags.ts";

/** Images whose page is one file; of more, the thumbnails are in a folder beside it. */
export const SELF_CONTAINED = 5000;
/** Images up to which a map by UMAP is drawn unless it is asked for. */
export const UMAP_ROWS = 10_000;
/** The fewest images of a map, and the most of a page. */
export const FEWEST_ROWS = 3;
export const MOST_ROWS = 200_000;

const input = {
  embeddings: flag(
    text("FILE"),
    "embeddings of ./run embed, .parquet, .npy, .csv or .safetensors; needed",
    "none",
  ),
  data: repeatable(
    text("SOURCE"),
    "the images, as --data of train; several are joined",
    "as the embeddings say",
  ),
  split: flag(splitName(), "the split that was embedded, if names tell of splits", "training"),
  label: trainFlags.label,
  sample: flag(
    integer({ min: FEWEST_ROWS, max: MOST_ROWS }),
    "show so many of the images, drawn by the seed",
    "all",
  ),
};

const page = {
  out: flag(text("FILE"), "the page to write, .html", "explore.html"),
  map: flag(
    choice("pca", "umap"),
    "pca: principal components only; umap: UMAP too, however long it takes",
    `umap up to ${UMAP_ROWS.toLocaleString("en-US")} images`,
  ),
  clusters: flag(
    integer({ min: 2, max: 255 }),
    "how many clusters k-means makes",
    "as many as classes, or 10",
  ),
  threshold: flag(number({ min: 0.1, max: 1 }), "least cosine of duplicates", 0.99),
  thumbnail: flag(
    integer({ min: 16, max: 256 }),
    "side of the thumbnails in pixels, rounded up to a multiple of 16",
    "128 up to 1,000 images, else 64; not more than the encoder saw",
  ),
};

const machine = {
  seed: flag(integer({ min: 0 }), "seed of the map, the clusters and the sample", 0),
  workers: trainFlags.workers,
};

/** The options of explore by their headings in `--help`. */
export const exploreFlagGroups = { input, page, machine };

/** Those given on a command line. */
export type ExploreFlags = {
  [K in keyof (typeof input & typeof page & typeof machine)]?:
    (typeof input & typeof page & typeof machine)[K] extends Flag<infer T> ? T : never;
};

/** Refuses unknown options of `explore`, and values out of range. */
export function expectExploreOptions(given: object): void {
  expectFlags(given, {
    flags: { ...input, ...page, ...machine },
    unchecked: ["log", "onProgress", "signal"],
    checks: { data: (value: unknown) => isImageSource(value as never) && Boolean(checkSource(value)) },
  });
}
