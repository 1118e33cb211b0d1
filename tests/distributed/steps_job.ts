/** What a rank does in steps_test.ts; the first argument is the number of batches of a step. Rank 0 prints digests of its state. */
import { openWorld } from "../../src/distributed/open_world.ts";
import { openGpu } from "../../src/gpu/device.ts";
import { digestsOf, trainTiny } from "../byol/steps_of_ranks.ts";

const accumulate = Number(Deno.args[0]), world = await openWorld();
try {
  using gpu = await openGpu();
  for (const optimizer of ["sgd", "lars"] as const) {
    const digests = JSON.stringify(await digestsOf(await trainTiny({ gpu, world, optimizer, accumulate })));
    const alike = new Set(await world.texts("digests", digests)).size;
    if (world.rank === 0) console.log(JSON.stringify({ optimizer, alike, digests: JSON.parse(digests) }));
  }
  await world.end();
} catch (error) {
  console.error(error);
  world.abort(2);
}
Deno.exit(0);
