/**
 * Whole runs on 2, 3 and 4 ranks beside one process, with SGD and LARS, by each MPI: `deno task test:mpi:ranks`. Their files must
 * have the same bytes, evaluations and checkpoints included. Takes two minutes.
 */
import { assertEquals } from "../assert.ts";
import { installed } from "./launch.ts";
import { argumentsOf, assertSameRun, runAlone, runOn } from "./runs.ts";

const folder = await Deno.makeTempDir({ prefix: "mpi-ranks-" });
Deno.env.set("BYOL_CACHE", folder);
for (const optimizer of ["sgd", "lars"] as const) {
  const sizes = { steps: 3, accumulate: 12, optimizer }, expected = `${folder}/alone-${optimizer}`;
  const alone = await runAlone(argumentsOf(expected, sizes));
  assertEquals(alone.code, 0, alone.err);
  for (const mpi of installed) {
    for (const ranks of [2, 3, 4]) {
      const what = `${mpi.name}, ${optimizer}, ${ranks} ranks`, out = `${folder}/${what}`;
      const { code, err } = await runOn(mpi, { ranks, args: argumentsOf(out, sizes) });
      assertEquals(code, 0, err);
      await assertSameRun(out, expected, what);
      console.log(`${what}: the bytes of one process with --accumulate ${sizes.accumulate}`);
    }
  }
}
await Deno.remove(folder, { recursive: true });
