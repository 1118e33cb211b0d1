/** A whole run that collapses. */
import { join } from "node:path";
import { CollapseError } from "../../src/base/errors.ts";
import { pretrain } from "../../src/run/pretrain.ts";
import { resume } from "../../src/run/resume.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { onGpu } from "../gpu/shared.ts";
import { checkpointNames, inFolder, quiet, tiny } from "./tiny_runs.ts";

Deno.test(
  "pretrain() without predictor collapses: it warns, or stops with stopOnCollapse",
  onGpu,
  async () => {
    await inFolder(async (out) => {
      const given = {
        ...tiny,
        size: 16,
        holdout: 0,
        predictor: false,
        steps: 104,
        checkpointEvery: 200,
        logEvery: 50,
        out,
      };
      const lines: string[] = [];
      await assertThrows(
        () => pretrain({ ...given, stopOnCollapse: true, log: (line) => lines.push(line) }),
        CollapseError,
        /^Training stopped at step (50|100): the run has collapsed: at step \d+ z_std is /,
      );
      assert(
        lines.some((line) => /^Warning: the run has collapsed: at step \d+ z_std is/.test(line)),
        lines.join("\n"),
      );
      // Resumed as it is, it stops at once and leaves its checkpoints.
      const kept = checkpointNames(out);
      await assertThrows(() => resume(out, quiet), CollapseError, /the run has collapsed/);
      assertEquals(checkpointNames(out), kept);
      const { summary, collapse } = await resume(out, { ...quiet, stopOnCollapse: false });
      assert(summary?.collapse && summary.collapse.step <= 100, JSON.stringify(summary));
      assertEquals(collapse, summary.collapse);
      assertEquals(JSON.parse(await Deno.readTextFile(join(out, "summary.json"))).collapse, collapse);
    });
  },
);
