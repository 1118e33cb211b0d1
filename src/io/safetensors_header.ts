/** Reads and checks the header of a safetensors file, as the format's reference implementation does. */

import { messageOf, UserError } from "../base/errors.ts";

/** The reference implementation's limit; a longer header is a damaged length. */
const maxHeaderBytes = 100_000_000;

/** Bytes of a number of each type that is read. */
const bytesOf = { F32: 4, F16: 2, BF16: 2, F64: 8 } as const;

/** A type of numbers. */
export type FloatType = keyof typeof bytesOf;

/** A tensor's name, type and shape, and its bytes: `begin` to `end` of the data after the header. */
export interface HeaderField {
  name: string;
  dtype: FloatType;
  shape: number[];
  begin: number;
  end: number;
}

/** A checked header: its fields in the order of their data, which starts at byte `dataStart` of the file. */
export interface Header {
  fields: HeaderField[];
  metadata: Record<string, string>;
  dataStart: number;
}

/** Makes an error about the file. */
type Refusal = (fact: string) => UserError;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);

const isFloatType = (dtype: unknown): dtype is FloatType =>
  typeof dtype === "string" && Object.hasOwn(bytesOf, dtype);

/** PyTorch's batch normalizations count their batches in an I64, which nothing here uses. */
const isBatchCounter = (name: string) => name.endsWith("num_batches_tracked");

/**
 * The header of the safetensors file `bytes`, which was read from `path`.
 *
 * @throws {UserError} if the file is damaged or has tensors of integers.
 */
export function parseHeader(path: string, bytes: Uint8Array): Header {
  const refusal: Refusal = (fact) =>
    new UserError(`Cannot read "${path}": ${fact}. It is no safetensors file, or a damaged one.`);
  const { header, dataStart } = readHeader(bytes, refusal);
  const { __metadata__: metadata = {}, ...entries } = header;
  if (!isObject(metadata) || !Object.values(metadata).every((value) => typeof value === "string")) {
    throw refusal(`its metadata must map names to strings, not ${JSON.stringify(metadata).slice(0, 80)}`);
  }
  const fields = Object.entries(entries).map(([name, entry]) => parseField(name, { path, entry, refusal }));
  fields.sort((a, b) => a.begin - b.begin || a.end - b.end);
  expectContiguous(fields, { dataBytes: bytes.length - dataStart, refusal });
  return {
    fields: fields.filter(({ name }) => !isBatchCounter(name)),
    metadata: metadata as Record<string, string>,
    dataStart,
  };
}

/** The header as JSON has it, and where the data starts. */
function readHeader(
  bytes: Uint8Array,
  refusal: Refusal,
): { header: Record<string, unknown>; dataStart: number } {
  if (bytes.length < 8) {
    throw refusal(`it must start with 8 bytes of header length, and has ${bytes.length} bytes`);
  }
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const dataStart = 8 + length;
  if (length > maxHeaderBytes || dataStart > bytes.length) {
    throw refusal(`its header must lie within it: the header has ${length} bytes, the file ${bytes.length}`);
  }
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, dataStart)));
  } catch (error) {
    throw refusal(`its header must be JSON: ${messageOf(error)}`);
  }
  if (!isObject(header)) {
    throw refusal(`its header must be a JSON object, not ${JSON.stringify(header).slice(0, 40)}`);
  }
  return { header, dataStart };
}

/** The field of the tensor `name`. */
function parseField(
  name: string,
  { path, entry, refusal }: { path: string; entry: unknown; refusal: Refusal },
): HeaderField {
  if (!isObject(entry)) {
    throw refusal(
      `the tensor "${name}" must have a type, shape and data_offsets, not ${JSON.stringify(entry)}`,
    );
  }
  const { dtype, shape, data_offsets: range } = entry;
  const isCounter = isBatchCounter(name) && !isFloatType(dtype);
  if (!isFloatType(dtype) && !(isCounter && dtype === "I64")) {
    throw new UserError(
      `Cannot read "${path}": its tensors must be of the types ${
        Object.keys(bytesOf).join(", ")
      }: ${name} is ${dtype}. Convert it to float32.`,
    );
  }
  if (!isSizes(shape) || !isSizes(range) || range.length !== 2) {
    throw refusal(
      `shape and data_offsets of the tensor "${name}" must be whole numbers, not ${JSON.stringify(entry)}`,
    );
  }
  const [begin, end] = range, type = isFloatType(dtype) ? dtype : "F64"; // a counter, which is left out
  const size = bytesOf[type] * shape.reduce((a, b) => a * b, 1);
  if (end - begin !== size) {
    throw refusal(
      `the tensor "${name}" of shape [${shape.join(", ")}] must have ${size} bytes, not ${begin} to ${end}`,
    );
  }
  return { name, dtype: type, shape, begin, end };
}

/** Refuses gaps and overlaps: each tensor begins where the one before it ends, and the last one ends the file. */
function expectContiguous(
  fields: readonly HeaderField[],
  { dataBytes, refusal }: { dataBytes: number; refusal: Refusal },
): void {
  let expected = 0;
  for (const { name, begin, end } of fields) {
    if (begin !== expected) {
      throw refusal(`the tensor "${name}" must begin at byte ${expected} of the data, not at ${begin}`);
    }
    expected = end;
  }
  if (expected !== dataBytes) {
    throw refusal(`it must have ${expected} bytes for its tensors, and has ${dataBytes}`);
  }
}
