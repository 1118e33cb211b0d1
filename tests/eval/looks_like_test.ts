/** What files look like that are not the encoder that was expected. */
import { UserError } from "../../src/base/errors.ts";
import { findEncoder } from "../../src/eval/encoder_tensors.ts";
import { shapesOf } from "../../src/eval/evaluated_encoder.ts";
import { likenessAdvice, looksLike, nearestTo } from "../../src/eval/looks_like.ts";
import { type BackboneName, backbones, type Stem } from "../../src/nn/backbones.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

type Shapes = Map<string, { shape: number[] }>;

function shapes(backbone: BackboneName, stem: Stem, prefix = ""): Shapes {
  const expected = shapesOf({ config: backbones[backbone], stem });
  return new Map([...expected].map(([name, shape]) => [prefix + name, { shape }]));
}

Deno.test("looksLike() tells every backbone and stem apart", () => {
  for (const backbone of Object.keys(backbones) as BackboneName[]) {
    for (const stem of ["cifar", "imagenet"] as const) {
      assertEquals(looksLike(shapes(backbone, stem)), { backbone, stem, prefix: "" });
    }
  }
});

Deno.test("looksLike() sees a network below a prefix and beside heads, and nothing in a part of one", () => {
  const found = shapes("resnet18", "imagenet", "module.backbone.");
  found.set("module.backbone.fc.weight", { shape: [10, 512] }).set("module.head.weight", { shape: [2, 512] });
  assertEquals(looksLike(found), { backbone: "resnet18", stem: "imagenet", prefix: "module.backbone." });
  found.delete("module.backbone.layer3.1.bn2.bias");
  assertEquals(looksLike(found), null);
  assertEquals(nearestTo(found), { backbone: "resnet18", stem: "imagenet", prefix: "module.backbone." });
  assert(/It comes closest to resnet18 with the imagenet stem\. /.test(likenessAdvice(found)));
  const reshaped = shapes("resnet50", "cifar");
  reshaped.set("layer4.2.conv3.weight", { shape: [2048, 512, 3, 3] });
  assertEquals(looksLike(reshaped), null);
  const more = shapes("resnet8", "cifar");
  more.set("layer3.1.conv1.weight", { shape: [64, 64, 3, 3] });
  assertEquals(looksLike(more), null);
});

Deno.test("nearestTo() finds the network of which tensors are missing or reshaped, and none in another", () => {
  for (const backbone of ["resnet50", "wide_resnet50_2", "convnext_tiny"] as const) {
    const found = shapes(backbone, "imagenet", "net.");
    for (const name of [...found.keys()].filter((_, i) => i % 7 === 0)) found.delete(name);
    found.set("net.layer4.9.conv1.weight", { shape: [1] });
    assertEquals(nearestTo(found), { backbone, stem: "imagenet", prefix: "net." });
  }
  const half = shapes("resnet18", "cifar");
  for (const name of [...half.keys()].filter((_, i) => i % 2 === 1)) half.delete(name);
  assertEquals(nearestTo(half), null);
  assertEquals(nearestTo(new Map([["a", { shape: [1] }]])), null);
});

const grouped = shapes("resnet50", "imagenet");
for (const [name, { shape }] of grouped) {
  if (/conv[12]\.weight/.test(name) && name.startsWith("layer")) {
    grouped.set(name, {
      shape: name.includes("conv1") ? [2 * shape[0], ...shape.slice(1)] : [2 * shape[0], 4, 3, 3],
    });
  }
}

const foreign: [names: string[] | Shapes, what: RegExp][] = [
  [["cls_token", "blocks.0.attn.qkv.weight"], /looks like a vision transformer, expected one of resnet8, /],
  [["vit.encoder.layer.0.attention.attention.query.weight"], /a vision transformer/],
  [
    ["layers.0.blocks.0.attn.qkv.weight", "layers.0.blocks.0.attn.relative_position_bias_table"],
    /a Swin transformer/,
  ],
  [["conv_stem.weight", "blocks.1.0.conv_pw.weight"], /a MobileNet or EfficientNet/],
  [["features.1.0.block.0.0.weight"], /a MobileNet or EfficientNet/],
  [["features.denseblock1.denselayer1.conv1.weight", "features.conv0.weight"], /a DenseNet/],
  [["features.0.weight", "classifier.0.weight"], /a VGG or AlexNet/],
  [["resnet.embedder.embedder.convolution.weight"], /Hugging Face's transformers/],
  [["conv1.weight", "layer1.0.conv1.weight", "layer1.0.se.fc1.weight"], /squeeze and excitation/],
  [["conv1.0.weight", "conv1.3.weight", "layer1.0.conv1.weight"], /a deep stem \(ResNet-D\)/],
  [["model.embed_tokens.weight"], /a language model/],
  [grouped, /grouped convolutions \(ResNeXt\)/],
  [["a", "b"], /Its tensors fit none of resnet8, .*as its config\.json has them\.$/],
  [
    shapes("resnet34", "cifar"),
    /It has .* of resnet34 with the cifar stem\. Give --backbone resnet34 --stem cifar\.$/,
  ],
];

for (const [found, what] of foreign) {
  const tensors: Shapes = Array.isArray(found) ? new Map(found.map((name) => [name, { shape: [1] }])) : found;
  Deno.test(`likenessAdvice() answers ${what.source.slice(0, 60)}`, () => {
    const advice = likenessAdvice(tensors);
    assert(what.test(advice), advice);
  });
}

Deno.test("findEncoder() names five differences of each kind, their number, and the backbone that fits", async () => {
  const found = new Map(
    [...shapes("resnet34", "imagenet", "encoder.")].map(([name, { shape }]) => [name, {
      shape,
      data: new Float32Array(),
    }]),
  );
  await assertThrows(
    () =>
      findEncoder("x.safetensors", {
        found,
        expected: shapesOf({ config: backbones.resnet18, stem: "imagenet" }),
      }),
    UserError,
    /"x\.safetensors": of this model's 100 tensors 80 unexpected \(([\w.]+, ){5}…\)\. It has .* of resnet34 with the imagenet stem\. Give --backbone resnet34/,
  );
  await assertThrows(
    () => findEncoder("x", { found, expected: shapesOf({ config: backbones.resnet50, stem: "imagenet" }) }),
    UserError,
    /tensors \d+ of another shape \((\S+ is \[[\d, ]+\] instead of \[[\d, ]+\], ){5}…\), \d+ missing \(([\w.]+, ){5}…\)/,
  );
});
