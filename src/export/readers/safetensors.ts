/** Reads the embeddings of a safetensors file. */
import { UserError } from "../../base/errors.ts";
import { readLayout } from "../../io/safetensors_layout.ts";
import type { EmbeddingsTable } from "../embeddings_table.ts";
import { linesOf, readFloatRows, readRange } from "./floats.ts";

/** Opens the safetensors file `path`. */
export async function openSafetensorsTable(path: string): Promise<EmbeddingsTable> {
  const { tensors, metadata } = await readLayout(path);
  const vectors = tensors.get("embeddings"), names = tensors.get("keys");
  if (vectors?.shape.length !== 2 || !["F32", "F16"].includes(vectors.dtype) || names?.dtype !== "U8") {
    throw new UserError(
      `Cannot use "${path}" as embeddings: it must have the tensors embeddings [n, dims] and keys, and has ` +
        `${[...tensors.keys()].slice(0, 5).join(", ")}. Give a file of ./run embed.`,
    );
  }
  const [rows, dims] = vectors.shape;
  const text = await readRange(path, { at: names.begin, length: names.end - names.begin });
  const place = { path, at: vectors.begin, dims, half: vectors.dtype === "F16" };
  return {
    path,
    rows,
    dims,
    keys: linesOf(new TextDecoder().decode(text)),
    metadata,
    read: (first, count) => readFloatRows(place, { first, count }),
  };
}
