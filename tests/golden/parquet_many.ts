/**
 * Writes parquet_many.parquet: 150,000 rows of one tiny image in a few kilobytes, more rows than a call can have arguments.
 *
 *     deno run -A --no-lock tests/golden/parquet_many.ts
 *
 * @module
 */
// deno-lint-ignore no-import-prefix
import { parquetWriteBuffer } from "npm:hyparquet-writer@0.17.0";

const rows = 150_000, image = new Uint8Array([0xff, 0xd8, 1]);
const file = parquetWriteBuffer({
  columnData: [
    { name: "image", data: Array.from({ length: rows }, () => image), type: "BYTE_ARRAY" },
    { name: "label", data: Array.from({ length: rows }, (_, i) => i % 3), type: "INT32" },
  ],
});
await Deno.writeFile(new URL("parquet_many.parquet", import.meta.url), new Uint8Array(file));
