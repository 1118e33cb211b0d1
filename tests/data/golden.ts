/** Reads tests/golden/decode.json and decode.bin, which decode.py writes with Pillow. */
import { opaque } from "./views/golden.ts";

/** A file, and its pixels as Pillow decodes them. */
export interface GoldenFile {
  /** Its format in lower case, then its variant. */
  name: string;
  file: Uint8Array;
  width: number;
  height: number;
  /** [height, width, 4]. */
  rgba: Uint8Array;
}

const folder = new URL("../golden/", import.meta.url);
const data = await Deno.readFile(new URL("decode.bin", folder));
const { cases } = JSON.parse(await Deno.readTextFile(new URL("decode.json", folder)));
const part = ([offset, length]: [number, number]) => data.slice(offset, offset + length);

/** All files, in the order of decode.py. */
export const goldenFiles: GoldenFile[] = cases.map(
  // deno-lint-ignore no-explicit-any
  ({ name, width, height, file, rgb }: any) => ({
    name,
    width,
    height,
    file: part(file),
    rgba: opaque(part(rgb)),
  }),
);

/** The file of this name. */
export function golden(name: string): GoldenFile {
  const found = goldenFiles.find((file) => file.name === name);
  if (!found) throw new Error(`there is no golden file "${name}"`);
  return found;
}
