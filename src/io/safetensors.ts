/**
 * The safetensors format, read as float32: eight bytes of header length, a JSON header with each tensor's type, shape
 * and byte range, then the tensors' bytes without gaps (https://github.com/huggingface/safetensors, "Format").
 *
 * Everything is little-endian, as is every machine that Deno runs on.
 *
 * @module
 */

import { UserError } from "../base/errors.ts";
import { readFailure } from "../base/files.ts";
import { writeFileAtomic } from "./atomic.ts";
import { type FloatType, parseHeader } from "./safetensors_header.ts";
import { encodeHeader, type NumberType } from "./safetensors_layout.ts";

/** A tensor. */
export interface TensorEntry {
  /** Sizes of the axes. */
  shape: readonly number[];
  /** The values, as many as the product of `shape`, last axis fastest. */
  data: Float32Array;
}

/** A tensor as it is written, in the type of its values: F32, F16 or I64. */
export interface StoredTensor {
  /** Sizes of the axes; none for a single number. */
  shape: readonly number[];
  /** The values, as many as the product of `shape`, last axis fastest. */
  data: Float32Array | Float16Array | BigInt64Array;
}

/** The content of a safetensors file. */
export interface Safetensors {
  /** The tensors by name, in the order of the file, such as a `Map`. */
  tensors: Iterable<readonly [name: string, tensor: StoredTensor]>;
  /** Texts by name. */
  metadata?: Readonly<Record<string, string>>;
}

/**
 * The bytes of a safetensors file, in chunks. The same tensors in the same order give the same bytes. The chunks are
 * views of the tensors' memory: do not change it until they are written.
 *
 * @throws {TypeError} if a tensor's shape and length disagree or a name occurs twice.
 */
export function encodeSafetensors({ tensors, metadata = {} }: Safetensors): Uint8Array[] {
  const all = [...tensors];
  for (const [name, { shape, data }] of all) {
    if (shape.reduce((a, b) => a * b, 1) === data.length) continue;
    throw new TypeError(
      `Cannot write the tensor "${name}": its shape [${
        shape.join(", ")
      }] does not hold its ${data.length} values.`,
    );
  }
  const layouts = all.map(([name, { shape, data }]) => ({ name, dtype: dtypeOf(data), shape }));
  const chunks = all.map(([, { data }]) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return [encodeHeader(layouts, { metadata }), ...chunks];
}

function dtypeOf(data: StoredTensor["data"]): NumberType {
  return data instanceof Float32Array ? "F32" : data instanceof Float16Array ? "F16" : "I64";
}

/**
 * Writes the safetensors file `path`, whole or not at all.
 *
 * @throws {MachineError} if the disk is full or fails.
 */
export async function writeSafetensors(path: string, contents: Safetensors): Promise<void> {
  await writeFileAtomic(path, encodeSafetensors(contents));
}

/**
 * Reads the safetensors file `path`: its numbers of 16, 32 or 64 bits (F16, BF16, F32, F64) as float32.
 *
 * @throws {UserError} if the file does not exist, is damaged, or has tensors of integers.
 */
export async function readSafetensors(
  path: string,
): Promise<{ tensors: Map<string, TensorEntry>; metadata: Record<string, string> }> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    throw new UserError(`Cannot read "${path}": ${readFailure(error)}. Check the path.`, { cause: error });
  }
  return parseSafetensors(path, bytes);
}

/**
 * The tensors in the `bytes` of a safetensors file, float32 as views; `name` names the file in messages.
 *
 * @throws {UserError} if the file is damaged or has tensors of integers.
 */
export function parseSafetensors(
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
): { tensors: Map<string, TensorEntry>; metadata: Record<string, string> } {
  const { fields, metadata, dataStart } = parseHeader(name, bytes);
  const tensors = new Map<string, TensorEntry>();
  for (const { name, dtype, shape, begin, end } of fields) {
    tensors.set(name, {
      shape,
      data: floatsOf(bytes, { dtype, at: dataStart + begin, end: dataStart + end }),
    });
  }
  return { tensors, metadata };
}

/** The numbers in `bytes` from `at` to `end`: a view of float32, otherwise converted. */
function floatsOf(
  bytes: Uint8Array<ArrayBuffer>,
  { dtype, at, end }: { dtype: FloatType; at: number; end: number },
): Float32Array<ArrayBuffer> {
  // Other writers may not align the data, and a typed array needs that.
  const isAligned = dtype === "F32" && (bytes.byteOffset + at) % 4 === 0;
  const part = isAligned ? bytes.subarray(at, end) : bytes.slice(at, end);
  if (dtype === "F32") return new Float32Array(part.buffer, part.byteOffset, part.length / 4);
  if (dtype === "F64") return Float32Array.from(new Float64Array(part.buffer));
  if (dtype === "F16") return Float32Array.from(new Float16Array(part.buffer));
  // BF16 is the upper half of float32.
  const bits = Uint32Array.from(new Uint16Array(part.buffer), (half) => half << 16);
  return new Float32Array(bits.buffer);
}
