/**
 * Memory and event loop of two ranks over a long run: `deno task test:mpi:long [STEPS]`, by default 2,000 steps of a tiny
 * network. Takes some minutes.
 */
import { assertEquals } from "../assert.ts";
import { installed, launch } from "./launch.ts";
import type { Found, Hold } from "./long_job.ts";

const STEPS = Number(Deno.args[0] ?? 2000), job = new URL("long_job.ts", import.meta.url).pathname;
const folder = await Deno.makeTempDir({ prefix: "mpi-long-" });
const text = (ms: number) => `${ms.toFixed(0)} ms`;
const holdText = ({ ms, gpu, waiting, own, threads, step }: Hold) =>
  `${text(ms)} after step ${step}: GPU ${text(gpu)}, no core ${text(waiting)}, own work ${text(own)}, ` +
  `other threads ${text(threads)}`;

for (const mpi of installed) {
  const begin = performance.now();
  const { code, out, err } = await launch(mpi, {
    ranks: 2,
    args: [job, `${STEPS}`, `${folder}/${mpi.name}`],
    env: { BYOL_CACHE: folder },
  });
  assertEquals(code, 0, err);
  console.log(`${mpi.name}, 2 ranks, ${STEPS} steps of about ${text((performance.now() - begin) / STEPS)}`);
  (JSON.parse(out) as Found[]).forEach(({ memory, longest, unexplained, dispatch }, rank) => {
    const marks = Object.entries(memory).map(([step, bytes]) =>
      `${(bytes / 1e6).toFixed(0)} MB after ${step}`
    );
    console.log(`  rank ${rank}: ${marks.join(", ")}`);
    console.log(`    longest dispatch of a step ${text(dispatch)}`);
    console.log(`    longest hold of the event loop ${holdText(longest)}`);
    console.log(`    most own work and waiting for threads ${holdText(unexplained)}`);
  });
}
await Deno.remove(folder, { recursive: true });
