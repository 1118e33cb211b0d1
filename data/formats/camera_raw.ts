/**
 * Recognizes camera raw files that are TIFF files inside: read as such, they would give a small preview.
 *
 * @module
 */
import type { Directory } from "./directory.ts";

/** Tags of TIFF and DNG. */
const SUBFILE_TYPE = 254, SUB_DIRECTORIES = 330, DNG_VERSION = 50706;

/** Throws an Error if the first directory of a TIFF is that of a camera raw file: DNG, NEF, ARW, PEF … */
export function refuseCameraRaw(directory: Directory): void {
  const isPreview = ((directory.values(SUBFILE_TYPE)?.[0] ?? 0) & 1) === 1;
  if (directory.values(DNG_VERSION)) throw new Error("it is a camera raw file (DNG): develop it");
  if (isPreview && directory.values(SUB_DIRECTORIES)) {
    throw new Error("it is a camera raw file (NEF, ARW or alike): develop it");
  }
}
