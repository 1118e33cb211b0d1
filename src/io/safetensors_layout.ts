/**
 * The layout of safetensors files with tensors of any type: their header, and where their bytes lie.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";

/** Bytes of a number of each type. */
const BYTES = { F32: 4, F16: 2, I64: 8, I32: 4, U8: 1 } as const;

/** A type of numbers. */
export type NumberType = keyof typeof BYTES;

/** A tensor as the header describes it. */
export interface TensorLayout {
  name: string;
  dtype: NumberType;
  shape: readonly number[];
}

/** Bytes of a tensor. */
export function bytesOf({ dtype, shape }: TensorLayout): number {
  return BYTES[dtype] * shape.reduce((a, b) => a * b, 1);
}

/**
 * The bytes before the data: the header's length, and the header. It is padded with spaces to align the data for readers that
 * map the file, and to `length` bytes if that is given, so that it can be written before all of it is known.
 *
 * @param tensors in the order of their data, which has no gaps.
 * @throws {TypeError} if a name occurs twice or is reserved.
 * @throws {RangeError} if it does not fit into `length` bytes.
 */
export function encodeHeader(
  tensors: Iterable<TensorLayout>,
  { metadata = {}, length }: { metadata?: Readonly<Record<string, string>>; length?: number } = {},
): Uint8Array<ArrayBuffer> {
  // Built as text, as an object would put names that look like integers first.
  const fields: string[] = [], names = new Set(["__metadata__"]);
  if (Object.keys(metadata).length > 0) fields.push(`"__metadata__":${JSON.stringify(metadata)}`);
  let end = 0;
  for (const tensor of tensors) {
    const { name, dtype, shape } = tensor, begin = end;
    if (names.has(name)) {
      throw new TypeError(`Cannot write the tensor "${name}": names must be unique and not reserved.`);
    }
    names.add(name);
    end += bytesOf(tensor);
    fields.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`);
  }
  const json = new TextEncoder().encode(`{${fields.join(",")}}`);
  const total = length ?? 8 + Math.ceil(json.length / 8) * 8;
  if (8 + json.length > total) {
    throw new RangeError(`Cannot write a header of ${json.length} bytes into ${total}.`);
  }
  const bytes = new Uint8Array(total).fill(" ".charCodeAt(0));
  new DataView(bytes.buffer).setBigUint64(0, BigInt(total - 8), true);
  bytes.set(json, 8);
  return bytes;
}

/** Where the bytes of a tensor lie in a file. */
export interface TensorPlace extends TensorLayout {
  begin: number;
  end: number;
}

/** A longer header is a damaged length. */
const MAX_HEADER_BYTES = 100_000_000;

/**
 * Reads the header of the safetensors file `path`, without the data.
 *
 * @throws {UserError} if it cannot be read, or is damaged.
 */
export async function readLayout(
  path: string,
): Promise<{ tensors: Map<string, TensorPlace>; metadata: Record<string, string> }> {
  try {
    using file = await Deno.open(path);
    const { size } = await file.stat();
    const length = Number(new DataView(await readExactly(file, 8)).getBigUint64(0, true));
    if (length > Math.min(MAX_HEADER_BYTES, size - 8)) throw new Error(`its header has ${length} bytes`);
    const { __metadata__: metadata = {}, ...entries } = JSON.parse(
      new TextDecoder().decode(await readExactly(file, length)),
    );
    const tensors = new Map<string, TensorPlace>();
    for (const [name, { dtype, shape, data_offsets: [begin, end] }] of Object.entries<Entry>(entries)) {
      const layout = { name, dtype: dtype as NumberType, shape };
      if (end - begin !== bytesOf(layout) || 8 + length + end > size) {
        throw new Error(`the bytes of its tensor "${name}", ${begin} to ${end}, are not those of its shape`);
      }
      tensors.set(name, { ...layout, begin: 8 + length + begin, end: 8 + length + end });
    }
    return { tensors, metadata };
  } catch (error) {
    throw new UserError(
      `Cannot read "${path}": ${(error as Error).message}. It is no safetensors file, or a damaged one.`,
      { cause: error },
    );
  }
}

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

async function readExactly(file: Deno.FsFile, length: number): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const read = await file.read(bytes.subarray(at));
    if (read === null) throw new Error("it is truncated");
    at += read;
  }
  return bytes.buffer;
}
