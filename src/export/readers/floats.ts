/**
 * Numbers in files.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";

/** An array of float32 or float16 in a file. */
export interface FloatsPlace {
  path: string;
  /** Where its first number is. */
  at: number;
  /** Numbers in a row. */
  dims: number;
  half: boolean;
}

/** Reads the rows `first` … `first + count − 1` as float32. */
export async function readFloatRows(
  { path, at, dims, half }: FloatsPlace,
  { first, count }: { first: number; count: number },
): Promise<Float32Array<ArrayBuffer>> {
  const size = half ? 2 : 4;
  const bytes = await readRange(path, { at: at + first * dims * size, length: count * dims * size });
  return half ? Float32Array.from(new Float16Array(bytes)) : new Float32Array(bytes);
}

/** Reads `length` bytes of a file from byte `at` on. */
export async function readRange(
  path: string,
  { at, length }: { at: number; length: number },
): Promise<ArrayBuffer> {
  using file = await Deno.open(path);
  await file.seek(at, Deno.SeekMode.Start);
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const read = await file.read(bytes.subarray(done));
    if (read === null) throw truncated(path, at + length);
    done += read;
  }
  return bytes.buffer;
}

function truncated(path: string, expected: number): UserError {
  return new UserError(
    `Cannot read "${path}": it must have at least ${expected} bytes. It is truncated: write it again.`,
  );
}

/** The lines of a text that ends with a line break. */
export function linesOf(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}
