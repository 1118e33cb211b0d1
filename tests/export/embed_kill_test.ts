import { assertEquals } from "../assert.ts";
import { withFolder } from "../data/fixtures.ts";
import { onGpu } from "../gpu/shared.ts";
import { killAndRepeat } from "./embed_kills.ts";

Deno.test(
  "embed gives the same bytes after its process was killed and repeated",
  onGpu,
  () =>
    withFolder({}, async (folder) => {
      const { kills, different } = await killAndRepeat(folder, { kills: 2, seed: 4, images: 400 });
      console.log(`killed after whole rows: ${kills.join(", ")}`);
      assertEquals(different, []);
    }),
);
