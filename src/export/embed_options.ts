/**
 * What embedding takes and what it gives.
 *
 * @module
 */
import type { Precision } from "../nn/parameters.ts";
import type { SplitName } from "../../data/sources/survey.ts";
import type { ImageSource } from "../../data/sources/types.ts";
import type { BadImage } from "../../data/collate.ts";
import type { KernelSelection } from "../config/pretrain_options.ts";
import type { EncoderOptions } from "../eval/types.ts";

/** Which encoder, and what of it. Either `run` or `encoder` is needed; everything else has a default. */
export interface EncoderChoice extends EncoderOptions {
  /**
   * `"backbone"`: what the encoder gives. `"projection"`: what the projector makes of that, which only a run's folder or a
   * checkpoint has. Default: `"backbone"`.
   */
  features?: "backbone" | "projection";
  /** Divide each vector by its length. Default: false. */
  normalize?: boolean;
  /** How kernels are chosen, as for training. Default: `"auto"`. */
  kernels?: KernelSelection;
  /**
   * `"mixed"`: the encoder computes with float16 activations and weights, in half the memory and, where memory limits a GPU, up
   * to twice as fast; vectors are float32, with cosines above 0.9999 to those of `"f32"`. Needs an adapter with float16.
   * Default: `"f32"`.
   */
  precision?: Precision;
  /** Receives each line of text. Default: lines are printed. */
  log?: (line: string) => void;
  /** Hears how many bytes of the encoder have been downloaded, and of how many, if the server says. */
  onDownload?: (done: number, total: number | null) => void;
}

/** Options of {@linkcode embed}. Either `run` or `encoder` is needed; everything else has a default. */
export interface EmbedOptions extends EncoderChoice {
  /** Images: the name of a source, several joined as one, or an open source, which stays open. Default: the run's. */
  data?: string | readonly string[] | ImageSource;
  /** The split to embed, if names tell of splits. Default: the training split. */
  split?: SplitName;
  /** The column of the labels, in Parquet files and lists. Default: the one that is usually called so. */
  label?: string;
  /** Leave out images whose short side has fewer pixels. Default: the run's, else 1. */
  minSide?: number;
  /** Workers that decode images. Default: one per core, at most 8. */
  workers?: number;
  /** Hears of each image that has no vector: it cannot be used, or `minSide` leaves it out. Default: the first are logged. */
  onBad?: (bad: BadImage) => void;
  /** Ends the work with its reason when aborted. */
  signal?: AbortSignal;
}

/** An image and its vector. */
export interface Embedding {
  /** Its name in the source. */
  key: string;
  /** Its class; null without a label. */
  label: { index: number; name: string } | null;
  /** Columns of the upright original image. */
  width: number;
  /** Rows of the upright original image. */
  height: number;
  /** Its features or its projection. */
  vector: Float32Array<ArrayBuffer>;
}
