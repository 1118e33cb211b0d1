/**
 * Compares what TensorBoard's own readers find in a run that was stopped and went on with metrics.jsonl and
 * evaluations.jsonl: `deno task test:tensorboard [PYTHON]`, a Python with the package tensorboard.
 */
import { join } from "node:path";
import { pretrain } from "../../src/run/pretrain.ts";
import { resume } from "../../src/run/resume.ts";
import { assertEquals } from "../assert.ts";
import { linesOf } from "../report/run_events.ts";
import { inFolder, quiet, tiny } from "../run/tiny_runs.ts";

const python = Deno.args[0] ?? "python3", script = new URL("read_events.py", import.meta.url).pathname;

interface Found {
  scalars: Record<string, [step: number, value: number][]>;
  texts: Record<string, [step: number, text: string][]>;
  images: Record<string, [step: number, width: number, height: number][]>;
  embeddings: Record<string, { shape: number[]; read: number[] }>;
}

async function readByTensorBoard(out: string): Promise<Found> {
  const { success, stdout, stderr } = await new Deno.Command(python, { args: [script, out] }).output();
  if (success) return JSON.parse(new TextDecoder().decode(stdout));
  throw new Error(
    `Cannot read events by ${python}:\n${
      new TextDecoder().decode(stderr)
    }Name a Python that has the package tensorboard.`,
  );
}

await inFolder(async (folder) => {
  const out = join(folder, "run"), stop = new AbortController();
  const options = { ...tiny, evalEvery: 1, tensorboard: true, kernels: "default", out, ...quiet } as const;
  await pretrain({ ...options, signal: stop.signal, onStep: ({ step }) => step === 8 && stop.abort() });
  await resume(out, quiet);
  const found = await readByTensorBoard(out),
    expected = await linesOf(out);
  const tags = Object.entries({ ...found.scalars, ...found.texts });
  const values = tags.flatMap(([tag, values]) => values.map(([step, value]) => `${tag} ${step} ${value}`));
  assertEquals(values.sort(), expected);
  const { "views/sheet": sheets, "eval/neighbors": strips } = found.images;
  assertEquals(sheets.length, 1);
  assertEquals(strips.map(([step]) => step), [0, 6, 12, 14]);
  const embedding = { shape: [20, 64], read: [20, 64] };
  assertEquals(found.embeddings, { features: embedding, features_before_training: embedding });
  console.log(
    `TensorBoard reads all ${expected.length} values of ${tags.length} tags, and ${strips.length} strips.`,
  );
});
