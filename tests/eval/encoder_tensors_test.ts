/** Where in a file an encoder is found. */
import { join } from "node:path";
import { UserError } from "../../src/base/errors.ts";
import { findEncoder } from "../../src/eval/encoder_tensors.ts";
import { openEncoder } from "../../src/eval/open_encoder.ts";
import { saveCheckpoint } from "../../src/io/checkpoint.ts";
import { writeSafetensors } from "../../src/io/safetensors.ts";
import { recipes } from "../../data/views/recipe.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { temporaryFolder } from "../io/temporary_folder.ts";
import { shapesOf } from "../../src/eval/evaluated_encoder.ts";
import { backboneConfigOf } from "../../src/config/backbone.ts";

const expected = shapesOf({ config: backboneConfigOf("resnet8"), stem: "cifar" });

/** Tensors of an encoder, each filled with `value`, named `prefix` + torchvision's name. */
function network(prefix: string, value: number): [string, { shape: number[]; data: Float32Array }][] {
  return [...expected].map(([name, shape]) => [
    prefix + name,
    { shape: [...shape], data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value) },
  ]);
}

const one = { shape: [1], data: Float32Array.of(1) };
const find = (tensors: Iterable<readonly [string, { shape: number[]; data: Float32Array }]>) =>
  findEncoder("file", { found: new Map(tensors), expected });

const prefixes = [
  "",
  "backbone.",
  "module.",
  "encoder.",
  "online.backbone.",
  "module.backbone.",
  "model.online_encoder.net.",
];
for (const prefix of prefixes) {
  Deno.test(`findEncoder() finds an encoder below "${prefix}", beside heads`, () => {
    const heads = ["fc.weight", "projector.0.weight"].map((name) => [prefix + name, one] as const);
    const { tensors, ...where } = find([...heads, ...network(prefix, 2)]);
    assertEquals(where, { prefix, others: 2 });
    assertEquals([...tensors.keys()], [...expected.keys()]);
    assert(tensors.values().every(({ data }) => data.every((value) => value === 2)));
  });
}

Deno.test("findEncoder() takes the network that was trained, not the one that follows it", () => {
  const pairs = [
    ["online.backbone.", "target.backbone."],
    ["backbone.", "backbone_momentum."],
    ["module.encoder_q.", "module.encoder_k."],
    ["student.", "teacher."],
  ];
  for (const [trained, follower] of pairs) {
    for (
      const both of [[...network(trained, 1), ...network(follower, 3)], [
        ...network(follower, 3),
        ...network(trained, 1),
      ]]
    ) {
      const { prefix, tensors } = find(both);
      assertEquals([prefix, tensors.get("conv1.weight")!.data[0]], [trained, 1]);
    }
  }
  assertEquals(find(network("target.backbone.", 3)).prefix, "target.backbone.");
});

Deno.test("findEncoder() refuses several encoders, and names what one lacks", async () => {
  await assertThrows(
    () => find([...network("left.", 1), ...network("right.", 1)]),
    UserError,
    /"file": it has several encoders, left\., right\./,
  );
  const [, ...others] = network("backbone.", 1), [first] = network("backbone.", 1);
  const without = [...others.filter(([name]) => !name.includes("layer3.0.bn2")), first];
  await assertThrows(() => find(without), UserError, /4 missing \(layer3\.0\.bn2\.weight, /);
  const more = [...network("backbone.", 1), ["backbone.layer4.0.conv1.weight", one] as const];
  await assertThrows(() => find(more), UserError, /1 unexpected \(layer4\.0\.conv1\.weight\)/);
  await assertThrows(() => find([["a", one]]), UserError, /45 missing \(conv1\.weight, /);
});

Deno.test("openEncoder() opens a checkpoint by its own metadata, and a file without any by its shapes", async () => {
  await using folder = await temporaryFolder();
  const recipe = { ...recipes.cifar, mean: [.1, .2, .3], std: [.4, .5, .6] };
  const tensors = new Map([...network("online.backbone.", 1), ...network("target.backbone.", 3), [
    "online.projector.0.weight",
    one,
  ]]);
  const metadata = { config: { backbone: "resnet8", stem: "cifar", size: 24 }, recipe };
  const path = await saveCheckpoint(folder.path, { step: 6, tensors: tensors as never, metadata }, {
    keep: 1,
  });
  const { backbone, stem, size, mean, std, prefix } = await openEncoder({ encoder: path }, null);
  assertEquals({ backbone, stem, size, mean, std, prefix }, {
    backbone: "resnet8",
    stem: "cifar",
    size: 24,
    mean: [.1, .2, .3],
    std: [.4, .5, .6],
    prefix: "online.backbone.",
  });
  assertEquals((await openEncoder({ encoder: path, size: 32 }, null)).size, 32);

  const foreign = join(folder.path, "foreign.safetensors");
  await writeSafetensors(foreign, { tensors: network("module.", 1) });
  const given = { encoder: foreign, size: 32 } as const, guessed = await openEncoder(given, null);
  assertEquals([guessed.backbone, guessed.stem], ["resnet8", "cifar"]);
  await assertThrows(
    () => openEncoder({ ...given, backbone: "resnet18" }, null),
    UserError,
    /Give --backbone resnet8 --stem cifar\.$/,
  );
  const part = join(folder.path, "part.safetensors");
  await writeSafetensors(part, { tensors: [...network("module.", 1)].slice(1) });
  await assertThrows(
    () => openEncoder({ encoder: part }, null),
    UserError,
    /of this model's 45 tensors 1 missing \(conv1\.weight\)\. It comes closest to resnet8/,
  );
  assertEquals((await openEncoder(given, null)).prefix, "module.");
});

Deno.test("openEncoder() refuses metadata that cannot be right, unless options replace them", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "encoder.safetensors");
  const right = { backbone: "resnet8", stem: "cifar", size: "32", stretch: "percentile", mean: "[0,.5,1]" };
  const wrong = { stem: "vit", size: "7", stretch: "much", mean: "[123.7,116.3,103.5]", std: "[0,0,0]" };
  const instead = { stem: "cifar", size: 16, stretch: "none", mean: [.5, .5, .5], std: [1, 1, 1] } as const;
  const tensors = network("", 1);
  await writeSafetensors(path, { tensors, metadata: right });
  const { size, stretch, mean } = await openEncoder({ encoder: path }, null);
  assertEquals({ size, stretch, mean }, { size: 32, stretch: "percentile", mean: [0, .5, 1] });
  for (const [name, value] of Object.entries(wrong)) {
    await writeSafetensors(path, { tensors, metadata: { ...right, [name]: value } });
    await assertThrows(
      () => openEncoder({ encoder: path }, null),
      UserError,
      new RegExp(`its metadata say ${name} = .*Give --${name}\\.$`),
    );
    await openEncoder({ encoder: path, [name]: instead[name as keyof typeof instead] }, null);
  }
});
