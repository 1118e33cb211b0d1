/**
 * What the tensors of a file look like, if they are not those that were expected.
 *
 * @module
 */
import { type BackboneName, backbones, type Stem } from "../nn/backbones.ts";
import { shapesOf } from "./evaluated_encoder.ts";

type Shapes = ReadonlyMap<string, { shape: readonly number[] }>;

/** The parts of a backbone; what else has its prefix is a head on top of it. */
export const NETWORK_PART = /^((conv|bn|layer)\d*|features|classifier\.0)\./;

/** A built-in backbone whose names and shapes a file has. */
export interface Likeness {
  backbone: BackboneName;
  stem: Stem;
  /** What precedes torchvision's names, such as `backbone.`; empty if nothing does. */
  prefix: string;
}

/** The built-in backbone with the names and shapes of `found`, below a common prefix and beside heads; null if none has. */
export function looksLike(found: Shapes): Likeness | null {
  for (const backbone of Object.keys(backbones) as BackboneName[]) {
    for (const stem of ["imagenet", "cifar"] as const) {
      const expected = shapesOf({ config: backbones[backbone], stem }), [first] = expected.keys();
      const names = [...found.keys()].filter((name) => name === first || name.endsWith(`.${first}`));
      const prefix = names.map((name) => name.slice(0, -first.length))
        .find((prefix) => hasExactly(found, { prefix, expected }));
      if (prefix !== undefined) return { backbone, stem, prefix };
    }
  }
  return null;
}

function hasExactly(
  found: Shapes,
  { prefix, expected }: { prefix: string; expected: ReadonlyMap<string, readonly number[]> },
): boolean {
  const parts = found.keys().filter((name) =>
    name.startsWith(prefix) && NETWORK_PART.test(name.slice(prefix.length))
  );
  return [...parts].length === expected.size &&
    [...expected].every(([name, shape]) => `${found.get(prefix + name)?.shape}` === `${shape}`);
}

/** The built-in backbone that has most tensors in common with `found`, if these are more than those of only one; else null. */
export function nearestTo(found: Shapes): Likeness | null {
  let nearest: Likeness | null = null, best = 0.5;
  for (const backbone of Object.keys(backbones) as BackboneName[]) {
    for (const stem of ["imagenet", "cifar"] as const) {
      const expected = shapesOf({ config: backbones[backbone], stem });
      for (const prefix of prefixesOf(found, expected)) {
        const isPart = (name: string) =>
          name.startsWith(prefix) && NETWORK_PART.test(name.slice(prefix.length));
        const parts = found.keys().filter(isPart).toArray().length;
        const common = expected.entries().filter(([name, shape]) =>
          `${found.get(prefix + name)?.shape}` === `${shape}`
        )
          .toArray().length;
        const share = common / (expected.size + parts - common);
        if (share > best) [nearest, best] = [{ backbone, stem, prefix }, share];
      }
    }
  }
  return nearest;
}

/** What precedes the names `expected` in `found`, wherever the first block's first convolution is. */
function prefixesOf(found: Shapes, expected: ReadonlyMap<string, unknown>): string[] {
  const name = expected.keys().find((name) =>
    /^(layer1\.0\.conv1|features\.1\.0\.block\.0)\.weight$/.test(name)
  )!;
  return [...found.keys()].filter((key) => key === name || key.endsWith(`.${name}`))
    .map((key) => key.slice(0, -name.length));
}

/** Other networks, by names that only they have. The first that fits counts. */
const FAMILIES: readonly [what: string, name: RegExp][] = [
  ["a Swin transformer", /relative_position_bias_table$/],
  [
    "a vision transformer",
    /(^|\.)(cls_token|class_token|pos_embedding|attn\.qkv\.weight|attention\.attention\.query\.weight)$/,
  ],
  ["a ConvNeXt of another size", /features\.\d+\.\d+\.layer_scale$/],
  ["a ConvNeXt under other names", /(stages\.0\.blocks\.0\.conv_dw|\.dwconv)\.weight$/],
  [
    "a MobileNet or EfficientNet",
    /(\.conv_pwl?\.weight|features\.\d+\.\d+\.block\.\d+\.0\.weight|\.conv\.\d\.0\.weight)$/,
  ],
  ["a DenseNet", /denseblock1\.denselayer1\./],
  ["a VGG or AlexNet", /(^|\.)features\.0\.weight$/],
  ["a ResNet under the names of Hugging Face's transformers", /embedder\.embedder\.convolution\.weight$/],
  ["a ResNet with squeeze and excitation", /layer1\.0\.(se|se_module)\./],
  ["a ResNet with a deep stem (ResNet-D)", /(^|\.)conv1\.0\.weight$/],
  ["a language model", /(embed_tokens|wte|word_embeddings|token_embedding)\.weight$/],
];

/** A grouped 3 × 3 convolution has fewer input channels than the block's first convolution gives. */
function isGrouped(found: Shapes): boolean {
  const shapeOf = (end: string) => found.entries().find(([name]) => name.endsWith(end))?.[1].shape;
  const first = shapeOf("layer1.0.conv1.weight"), second = shapeOf("layer1.0.conv2.weight");
  return first !== undefined && second !== undefined && second[1] < first[0];
}

/** What `found` looks like, and what to do, for a file that is not the encoder that it should be. */
export function likenessAdvice(found: Shapes): string {
  const likeness = looksLike(found), names = Object.keys(backbones).join(", ");
  if (likeness) {
    const { backbone, stem } = likeness;
    return `It has the names and shapes of ${backbone} with the ${stem} stem. Give --backbone ${backbone} --stem ${stem}.`;
  }
  const family = FAMILIES.find(([, name]) => found.keys().some((key) => name.test(key)))?.[0] ??
    (isGrouped(found) ? "a ResNet with grouped convolutions (ResNeXt)" : undefined);
  if (family) {
    return `It looks like ${family}, expected one of ${names} under torchvision's names. Use another file.`;
  }
  const nearest = nearestTo(found);
  if (nearest) {
    const { backbone, stem } = nearest;
    return `It comes closest to ${backbone} with the ${stem} stem. Use the whole file, or one under torchvision's names.`;
  }
  return `Its tensors fit none of ${names} under torchvision's names. Use the options of the run that wrote it, as its ` +
    "config.json has them.";
}
