/** Images that are decoded row by row. */
import type { Pixels, Rows } from "./format.ts";

/** The whole image of `rows`. */
export async function collectRows(
  rows: Rows,
  { width, height }: { width: number; height: number },
): Promise<Pixels> {
  const data = new Uint8Array(4 * width * height);
  let at = 0;
  for await (const row of rows) {
    data.set(row, at);
    at += row.length;
  }
  return { width, height, data };
}
