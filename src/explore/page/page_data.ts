/** What a page shows, as JSON. Numbers in arrays are base64 of their bytes, little-endian. */

/** A typed array in base64. */
export type Bytes = string;

/** The data of a page. */
export interface PageData {
  /** The name of the embeddings' file. */
  title: string;
  /** How the vectors were made, by names. */
  facts: [name: string, text: string][];
  keys: string[];
  /** Uint32 [rows]: rows in the embeddings' file; null if it is shown as a whole. */
  numbers: Bytes | null;
  /** `of`: Int32 [rows], −1 without one. */
  labels: { names: string[]; of: Bytes } | null;
  /** Uint8 [rows]. */
  clusters: Bytes;
  /** Float32 [rows]: means of 1 − cosine to the neighbors. */
  outliers: Bytes;
  /** `points`: Float32 [rows, 2], −1 … 1. */
  maps: { name: string; axes: readonly [string, string]; points: Bytes }[];
  /** `neighbors`: Uint32 [rows, k]; `cosines`: Float32 [rows, k]. */
  near: { k: number; neighbors: Bytes; cosines: Bytes };
  /** Groups of near-duplicates: the rows with their cosines to the first. */
  duplicates: { threshold: number; groups: [row: number, cosine: number][][] };
  /** `has`: Uint8 [rows]; `sheets`: JPEG in base64, or addresses relative to the page. */
  thumbnails:
    | { side: number; columns: number; perSheet: number; has: Bytes; inline: boolean; sheets: string[] }
    | null;
}
