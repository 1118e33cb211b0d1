import { formatPlan } from "../../src/inspect/format_plan.ts";
import { planOf, planTraining } from "../../src/inspect/plan.ts";
import { backboneByName } from "../../src/nn/backbones.ts";
import { assert, assertEquals } from "../assert.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";

Deno.test("planOf() plans a configuration that this machine could not allocate", onGpu, async () => {
  const plan = await planOf({ data: "photos", backbone: "resnet18", batch: 512 });
  const { batch, size, step, adapter } = plan;
  assertEquals([batch, size, adapter], [512, 32, (await sharedGpu()).name]);
  const { bytes, total, largest, evaluation, parameters, recomputed } = step!;
  const of = (name: string) => bytes.find(({ category }) => category === name)!.bytes;
  assert(of("activations") > 1e9, `activations ${of("activations")}`);
  assertEquals(bytes.reduce((sum, { bytes }) => sum + bytes, 0), total);
  assertEquals(bytes.map(({ bytes }) => bytes), bytes.map(({ bytes }) => bytes).sort((a, b) => b - a));
  // resnet18 without its classifier and with the stem for small images; projector and predictor, whose
  // last layers have no bias.
  const perceptron = (input: number) => input * 4096 + 4096 + 2 * 4096 + 4096 * 256;
  assertEquals(parameters, 11_168_832 + perceptron(512) + perceptron(256));
  assert(largest.bytes > 0 && evaluation > 0 && recomputed >= 0);
});

Deno.test("planTraining() without a GPU plans for any adapter, and says what is refused", () => {
  const architecture = {
    backbone: backboneByName("resnet8"),
    stem: "cifar",
    hidden: 32,
    projection: 16,
  } as const;
  const options = { architecture, size: 16, optimizer: "sgd" } as const;
  const fitting = planTraining(null, { ...options, batch: 4 }, { evaluated: 8 });
  assertEquals([fitting.adapter, fitting.refusal], [null, null]);
  const large = planTraining(null, { ...options, batch: 2 ** 20 }, { evaluated: 8 });
  assertEquals(large.step, null);
  assert(
    /^Cannot train on this GPU.* The largest batch that fits is \d+\.$/.test(large.refusal!),
    `${large.refusal}`,
  );
});

Deno.test("formatPlan() has a line per category, the step, and the refusal", () => {
  const step = {
    bytes: [{ category: "activations", bytes: 3.25e6 }, { category: "statistics", bytes: 4e4 }],
    total: 3.29e6,
    parameters: 309840,
    dispatches: 190,
    recomputed: 6,
    largest: { name: "backbone.conv1.y", bytes: 2.4e6 },
    evaluation: 14.7e6,
  };
  const plan = {
    ...{ adapter: null, batch: 4, size: 24, precision: "f32" as const, step },
    refusal: "It is too large.",
  };
  assertEquals(formatPlan(plan).split("\n"), [
    "Plan for 4 images of 24 × 24 pixels in two views, on any adapter:",
    "  activations           3.3 MB",
    "  statistics            0.0 MB",
    "  total                 3.3 MB",
    "The online network has 309,840 parameters, a step 190 dispatches.",
    "Of these 6 recompute activations instead of keeping them: see --recompute.",
    "The largest binding is backbone.conv1.y with 2.4 MB. Evaluation, if there are labels, takes 14.7 MB more.",
    "The run would be refused: It is too large.",
  ]);
  assertEquals(
    formatPlan({ ...plan, adapter: "a GPU", step: null, refusal: null }),
    [
      "Plan for 4 images of 24 × 24 pixels in two views, on a GPU:",
    ].join("\n"),
  );
});
