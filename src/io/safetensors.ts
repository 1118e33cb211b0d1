/**
 * The safetensors format, float32 only: eight bytes of header length, a JSON header with each tensor's type, shape
 * and place, then the tensors' bytes without gaps (https://github.com/huggingface/safetensors, "Format").
 *
 * Everything is little-endian, as is every machine that Deno runs on.
 *
 * @module
 */

import { UserError } from "../base/errors.ts";
import { writeFileAtomic } from "./atomic.ts";
import { parseHeader } from "./safetensors_header.ts";

/** A float32 tensor: as many values as the product of `shape`, last axis fastest. */
export interface TensorEntry {
  shape: readonly number[];
  data: Float32Array;
}

/** What a safetensors file holds. */
export interface Safetensors {
  /** By name, in the order of the file. A `Map` will do. */
  tensors: Iterable<readonly [name: string, tensor: TensorEntry]>;
  metadata?: Readonly<Record<string, string>>;
}

/**
 * The bytes of a safetensors file, in chunks. The same tensors in the same order give the same bytes. The chunks
 * view the tensors' memory, so leave that alone until they are written.
 *
 * @throws {TypeError} if a tensor's shape and length disagree or a name comes twice.
 */
export function encodeSafetensors({ tensors, metadata = {} }: Safetensors): Uint8Array[] {
  // Built as text, as an object would put names that look like integers first.
  const fields: string[] = [];
  const chunks: Uint8Array[] = [];
  const names = new Set(["__metadata__"]);
  if (Object.keys(metadata).length > 0) fields.push(`"__metadata__":${JSON.stringify(metadata)}`);
  let end = 0;
  for (const [name, { shape, data }] of tensors) {
    if (names.has(name)) {
      throw new TypeError(`Cannot write tensor ${name} as names must be unique and not reserved`);
    }
    names.add(name);
    const size = shape.reduce((a, b) => a * b, 1);
    if (size !== data.length) {
      throw new TypeError(
        `Cannot write tensor ${name} as its shape must hold ${data.length} values: current shape is [${
          shape.join(", ")
        }]`,
      );
    }
    const begin = end;
    end += data.byteLength;
    fields.push(
      `${JSON.stringify(name)}:${JSON.stringify({ dtype: "F32", shape, data_offsets: [begin, end] })}`,
    );
    chunks.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  const json = new TextEncoder().encode(`{${fields.join(",")}}`);
  // Padded with spaces, so that the tensors' bytes are aligned for whoever maps the file.
  const header = new Uint8Array(Math.ceil(json.length / 8) * 8).fill(" ".charCodeAt(0));
  header.set(json);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  return [length, header, ...chunks];
}

/**
 * Writes the safetensors file `path`, whole or not at all.
 *
 * @throws {MachineError} if the disk refuses.
 */
export async function writeSafetensors(path: string, contents: Safetensors): Promise<void> {
  await writeFileAtomic(path, encodeSafetensors(contents));
}

/**
 * Reads the safetensors file `path`. The tensors share one buffer of the file's size.
 *
 * @throws {UserError} if there is no such file, or it is truncated, damaged, or holds other types than float32.
 */
export async function readSafetensors(
  path: string,
): Promise<{ tensors: Map<string, TensorEntry>; metadata: Record<string, string> }> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    throw new UserError(`Cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
  return parseSafetensors(path, bytes);
}

/**
 * The tensors in the `bytes` of a safetensors file, which they share; `name` is what the file is called.
 *
 * @throws {UserError} if it is truncated, damaged, or holds other types than float32.
 */
export function parseSafetensors(
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
): { tensors: Map<string, TensorEntry>; metadata: Record<string, string> } {
  const { fields, metadata, dataStart } = parseHeader(name, bytes);
  const tensors = new Map<string, TensorEntry>();
  for (const { name, shape, begin, end } of fields) {
    const at = dataStart + begin;
    // Other writers may leave the data unaligned, which a typed array cannot view.
    const [buffer, offset] = at % 4 === 0 ? [bytes.buffer, at] : [bytes.slice(at, dataStart + end).buffer, 0];
    tensors.set(name, { shape, data: new Float32Array(buffer, offset, (end - begin) / 4) });
  }
  return { tensors, metadata };
}
