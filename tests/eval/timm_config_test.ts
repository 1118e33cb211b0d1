/** How images are prepared for weights that other programs wrote: timm's config.json, and defaults that are told. */
import { join } from "node:path";
import { UserError } from "../../src/base/errors.ts";
import { openEncoder } from "../../src/eval/open_encoder.ts";
import { timmConfigBeside } from "../../src/eval/timm_config.ts";
import type { EncoderOptions } from "../../src/eval/types.ts";
import { writeSafetensors } from "../../src/io/safetensors.ts";
import { backbones, type Stem } from "../../src/nn/backbones.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { drawnTensors } from "../export/drawn_encoder.ts";
import { temporaryFolder } from "../io/temporary_folder.ts";

const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const half = { mean: [0.5, 0.4, 0.3], std: [0.5, 0.6, 0.7] };

/** Opens foreign resnet8 weights beside `config`; returns how images are prepared, and what was told. */
async function opened(
  { config, stem = "cifar", ...given }: { config?: unknown; stem?: Stem } & EncoderOptions,
) {
  await using folder = await temporaryFolder();
  const encoder = join(folder.path, "w.safetensors"), lines: string[] = [];
  await writeSafetensors(encoder, { tensors: drawnTensors({ config: backbones.resnet8, stem }, 3) });
  if (config) await Deno.writeTextFile(join(folder.path, "config.json"), JSON.stringify(config));
  const log = (line: string) => void lines.push(line.replace(encoder, "W"));
  const { size, mean, std } = await openEncoder({ ...given, encoder, log }, null);
  return { size, mean, std, lines };
}

const unsaid = "W does not say how images are prepared; assumed:";

Deno.test("openEncoder() takes 224 px, with the stem for small images 32 px, and says so", async () => {
  const assumed = "mean 0.485, 0.456, 0.406, deviation 0.229, 0.224, 0.225 (ImageNet's)";
  assertEquals(await opened({}), { size: 32, ...imagenet, lines: [`${unsaid} 32 px, ${assumed}`] });
  const large = await opened({ stem: "imagenet" });
  assertEquals(large, { size: 224, ...imagenet, lines: [`${unsaid} 224 px, ${assumed}`] });
  const given = await opened({ stem: "imagenet", size: 64, ...half });
  assertEquals(given, { size: 64, ...half, lines: ["W is usually used on images of 224 px, here on 64 px"] });
});

Deno.test("openEncoder() prepares images as timm's config.json beside the file says", async () => {
  const fields = { ...half, input_size: [3, 160, 160] };
  const line =
    "Images are prepared as timm's config.json beside W says: 160 px, mean 0.5, 0.4, 0.3, deviation 0.5, 0.6, 0.7";
  for (const config of [{ pretrained_cfg: fields }, fields]) { // today's and older files
    const found = await opened({ config: { architecture: "resnet26", ...config } });
    assertEquals(found, { size: 160, ...half, lines: [line] });
  }
  const part = await opened({ config: { architecture: "resnet8", mean: half.mean }, size: 32 });
  assertEquals([part.mean, part.std], [half.mean, imagenet.std]);
  assertEquals(part.lines, [
    "Images are prepared as timm's config.json beside W says: mean 0.5, 0.4, 0.3",
    `${unsaid} deviation 0.229, 0.224, 0.225 (ImageNet's)`,
  ]);
  // Of transformers, of a run, and what is no object.
  for (const config of [{ architectures: ["ResNet"], mean: half.mean }, { backbone: "resnet18" }, [1]]) {
    assertEquals((await opened({ config })).mean, imagenet.mean);
  }
});

Deno.test("openEncoder() refuses timm's variants by name, and a config.json of other weights", async () => {
  const refusedAs = (config: unknown, message: RegExp) =>
    assertThrows(() => opened({ config }), UserError, message);
  const variants = {
    resnetblur50: "blurs before each stride",
    resnetaa50: "averages before each stride",
    seresnet50: "attention over channels",
    ecaresnet50d: "attention over channels",
    resnext50_32x4d: "convolutions are grouped",
    ig_resnext101_32x8d: "convolutions are grouped",
    resnet50_gn: "group normalization",
    resnet50d: "stem is deep, and its shortcuts average",
    gluon_resnet50_v1c: "stem is deep",
    resnetv2_50: "normalizes before each convolution",
    vit_base_patch16_224: "none of this project's backbones",
  };
  for (const [architecture, what] of Object.entries(variants)) {
    await refusedAs(
      { architecture },
      new RegExp(`timm's "${architecture}".* ${what}.*Use weights of resnet8, `),
    );
  }
  await refusedAs(
    { architecture: "tv_resnet50" },
    /tensors are of resnet8, and ".*config\.json" is of resnet50/,
  );
  await refusedAs(
    { architecture: "resnet26", mean: [120, 110, 100] },
    /says mean = \[120,110,100\], expected 3 numbers/,
  );
  await refusedAs({ architecture: "resnet26", std: [0, 1, 1] }, /says std = \[0,1,1\]/);
});

Deno.test("timmConfigBeside() says that a config.json is no JSON, and leaves other programs' alone", async () => {
  await using folder = await temporaryFolder();
  const beside = async (text: string) => {
    await Deno.writeTextFile(join(folder.path, "config.json"), text);
    return await timmConfigBeside(join(folder.path, "w.pth"));
  };
  await assertThrows(
    () => beside('{"architecture": '),
    UserError,
    /Cannot read ".*config\.json" beside the weights: /,
  );
  for (const text of ["[]", "{}", '{"architectures": ["ResNetModel"]}']) {
    assertEquals(await beside(text), null);
  }
});

Deno.test("timmConfigBeside() knows plain ResNets under timm's names of all ages", async () => {
  await using folder = await temporaryFolder();
  const plain = [
    "resnet18",
    "tv_resnet34",
    "gluon_resnet50_v1b",
    "ssl_resnet50",
    "wide_resnet101_2",
    "resnet152.a1_in1k",
  ];
  for (const architecture of plain) {
    await Deno.writeTextFile(join(folder.path, "config.json"), JSON.stringify({ architecture }));
    const found = await timmConfigBeside(join(folder.path, "w.pth"));
    assert(found?.architecture === architecture && found.size === undefined);
  }
});
