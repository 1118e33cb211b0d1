/** Evaluations that are refused. */
import { join } from "node:path";
import { UserError } from "../../src/base/errors.ts";
import { readSafetensors, writeSafetensors } from "../../src/io/safetensors.ts";
import type { EvaluateOptions } from "../../src/eval/types.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { openIndexed } from "../data/fixtures.ts";
import { onGpu } from "../gpu/shared.ts";
import { evaluated, folder, knnOfRun, run } from "./shared_run.ts";

const refused: [string, () => EvaluateOptions | Promise<EvaluateOptions>, RegExp][] = [
  ["no encoder", () => ({}), /without an encoder\. Add --run/],
  ["a folder without a run", () => ({ run: folder }), /run in ".*": its config\.json cannot be used/],
  [
    "an encoder without data",
    () => ({ encoder: join(run, "encoder.safetensors") }),
    /without --train: .*--run DIR/,
  ],
  ["training data alone", () => ({ run, train: "shapes:40" }), /without --test: labeled images/],
  [
    "more neighbors than there are",
    () => ({ run, k: [5, 121] }),
    /121 neighbors: there are 120 .* Lower --k/,
  ],
  ["a value out of range", () => ({ run, labels: 0 }), /"labels = 0": it must be a number above 0/],
  [
    "a switch that is no boolean",
    () => ({ run, baselines: "no" as never }),
    /"baselines = no": it must be true or false/,
  ],
  [
    "an unknown option",
    () => ({ run, nieghbors: 3 } as never),
    /option "nieghbors": it is none of run, encoder/,
  ],
  ["two means", () => ({ run, mean: [0.5, 0.5] }), /"mean = 0\.5,0\.5": it must be 3 numbers/],
  [
    "a mean of 0 … 255",
    () => ({ run, mean: [123.675, 116.28, 103.53] }),
    /"mean = .*": it must be 3 numbers from 0 to 1/,
  ],
  [
    "a deviation of 0",
    () => ({ run, std: [0.2, 0, 0.2] }),
    /"std = .*": it must be 3 numbers above 0 and at most 1/,
  ],
  [
    "a file whose deviations are of 0 … 255",
    async () => ({ run, encoder: await rewritten({ metadata: { std: "[58.4, 57.1, 57.4]" } }) }),
    /its metadata say std = \[58\.4, 57\.1, 57\.4\], expected 3 numbers above 0 and at most 1.* Give --std\./,
  ],
  [
    "a file with a mean that is none",
    async () => ({ run, encoder: await rewritten({ metadata: { mean: "grey" } }) }),
    /its metadata say mean = grey, expected 3 numbers from 0 to 1/,
  ],
  [
    "weights that are not numbers",
    async () => ({ run, encoder: await rewritten({ tensor: "layer1.0.conv1.weight", value: NaN }) }),
    /the tensor layer1\.0\.conv1\.weight has the value NaN, expected finite numbers\./,
  ],
  [
    "infinite weights",
    async () => ({ run, encoder: await rewritten({ tensor: "bn1.bias", value: -Infinity }) }),
    /the tensor bn1\.bias has the value -Infinity/,
  ],
  [
    "negative variances",
    async () => ({ run, encoder: await rewritten({ tensor: "layer2.0.bn1.running_var", value: -1e-9 }) }),
    /the tensor layer2\.0\.bn1\.running_var has the value -1e-9|the tensor layer2\.0\.bn1\.running_var has the value -9\.9\d*e-10/,
  ],
  [
    "other classes",
    async () => ({ run, test: await images(["cat", "dog"]) }),
    /its classes must be .* found cat, dog/,
  ],
  [
    "one class",
    async () => ({ run, train: await images(["cat", ""]), test: "shapes:8" }),
    /only one class, cat\. Name data with at least two/,
  ],
  [
    "images without labels",
    async () => ({ run, train: await images([""]), test: await images([""]) }),
    /none of its 4 images has a label\. Put the images of each class in a folder/,
  ],
  [
    "data that has changed since the run",
    () => ({ run: withOtherData() }),
    /held out: "shapes" has changed since it was trained/,
  ],
  [
    "data that has changed since the run, for an encoder from elsewhere",
    () => ({ run: withOtherData(), encoder: join(run, "encoder.safetensors") }),
    /held out: "shapes" has changed since it was trained/,
  ],
];

/** A copy of the run's encoder with other metadata, or with a tensor whose last value is another. */
async function rewritten(
  { metadata, tensor, value }: { metadata?: Record<string, string>; tensor?: string; value?: number },
): Promise<string> {
  const encoder = await readSafetensors(join(run, "encoder.safetensors"));
  encoder.tensors.get(tensor ?? "")?.data.fill(value!, -1);
  const path = join(await Deno.makeTempDir({ dir: folder }), "encoder.safetensors");
  await writeSafetensors(path, { tensors: encoder.tensors, metadata: { ...encoder.metadata, ...metadata } });
  return path;
}

/** A copy of the run whose data have changed. */
function withOtherData(): string {
  const copy = Deno.makeTempDirSync({ dir: folder });
  for (const name of ["encoder.safetensors", "recipe.json"]) {
    Deno.copyFileSync(join(run, name), join(copy, name));
  }
  const config = JSON.parse(Deno.readTextFileSync(join(run, "config.json")));
  Deno.writeTextFileSync(join(copy, "config.json"), JSON.stringify({ ...config, data: "shapes:200" }));
  return copy;
}

/** A folder with a few images of each class. */
async function images(classes: string[]): Promise<string> {
  const source = await openIndexed("shapes:8"), data = await Deno.makeTempDir({ dir: folder });
  for (const name of classes) {
    await Deno.mkdir(join(data, name), { recursive: true });
    for (let i = 0; i < 4; i++) {
      await Deno.writeFile(join(data, name, `${i}.jpg`), (await source.read(i)).bytes);
    }
  }
  return data;
}

for (const [what, given, message] of refused) {
  Deno.test(`evaluate() refuses ${what}, and writes nothing`, onGpu, async () => {
    const out = join(folder, "refused");
    await knnOfRun();
    await assertThrows(async () => await evaluated({ out, ...await given() }), UserError, message);
    assertEquals(await Deno.stat(out).catch(() => null), null);
  });
}
