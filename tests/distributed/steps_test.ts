/** Steps that processes take together through MPI are those of one process, to the bit. */
import { assertEquals } from "../assert.ts";
import { digestsOf, trainTiny } from "../byol/steps_of_ranks.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";
import { worldOfOne } from "../../src/distributed/world.ts";
import { installed, launch } from "./launch.ts";

const job = new URL("steps_job.ts", import.meta.url).pathname;
/** Batches of a step: 3 ranks take 4 each, 4 ranks 3. */
const ACCUMULATE = 12;

Deno.test(
  `3 and 4 ranks take ${ACCUMULATE} batches a step as one process does, SGD and LARS, by each MPI`,
  { ...onGpu, ignore: installed.length === 0 },
  async () => {
    const gpu = await sharedGpu(), expected: unknown[] = [];
    for (const optimizer of ["sgd", "lars"] as const) {
      const alone = await trainTiny({ gpu, world: worldOfOne, optimizer, accumulate: ACCUMULATE });
      expected.push({ optimizer, alike: 1, digests: await digestsOf(alone) });
    }
    for (const mpi of installed) {
      for (const ranks of [3, 4]) {
        const { code, out, err } = await launch(mpi, { ranks, args: [job, `${ACCUMULATE}`] });
        assertEquals(code, 0, err);
        const found = out.trim().split("\n").map((line) => JSON.parse(line));
        assertEquals(found, expected, `${mpi.name}, ${ranks} ranks`);
      }
    }
  },
);
