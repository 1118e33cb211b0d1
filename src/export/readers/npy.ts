/** Reads .npy files of two axes, with float32 or float16. */
import { messageOf, UserError } from "../../base/errors.ts";
import type { EmbeddingsTable } from "../embeddings_table.ts";
import { KEYS_SUFFIX } from "../formats/npy.ts";
import { linesOf, readFloatRows, readRange } from "./floats.ts";

/** Opens the .npy file `path`, and the keys beside it. */
export async function openNpyTable(path: string): Promise<EmbeddingsTable> {
  const { rows, dims, half, at } = await headerOf(path);
  const keys = linesOf(await keysOf(path));
  if (keys.length !== rows) {
    throw new UserError(
      `Cannot use the embeddings "${path}": they have ${rows} rows, and "${
        path + KEYS_SUFFIX
      }" has ${keys.length} keys. ` +
        `Both must be of the same embedding.`,
    );
  }
  const place = { path, at, dims, half };
  return {
    path,
    rows,
    dims,
    keys,
    metadata: {},
    read: (first, count) => readFloatRows(place, { first, count }),
  };
}

async function keysOf(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path + KEYS_SUFFIX);
  } catch (error) {
    throw new UserError(
      `Cannot read the keys of "${path}" in "${path + KEYS_SUFFIX}": ${
        messageOf(error)
      }. Put it beside the file.`,
    );
  }
}

async function headerOf(path: string): Promise<{ rows: number; dims: number; half: boolean; at: number }> {
  const refused = (fact: string) =>
    new UserError(`Cannot read "${path}": ${fact}. Give an .npy file of two axes with float32 or float16.`);
  const start = new Uint8Array(await readRange(path, { at: 0, length: 12 })),
    view = new DataView(start.buffer);
  if (start[0] !== 0x93 || new TextDecoder().decode(start.subarray(1, 6)) !== "NUMPY") {
    throw refused("it does not begin as an .npy file");
  }
  const [begin, length] = start[6] === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  const text = new TextDecoder().decode(await readRange(path, { at: begin, length }));
  const [, type, order, shape] =
    /'descr': '([^']+)', 'fortran_order': (\w+), 'shape': \(([\d, ]*)\)/.exec(text) ?? [];
  const axes = shape?.split(",").map((axis) => axis.trim()).filter(Boolean).map(Number);
  if (axes?.length !== 2 || order !== "False" || type !== "<f4" && type !== "<f2") {
    throw refused(`its header is ${text.trim()}`);
  }
  return { rows: axes[0], dims: axes[1], half: type === "<f2", at: begin + length };
}
