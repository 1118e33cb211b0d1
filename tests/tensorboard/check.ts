/**
 * Compares what TensorBoard's own readers find in a run that was stopped and went on with metrics.jsonl and
 * evaluations.jsonl: `deno task test:tensorboard [PYTHON]`, a Python with the package tensorboard.
 */
import { join } from "node:path";
import { pretrain } from "../../src/run/pretrain.ts";
import { resume } from "../../src/run/resume.ts";
import { assert, assertEquals } from "../assert.ts";
import { inFolder, quiet, tiny } from "../run/tiny_runs.ts";

const python = Deno.args[0] ?? "python3", script = new URL("read_events.py", import.meta.url).pathname;

interface Found {
  scalars: Record<string, [step: number, value: number][]>;
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

/** The numbers of the lines as float32, by tag. */
async function expectedScalars(out: string): Promise<Found["scalars"]> {
  const scalars: Found["scalars"] = {};
  for (const [name, group] of [["metrics", "train"], ["evaluations", "eval"]]) {
    for (const line of (await Deno.readTextFile(join(out, `${name}.jsonl`))).trimEnd().split("\n")) {
      const { step, ...fields } = JSON.parse(line) as Record<string, number | null>;
      for (const [field, value] of Object.entries(fields)) {
        if (value !== null) (scalars[`${group}/${field}`] ??= []).push([step!, Math.fround(value)]);
      }
    }
  }
  return scalars;
}

await inFolder(async (folder) => {
  const out = join(folder, "run"), stop = new AbortController();
  const options = { ...tiny, evalEvery: 1, tensorboard: true, kernels: "default", out, ...quiet } as const;
  await pretrain({ ...options, signal: stop.signal, onStep: ({ step }) => step === 8 && stop.abort() });
  await resume(out, quiet);
  const found = await readByTensorBoard(out), expected = await expectedScalars(out);
  const sorted = (scalars: Found["scalars"]) => Object.entries(scalars).sort(([a], [b]) => a < b ? -1 : 1);
  assertEquals(sorted(found.scalars), sorted(expected));
  const { "views/sheet": sheets, "eval/neighbors": strips } = found.images;
  assertEquals(sheets.length, 1);
  assertEquals(strips.map(([step]) => step), [0, 6, 12, 14]);
  const embedding = { shape: [20, 64], read: [20, 64] };
  assertEquals(found.embeddings, { features: embedding, features_before_training: embedding });
  const values = Object.values(expected).flat().length;
  assert(values > 0);
  console.log(
    `TensorBoard reads all ${values} numbers of ${
      Object.keys(expected).length
    } tags, and ${strips.length} strips.`,
  );
});
