/** Reads the golden files of tests/golden/, which decode.py and decode_odd.py write with Pillow. */
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
  /** Whether these are the pixels with stretched contrast. */
  stretch: boolean;
}

const folder = new URL("../golden/", import.meta.url);

async function readGoldenFiles(name: string): Promise<GoldenFile[]> {
  const data = await Deno.readFile(new URL(`${name}.bin`, folder));
  const { cases } = JSON.parse(await Deno.readTextFile(new URL(`${name}.json`, folder)));
  const part = ([offset, length]: [number, number]) => data.slice(offset, offset + length);
  // deno-lint-ignore no-explicit-any
  return cases.map(({ file, rgb, stretch = false, ...others }: any) => ({
    ...others,
    stretch,
    file: part(file),
    rgba: opaque(part(rgb)),
  }));
}

/** The files of decode.py, in its order. */
export const goldenFiles = await readGoldenFiles("decode");
/** Those of decode_odd.py: unusual ones, some with bytes behind the image. */
export const oddFiles = await readGoldenFiles("decode_odd");

/** The file of this name. */
export function golden(name: string): GoldenFile {
  const found = [...goldenFiles, ...oddFiles].find((file) => file.name === name);
  if (!found) throw new Error(`there is no golden file "${name}"`);
  return found;
}
