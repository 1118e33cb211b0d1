/**
 * Reads the weights of a network from a file, whatever program wrote it.
 *
 * @module
 */
import { messageOf, UserError } from "../base/errors.ts";
import { parseSafetensors, type TensorEntry } from "./safetensors.ts";
import { isTorchFile, readTorchFile } from "./torch_file.ts";

/** Tensors by name, and what the file says of them. */
export interface Weights {
  tensors: Map<string, TensorEntry>;
  metadata: Record<string, string>;
}

/**
 * The weights in the file `path`: safetensors, or a state dictionary of PyTorch (.pth, .pt), told apart by their first bytes.
 *
 * @throws {UserError} if the file cannot be read, is damaged, or holds more than tensors.
 */
export async function readWeights(path: string): Promise<Weights> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    throw new UserError(`Cannot read "${path}": ${messageOf(error)}.`, { cause: error });
  }
  if (isTorchFile(bytes)) return { tensors: await readTorchFile(path, bytes), metadata: {} };
  return parseSafetensors(path, bytes);
}
