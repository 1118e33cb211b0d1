/**
 * Times whole training steps, of several configurations in one process:
 *
 *     deno run -A bench/gpu/walls.ts '{"steps":[{"key":"mixed","args":["--precision","mixed"]}],"to":"walls.jsonl"}'
 *
 * A line for each is appended to the file `to` as soon as it is known.
 *
 * @module
 */
import { parseTrainOptions } from "../../src/cli/train_options.ts";
import { optionsWithRecipe } from "../../src/config/load_recipe.ts";
import { pinnedChooser } from "../../src/config/kernel_pin.ts";
import { type Gpu, openGpu } from "../../src/gpu/device.ts";
import { wallOfStep } from "../../src/inspect/profile.ts";
import { trainerOptions } from "../../src/run/setup.ts";

/** What is to be measured. */
export interface WallsRequest {
  /** Names, and options of train.ts. */
  steps: { key: string; args: string[] }[];
  /** No step begins after this time, by Date.now(). */
  end: number;
  to: string;
}

/** A step that was measured, or why it was not. */
export type WallResult =
  & { key: string }
  & ({ batch: number; wall: number; bytes: number } | { error: string });

async function measure(gpu: Gpu, args: string[]): Promise<{ batch: number; wall: number; bytes: number }> {
  const parsed = parseTrainOptions(args);
  if ("help" in parsed) throw new TypeError("Expected options of a run, not --help");
  const { options, recipe } = await optionsWithRecipe(parsed.given);
  const training = { ...trainerOptions(options, recipe), chooser: pinnedChooser(options, gpu) };
  return { batch: options.batch, ...await wallOfStep(gpu, training) };
}

if (import.meta.main) {
  const { steps, end, to }: WallsRequest = JSON.parse(Deno.args[0]);
  using gpu = await openGpu();
  for (const { key, args } of steps) {
    if (Date.now() > end) break;
    const result: WallResult = await measure(gpu, args).then(
      (found) => ({ key, ...found }),
      // One that does not fit, or an adapter without float16, leaves the others.
      (error) => ({ key, error: (error as Error).message }),
    );
    Deno.writeTextFileSync(to, `${JSON.stringify(result)}\n`, { append: true });
  }
}
