/**
 * The explorer: embeddings as a page with a map, neighbors, duplicates and thumbnails.
 *
 * @module
 */
import { dirname, extname } from "node:path";
import type { SplitName } from "../../data/sources/survey.ts";
import type { ImageSource } from "../../data/sources/types.ts";
import { UserError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import { defaultWorkers } from "../config/default_values.ts";
import { expectExploreOptions, FEWEST_ROWS, MOST_ROWS, UMAP_ROWS } from "../config/explore_flags.ts";
import { principalComponents } from "../eval/spectrum.ts";
import { DEFAULT_THRESHOLD, type Duplicate, warnOfLargeGroups } from "../export/duplicates.ts";
import type { EmbeddingsTable } from "../export/embeddings_table.ts";
import { openEmbeddings } from "../export/open_embeddings.ts";
import { unitRows } from "../export/vector_block.ts";
import { openGpu } from "../gpu/device.ts";
import { chooseRows, type ChosenRows } from "./chosen_rows.ts";
import { clustersOf } from "./clusters.ts";
import { pcaMap, type PlacedRows, umapMap } from "./maps.ts";
import { duplicatesAmong, type Neighborhoods, neighborhoodsOf } from "./neighborhoods.ts";
import { picturesOf } from "./pictures.ts";
import type { Thumbnails } from "./thumbnails.ts";
import { writePage } from "./write_page.ts";

/** What {@linkcode explore} works on. */
export type ExploreStage = "pairs" | "epochs" | "images";

/** Options of {@linkcode explore}. */
export interface ExploreOptions {
  /** File of the embeddings: .parquet, .npy, .csv or .safetensors. */
  embeddings: string;
  /** The images: the name of a source, several joined as one, or an open source, which stays open. Default: as the embeddings say. */
  data?: string | readonly string[] | ImageSource;
  /** The split that was embedded, if names tell of splits. Default: the training split. */
  split?: SplitName;
  /** The column of the labels, in Parquet files and lists. Default: the one that is usually called so. */
  label?: string;
  /** Show so many of the images, drawn by the seed. Default: all, at most 200,000. */
  sample?: number;
  /** The page, .html. Default: `"explore.html"`. */
  out?: string;
  /** `"pca"`: principal components only. `"umap"`: also UMAP, however long it takes. Default: UMAP up to 10,000 images. */
  map?: "pca" | "umap";
  /** How many clusters k-means makes. Default: as many as there are classes, or 10. */
  clusters?: number;
  /** Least cosine of duplicates, 0.1 … 1. Default: 0.99. */
  threshold?: number;
  /** Side of the thumbnails in pixels, rounded up to a multiple of 16. Default: 128 up to 1,000 images, else 64. */
  thumbnail?: number;
  /** Seed of the map, the clusters and the sample. Default: 0. */
  seed?: number;
  /** Workers that decode images. Default: one per core, at most 8. */
  workers?: number;
  /** Receives each line of text. Default: lines are printed. */
  log?: (line: string) => void;
  /** Hears how much of what is done: pairs of vectors, epochs of UMAP, images. */
  onProgress?: (stage: ExploreStage, done: number, total: number) => void;
  /** Ends the work with its reason when aborted; the page is then not written. */
  signal?: AbortSignal;
}

/** A page that {@linkcode explore} wrote. */
export interface ExploredPage {
  /** The page. */
  path: string;
  /** Its size. */
  bytes: number;
  /** The folder of the sheets of thumbnails beside it; null if the page needs none. */
  sheets: string | null;
  /** Images on the page. */
  images: number;
  /** Those with a thumbnail. */
  thumbnails: number;
  /** The maps, the first shown first. */
  maps: string[];
  /** Groups of near-duplicates. */
  groups: number;
}

/** Principal components from which clusters are made. */
const COMPONENTS = 32;

/**
 * Writes a page that shows embeddings: a map to pan, zoom and search, the neighbors of each image, clusters, outliers and
 * near-duplicates. It works offline and is one file; of more than 5,000 images the thumbnails are in a folder beside it. The
 * same options give the same bytes, on one adapter.
 *
 * @throws {UserError} on input that cannot be used.
 * @throws {MachineError} if there is no adapter, or the disk is full.
 *
 * @example
 * ```ts
 * import { embedToFiles } from "../export/embed_to_files.ts";
 * import { explore } from "./explore.ts";
 * import { pretrain } from "../run/pretrain.ts";
 *
 * const out = await Deno.makeTempDir(), log = () => {};
 * await pretrain({ data: "shapes:32", holdout: 0, batch: 16, steps: 2, out, log });
 * await embedToFiles({ run: out, out: `${out}/shapes.parquet`, log });
 * const page = { embeddings: `${out}/shapes.parquet`, data: "shapes:32", out: `${out}/page.html`, log };
 * const { images, thumbnails } = await explore(page);
 * console.log(images, thumbnails); // 32 32
 * ```
 */
export async function explore(options: ExploreOptions): Promise<ExploredPage> {
  expectExploreOptions(options);
  const { out = "explore.html", seed = 0, log = console.log, signal } = options;
  await expectWritable(out);
  const table = await chooseRows(await opened(options), { sample: options.sample, seed, signal });
  // First what may be refused.
  const pictures = await picturesOf(table, {
    ...options,
    workers: options.workers ?? defaultWorkers(),
    log,
    onProgress: (done, total) => options.onProgress?.("images", done, total),
  });
  const found = await compared(table, options);
  const maps = await mapsOf(table, { near: found.near, options });
  const written = await writePage(out, {
    table,
    ...found,
    ...maps,
    labels: labelsOf(table, pictures),
    pictures,
  });
  return {
    ...written,
    images: table.rows,
    thumbnails: pictures?.count ?? 0,
    maps: maps.maps.map(({ name }) => name),
    groups: found.groups.length,
  };
}

async function expectWritable(out: string): Promise<void> {
  if (extname(out).toLowerCase() !== ".html") {
    throw new UserError(`Cannot write "${out}": its extension must be .html. Rename it.`);
  }
  if (!await exists(dirname(out))) {
    throw new UserError(`Cannot write "${out}": there is no folder "${dirname(out)}". Make it first.`);
  }
}

/** The embeddings, if a page can show them. */
async function opened({ embeddings, sample }: ExploreOptions): Promise<EmbeddingsTable> {
  const table = await openEmbeddings(embeddings), { rows } = table;
  const text = (count: number) => count.toLocaleString("en-US");
  if (rows < FEWEST_ROWS) {
    throw new UserError(
      `Cannot explore "${embeddings}": it has ${rows} vectors, a map needs ${FEWEST_ROWS}. Embed more images.`,
    );
  }
  if (rows > MOST_ROWS && sample === undefined) {
    throw new UserError(
      `Cannot explore "${embeddings}": it has ${text(rows)} vectors, a page shows ${
        text(MOST_ROWS)
      } at most. Add ` +
        `--sample ${MOST_ROWS}.`,
    );
  }
  return table;
}

/** The neighbors of all rows, and near-duplicates among them. */
async function compared(
  table: ChosenRows,
  { threshold = DEFAULT_THRESHOLD, log = console.log, signal, onProgress }: ExploreOptions,
): Promise<{ near: Neighborhoods; groups: Duplicate[][]; threshold: number }> {
  using gpu = await openGpu();
  log(
    `Exploring ${table.rows.toLocaleString("en-US")} vectors of ${table.dims} numbers in ${table.path} on ` +
      `${gpu.description}`,
  );
  const progress = {
    signal,
    onProgress: (done: number, total: number) => onProgress?.("pairs", done, total),
  };
  const near = await neighborhoodsOf(gpu, { table, ...progress });
  const groups = await duplicatesAmong(gpu, { table, near, threshold, ...progress });
  warnOfLargeGroups(groups, { rows: table.rows, log });
  return { near, groups, threshold };
}

/** The maps, the best first, and the clusters. */
async function mapsOf(
  table: ChosenRows,
  { near, options }: { near: Neighborhoods; options: ExploreOptions },
): Promise<{ maps: PlacedRows[]; clusters: Uint8Array<ArrayBuffer> }> {
  const { rows, dims } = table, { seed = 0, log = console.log, signal, onProgress } = options;
  const features = unitRows(table.vectors.slice(), { dims, D: dims });
  const count = Math.max(2, Math.min(COMPONENTS, dims));
  const { scores, shares } = principalComponents({ features, dims }, count);
  const classes = new Set((table.labels ?? []).filter((name) => name !== null)).size;
  const clusters = options.clusters ?? Math.max(2, Math.min(classes || 10, 255));
  const found = await clustersOf(scores, { dims: count, clusters, seed });
  const pca = pcaMap(scores, { dims: count, shares });
  const { map = rows <= UMAP_ROWS ? "umap" : "pca" } = options;
  if (map === "pca") {
    if (!options.map) {
      log(
        `The map is by principal components. --map umap adds UMAP, which takes minutes for so many images.`,
      );
    }
    return { maps: [pca], clusters: found };
  }
  const umap = await umapMap(near, {
    pca,
    seed,
    signal,
    onProgress: (done, total) => onProgress?.("epochs", done, total),
  });
  return { maps: umap ? [umap, pca] : [pca], clusters: found };
}

/** The classes of the rows, as the embeddings tell them, else the images; null if none has one. */
function labelsOf(table: EmbeddingsTable, pictures: Thumbnails | null): readonly (string | null)[] | null {
  const known = [table.labels, pictures?.labels];
  return known.find((labels) => labels?.some((name) => name !== null)) ?? null;
}
