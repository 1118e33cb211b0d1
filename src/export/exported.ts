/**
 * What is written by an export.
 *
 * @module
 */
import type { ExportReport } from "./types.ts";

/** A file that is written: its path in the folder, empty if there is none, and its bytes in chunks. */
export interface ExportedFile {
  path: string;
  chunks: readonly Uint8Array[];
}

/** The files that are written, and what is reported of them. */
export interface Exported extends Pick<ExportReport, "dims" | "input" | "opset" | "agreement"> {
  files: ExportedFile[];
}
