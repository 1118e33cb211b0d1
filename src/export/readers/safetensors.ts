/** Reads the embeddings of a safetensors file. */
import { UserError } from "../../base/errors.ts";
import { readLayout } from "../../io/safetensors_layout.ts";
import type { EmbeddingsTable } from "../embeddings_table.ts";
import { linesOf, readFloatRows, readRange } from "./floats.ts";

/** Where the bytes of a tensor are. */
type TensorPlace = { begin: number; end: number };

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
  const bytesOf = ({ begin, end }: TensorPlace) => readRange(path, { at: begin, length: end - begin });
  const textOf = async (place: TensorPlace) => new TextDecoder().decode(await bytesOf(place));
  const indices = tensors.get("labels"), classes = tensors.get("classes");
  let labels: (string | null)[] | undefined;
  if (indices?.dtype === "I32" && classes?.dtype === "U8") {
    const known: Record<string, string> = JSON.parse(await textOf(classes));
    labels = Array.from(new Int32Array(await bytesOf(indices)), (label) => known[label] ?? null);
  }
  const place = { path, at: vectors.begin, dims, half: vectors.dtype === "F16" };
  return {
    path,
    rows,
    dims,
    keys: linesOf(await textOf(names)),
    labels,
    metadata,
    read: (first, count) => readFloatRows(place, { first, count }),
  };
}
