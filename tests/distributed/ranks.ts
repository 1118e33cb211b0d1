/**
 * Whole runs on 2, 3 and 4 ranks beside one process, with SGD, LARS and mixed precision, by each MPI: `deno task test:mpi:ranks`.
 * Their files must have the same bytes, evaluations and checkpoints included. Takes some minutes.
 */
import { assertEquals } from "../assert.ts";
import { installed } from "./launch.ts";
import { argumentsOf, assertSameRun, runAlone, runOn } from "./runs.ts";

const folder = await Deno.makeTempDir({ prefix: "mpi-ranks-" });
Deno.env.set("BYOL_CACHE", folder);
for (const kind of ["sgd", "lars", "mixed"] as const) {
  const optimizer = kind === "lars" ? "lars" : "sgd", precision = kind === "mixed" ? "mixed" : "f32";
  const sizes = { steps: 3, accumulate: 12, optimizer } as const, expected = `${folder}/alone-${kind}`;
  const argumentsFor = (out: string) => [...argumentsOf(out, sizes), "--precision", precision];
  const alone = await runAlone(argumentsFor(expected));
  assertEquals(alone.code, 0, alone.err);
  for (const mpi of installed) {
    for (const ranks of [2, 3, 4]) {
      const what = `${mpi.name}, ${kind}, ${ranks} ranks`, out = `${folder}/${what}`;
      const { code, err } = await runOn(mpi, { ranks, args: argumentsFor(out) });
      assertEquals(code, 0, err);
      await assertSameRun(out, expected, what);
      console.log(`${what}: the bytes of one process with --accumulate ${sizes.accumulate}`);
    }
  }
}
await Deno.remove(folder, { recursive: true });
