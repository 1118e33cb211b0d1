/** Runs that stretch the contrast of their images. */
import { join } from "node:path";
import { UserError } from "../../src/base/errors.ts";
import { evaluate } from "../../src/eval/protocol.ts";
import { readSafetensors } from "../../src/io/safetensors.ts";
import { pretrain } from "../../src/run/pretrain.ts";
import { resume } from "../../src/run/resume.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { golden } from "../data/golden.ts";
import { onGpu } from "../gpu/shared.ts";
import { inFolder, tiny } from "./tiny_runs.ts";

const { data: _data, limit: _limit, ...small } = tiny;
const WARNING = /^Warning about .*: its 16-bit samples are all below 4096/;

Deno.test("pretrain() keeps the stretch in its files, and evaluate() applies it", onGpu, async () => {
  await inFolder(async (folder) => {
    const data = join(folder, "images"), { file } = golden("png gray 16 bits, stretched");
    for (let i = 0; i < 24; i++) {
      await Deno.mkdir(join(data, `${i % 2}`), { recursive: true });
      await Deno.writeFile(join(data, `${i % 2}`, `${i}.png`), file);
    }
    const lines: string[] = [], log = (line: string) => void lines.push(line);
    const warnings = () => lines.splice(0).filter((line) => WARNING.test(line)).length;
    const common = {
      ...small,
      data,
      size: 8,
      batch: 8,
      holdout: 8,
      steps: 2,
      kernels: "default",
      cache: "disk",
      log,
    } as const;

    const out = join(folder, "stretched");
    await pretrain({ ...common, out, stretch: "percentile" });
    assertEquals(warnings(), 0);
    const json = async (name: string) => JSON.parse(await Deno.readTextFile(join(out, name)));
    assertEquals([(await json("recipe.json")).stretch, (await json("config.json")).stretch], [
      "percentile",
      "percentile",
    ]);
    assert(/ percentile$/.test((await json("decoded_images.bin.json")).identity));
    const { metadata } = await readSafetensors(join(out, "encoder.safetensors"));
    assertEquals(metadata.stretch, "percentile");
    await assertThrows(() => resume(out, { stretch: "none", log }), UserError, /stretch/);
    await resume(out, { stretch: "percentile", recipe: "cifar", log }); // the same: the run has ended

    lines.length = 0;
    await evaluate({ run: out, kernels: "default", probeViews: "none", log });
    assertEquals(warnings(), 0);
    await evaluate({ run: out, stretch: "none", kernels: "default", probeViews: "none", log });
    assertEquals(warnings(), 1);

    const plain = join(folder, "plain");
    await pretrain({ ...common, out: plain });
    assertEquals(warnings(), 1);
    assertEquals("stretch" in JSON.parse(await Deno.readTextFile(join(plain, "recipe.json"))), false);
  });
});
