/** A run on images without labels: it holds some out and judges itself on them. */
import { join } from "node:path";
import type { EvaluationRecord } from "../../src/config/callbacks.ts";
import { pretrain } from "../../src/run/pretrain.ts";
import { assert, assertEquals } from "../assert.ts";
import { openIndexed } from "../data/fixtures.ts";
import { onGpu } from "../gpu/shared.ts";
import { inFolder, tiny } from "./tiny_runs.ts";

Deno.test("pretrain() evaluates on held-out images of an unlabeled folder, by default", onGpu, async () => {
  await inFolder(async (folder) => {
    const data = join(folder, "images"), source = await openIndexed("shapes:220");
    await Deno.mkdir(data);
    for await (const { index, bytes } of source) await Deno.writeFile(join(data, `${index}.jpg`), bytes);
    const { limit: _, holdout: __, ...options } = tiny;
    const records: EvaluationRecord[] = [], lines: string[] = [];
    await pretrain({
      ...{ ...options, data, steps: 24, kernels: "default", out: join(folder, "run") },
      log: (line) => lines.push(line),
      onEvaluation: (record) => records.push(record),
    });
    assert(/198 train, 22 held out/.test(lines[0]), lines[0]);
    // Twelve steps in an epoch; two epochs are too few for 20 evaluations.
    assertEquals(records.map(({ step }) => step), [12, 24]);
    for (const { knn, probe, rankme, zStd, neighborStability } of records) {
      assertEquals([knn, probe], [null, null]);
      assert(rankme > 1 && rankme <= 22 && zStd > 0 && neighborStability! > 0.1, JSON.stringify(records));
    }
    assertEquals(records.map(({ verdict }) => verdict !== null), [false, true]);
    const said = lines.filter((line) => line.startsWith("Step "))[1];
    assert(/^Step 24 \| effective rank .* \| [\d.]+ % of the neighbors stayed \| [a-z]+/.test(said), said);
  });
});
