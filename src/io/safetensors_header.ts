/** Reads and checks the header of a safetensors file, as the format's reference implementation does. */

import { UserError } from "../base/errors.ts";

/** The reference implementation's limit, so that a damaged length is not taken for a request of memory. */
const longestHeader = 100_000_000;

/** A tensor's name, shape and place: bytes `begin` to `end` of the data after the header. */
export interface HeaderField {
  name: string;
  shape: number[];
  begin: number;
  end: number;
}

/** A checked header: its fields in the order of their data, which begins at byte `dataStart` of the file. */
export interface Header {
  fields: HeaderField[];
  metadata: Record<string, string>;
  dataStart: number;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);

/**
 * The header of the safetensors file `bytes`, which was read from `path`.
 *
 * @throws {UserError} if the file is truncated or damaged, or holds other types than float32.
 */
export function parseHeader(path: string, bytes: Uint8Array): Header {
  function refuse(expected: string, found: string): never {
    throw new UserError(
      `Cannot read ${path} as ${expected}: ${found}. It is no safetensors file, or a damaged one.`,
    );
  }
  if (bytes.length < 8) refuse("it must begin with 8 bytes of header length", `it has ${bytes.length} bytes`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const dataStart = 8 + length;
  if (length > longestHeader || dataStart > bytes.length) {
    refuse("its header must lie within it", `the header has ${length} bytes, the file ${bytes.length}`);
  }
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, dataStart)));
  } catch (error) {
    refuse("its header must be JSON", (error as Error).message);
  }
  if (!isObject(header)) refuse("its header must be a JSON object", JSON.stringify(header).slice(0, 40));

  const { __metadata__: metadata = {}, ...entries } = header;
  if (!isObject(metadata) || !Object.values(metadata).every((value) => typeof value === "string")) {
    refuse("its metadata must map names to strings", JSON.stringify(metadata).slice(0, 80));
  }
  const fields = Object.entries(entries).map(([name, entry]): HeaderField => {
    if (!isObject(entry)) refuse(`tensor ${name} must have a type, shape and place`, JSON.stringify(entry));
    const { dtype, shape, data_offsets: place } = entry;
    const isCounter = dtype === "I64" && name.endsWith("num_batches_tracked");
    if (dtype !== "F32" && !isCounter) {
      throw new UserError(
        `Cannot read ${path} as its tensors must be F32: ${name} is ${dtype}. Convert it to float32.`,
      );
    }
    if (!isSizes(shape) || !isSizes(place) || place.length !== 2) {
      refuse(`tensor ${name} must have a shape and place of whole numbers`, JSON.stringify(entry));
    }
    const [begin, end] = place, size = (isCounter ? 8 : 4) * shape.reduce((a, b) => a * b, 1);
    if (end - begin !== size) {
      refuse(
        `tensor ${name} must have ${size} bytes for shape [${shape.join(", ")}]`,
        `bytes ${begin} to ${end}`,
      );
    }
    return { name, shape, begin, end };
  });

  // Without gaps or overlap, each tensor begins where the one before it ends, and the last one ends the file.
  fields.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let expected = 0;
  for (const { name, begin, end } of fields) {
    if (begin !== expected) {
      refuse(`tensor ${name} must begin at byte ${expected} of the data`, `it begins at ${begin}`);
    }
    expected = end;
  }
  if (dataStart + expected !== bytes.length) {
    refuse(`it must have ${dataStart + expected} bytes for its tensors`, `it has ${bytes.length} bytes`);
  }
  // PyTorch's batch normalisations count their batches, which nobody here asks for.
  const floats = fields.filter(({ name }) => !name.endsWith("num_batches_tracked"));
  return { fields: floats, metadata: metadata as Record<string, string>, dataStart };
}
