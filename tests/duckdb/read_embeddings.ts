/**
 * DuckDB reads the Parquet and CSV files of embeddings: `deno task test:duckdb`. Not part of the suite, as its package has some
 * 60 MB of native code.
 */
import { join } from "node:path";
import { EmbeddingsWriter } from "../../src/export/embeddings_writer.ts";
import { assert, assertEquals } from "../assert.ts";
import { rowsOf } from "../export/embedding_rows.ts";

/** Imported by name, so that neither type checks nor `./run` install it. */
const PACKAGE = "npm:@duckdb/node-api@1.5.6-r.1";
const { DuckDBInstance } = await import(PACKAGE);

const ROWS = 5000, DIMS = 24;

for (const half of [false, true]) {
  Deno.test(`DuckDB reads embeddings from Parquet and CSV${half ? " as float16" : ""}`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const [parquet, csv] = ["x.parquet", "x.csv"].map((name) => join(folder, name));
      const opened = await EmbeddingsWriter.open({
        out: [parquet, csv],
        dims: DIMS,
        half,
        metadata: { encoder: "encoder.safetensors" },
        identity: {},
      });
      assert(opened instanceof EmbeddingsWriter);
      using writer = opened;
      for (let row = 0; row < ROWS; row += writer.groupRows) {
        const end = Math.min(ROWS, row + writer.groupRows);
        await writer.write(rowsOf(row, end, DIMS), { epoch: 0, offset: end });
      }
      await writer.finish();

      const expected = rowsOf(0, ROWS, DIMS);
      const vectors = half ? expected.vectors.map(Math.f16round) : expected.vectors;
      const connection = await (await DuckDBInstance.create(":memory:")).connect();
      const ask = async (query: string) => (await connection.runAndReadAll(query)).getRowsJS();
      for (const row of [0, 2047, 2048, ROWS - 1]) {
        const numbers = [...vectors.subarray(row * DIMS, (row + 1) * DIMS)];
        const label = expected.labels[row], others = [expected.widths[row], expected.heights[row]];
        const fields = [expected.keys[row], expected.names[row], label < 0 ? null : label, ...others];
        const [[vector, ...found]] = await ask(
          `SELECT vector, key, label, label_index, width, height FROM '${parquet}' LIMIT 1 OFFSET ${row}`,
        );
        assertEquals([vector, found], [numbers, fields], `Parquet, row ${row}`);
        const [[key, ...floats]] = await ask(
          `SELECT key, columns('e\\d+')::FLOAT FROM '${csv}' LIMIT 1 OFFSET ${row}`,
        );
        assertEquals([key, floats], [fields[0], numbers], `CSV, row ${row}`);
      }
      const [[count, length, type]] = await ask(
        `SELECT count(*), sum(len(vector)), any_value(typeof(vector)) FROM '${parquet}'`,
      );
      assertEquals([count, length, type], [BigInt(ROWS), BigInt(ROWS * DIMS), "FLOAT[]"]);
      const [[encoder]] = await ask(
        `SELECT decode(value) FROM parquet_kv_metadata('${parquet}') WHERE decode(key) = 'encoder'`,
      );
      assertEquals(encoder, "encoder.safetensors");
      connection.closeSync();
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
