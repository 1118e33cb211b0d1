import { assertEquals } from "../assert.ts";
import { countedReads } from "./counted_reads.ts";
import { onGpu, sharedGpu } from "./shared.ts";
import { GatheredRows, gatheringBytes } from "../../src/gpu/gathered_rows.ts";
import { Memory, type Store } from "../../src/gpu/memory.ts";

Deno.test(
  "GatheredRows: all rows come in order, read back as many at a time as were asked for or more",
  onGpu,
  async () => {
    const gpu = await sharedGpu(), dims = 3, offset = 256;
    for (
      const { batch, rows, total, reads } of [
        { batch: 4, rows: 16, total: 50, reads: 4 }, // 16, 16, 16, 2
        { batch: 5, rows: 16, total: 45, reads: 3 }, // 20, 20, 5
        { batch: 5, rows: 16, total: 40, reads: 2 }, // 20, 20, and nothing is left to read
        { batch: 7, rows: 3, total: 15, reads: 3 }, // each batch is enough
        { batch: 4, rows: 100, total: 9, reads: 1 },
      ]
    ) {
      using memory = new Memory(gpu);
      const store: Store = { name: "rows", category: "input", bytes: offset + 4 * dims * batch };
      const from = { store, offset, bytes: 4 * dims * batch };
      using gathered = new GatheredRows(memory, { from, dims, batch, rows });
      for (const first of [0, 1000]) {
        const expected = Float32Array.from({ length: total * dims }, (_, i) => first + i);
        const count = await countedReads(async () => {
          for (let row = 0; row < total; row += batch) {
            const n = Math.min(batch, total - row);
            // The rows behind the n of a smaller batch are not to be taken.
            const content = new Float32Array(dims * batch).fill(-1);
            content.set(expected.subarray(row * dims, (row + n) * dims));
            memory.write(store, content, offset);
            await gathered.add(n);
          }
          assertEquals(await gathered.take(), expected);
        });
        assertEquals(count, reads, `${total} rows in batches of ${batch}, ${rows} a read`);
      }
      assertEquals((await gathered.take()).length, 0);
    }
    assertEquals(gatheringBytes({ dims: 3, batch: 5, rows: 16 }), 4 * 3 * 20);
  },
);
