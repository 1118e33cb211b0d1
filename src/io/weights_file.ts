/**
 * Reads the weights of a network from a file, whatever program wrote it.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { readFailure } from "../base/files.ts";
import { parseSafetensors, type TensorEntry } from "./safetensors.ts";
import { isTorchFile, readTorchFile } from "./torch_file.ts";

/** Tensors by name, and what the file says of them. */
export interface Weights {
  tensors: Map<string, TensorEntry>;
  metadata: Record<string, string>;
}

/**
 * The weights in the file `path`: safetensors, or a state dictionary of PyTorch (.pth, .pt), told apart by their first bytes.
 * `name` names it in messages, if not its path.
 *
 * @throws {UserError} if the file cannot be read, is damaged, or holds more than tensors.
 */
export async function readWeights(path: string, name = path): Promise<Weights> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    throw new UserError(`Cannot read "${name}": ${readFailure(error)}. Check the path.`, { cause: error });
  }
  if (isTorchFile(bytes)) return { tensors: await readTorchFile(name, bytes), metadata: {} };
  return parseSafetensors(name, bytes);
}
