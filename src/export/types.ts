/**
 * What an export takes and what it returns.
 *
 * @module
 */
import type { ExportFormat } from "../config/export_flags.ts";
import type { EncoderOptions } from "../eval/types.ts";

/** Options of {@linkcode exportEncoder}. Either `run` or `encoder` is needed; everything else has a default. */
export interface ExportOptions extends EncoderOptions {
  /**
   * What is written: an ONNX model (`"onnx"`); a folder that transformers.js loads (`"transformers"`); a safetensors file with
   * torchvision's names (`"safetensors"`), or with those of PyTorch Image Models, timm, and the counters of batches
   * (`"torch-names"`). Default: `"onnx"`.
   */
  format?: ExportFormat;
  /** The file, or the folder for transformers.js. Default: `model.onnx`, `model.safetensors` or `model`. */
  out?: string;
  /** Version of ONNX's operators, 13 to 21. Default: 17. */
  opset?: number;
  /**
   * Whether the graph takes decoded images of any size and resizes, crops and normalizes them as evaluations do. Default:
   * false, it takes normalized images.
   */
  preprocess?: boolean;
  /** Whether batch normalizations become part of the convolutions. Default: true. */
  fold?: boolean;
  /** Whether weights are stored in 16 bits, for the safetensors formats. Default: false. */
  f16?: boolean;
  /** Receives each line of text. Default: lines are printed. */
  log?: (line: string) => void;
  /** Hears how many bytes of the encoder have been downloaded, and of how many, if the server says. */
  onDownload?: (done: number, total: number | null) => void;
  /** Ends the export with its reason when aborted; nothing is written then. */
  signal?: AbortSignal;
}

/** How far the features of what was exported are from the encoder's on the GPU. */
export interface ExportAgreement {
  /** What computed them, such as `"onnxruntime-web 1.30.0"`. */
  runtime: string;
  /** Random images of the encoder's size that were compared. */
  images: number;
  /** The largest distance between the features of an image, relative to their length. */
  difference: number;
  /** The same for images of other sizes, which the graph resizes and crops; null if it takes normalized images. */
  prepared: number | null;
}

/** Result of {@linkcode exportEncoder}. */
export interface ExportReport {
  /** What was written. */
  format: ExportFormat;
  /** The files that were written. */
  paths: string[];
  /** Bytes of all files together. */
  bytes: number;
  /** Length of the features. */
  dims: number;
  /** What the graph takes, with its shape; null without a graph. */
  input: string | null;
  /** Version of ONNX's operators; null without a graph. */
  opset: number | null;
  /** How far its features are from the encoder's; null for weights of 32 bits, which are the encoder's own. */
  agreement: ExportAgreement | null;
}
