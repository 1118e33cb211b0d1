/** Steps that processes take together through MPI are those of one process, to the bit. */
import { assertEquals } from "../assert.ts";
import { digestsOf, trainTiny } from "../byol/steps_of_ranks.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";
import { worldOfOne } from "../../src/distributed/world.ts";
import { installed, launch } from "./launch.ts";

const job = new URL("steps_job.ts", import.meta.url).pathname;

for (const { ranks, accumulate } of [{ ranks: 3, accumulate: 6 }, { ranks: 4, accumulate: 4 }]) {
  Deno.test(
    `${ranks} ranks take ${accumulate} batches a step as one process does, SGD and LARS, by each MPI`,
    { ...onGpu, ignore: installed.length === 0 },
    async () => {
      const gpu = await sharedGpu(), expected: unknown[] = [];
      for (const optimizer of ["sgd", "lars"] as const) {
        const alone = await trainTiny({ gpu, world: worldOfOne, optimizer, accumulate });
        expected.push({ optimizer, alike: 1, digests: await digestsOf(alone) });
      }
      for (const mpi of installed) {
        const { code, out, err } = await launch(mpi, { ranks, args: [job, `${accumulate}`] });
        assertEquals(code, 0, err);
        assertEquals(out.trim().split("\n").map((line) => JSON.parse(line)), expected, mpi.name);
      }
    },
  );
}
