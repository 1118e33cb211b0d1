/** Names, shapes, layouts and first values of the networks, against torchvision's. */
import { assert, assertClose, assertEquals, assertThrows } from "../assert.ts";
import names from "../golden/names.json" with { type: "json" };
import { newTape, placed } from "../ops/harness.ts";
import { createNetworks } from "../../src/byol/networks.ts";
import { UserError } from "../../src/base/errors.ts";
import { planMemory } from "../../src/graph/plan.ts";
import { sizeOf } from "../../src/graph/tensor.ts";
import { mlp } from "../../src/nn/layers.ts";
import { convLayout, depthwiseLayout, linearLayout, scaleLayout, vectorLayout } from "../../src/nn/layout.ts";
import { ALIGNMENT } from "../../src/gpu/memory.ts";
import { createNetwork, type FlatStore, type Network, Scope } from "../../src/nn/parameters.ts";
import { backboneByName, backbones } from "../../src/nn/backbones.ts";
import { backbone, featuresOf, smallestSize } from "../../src/nn/backbone.ts";
import { drawWeights, packWeights, torchShapes, unpackWeights } from "../../src/nn/weights.ts";

/** All names with their shapes, sorted: parameters and running statistics are interleaved in PyTorch. */
function namesOf({ parameters, statistics }: Network): [string, number[]][] {
  return [parameters, statistics].flatMap((flat) => [...torchShapes(flat, { prefix: "" })]).sort();
}

const sorted = (shapes: Record<string, number[]>) => Object.entries(shapes).sort();

const torchvisionNames = [
  ...["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"] as const,
  ...["wide_resnet50_2", "wide_resnet101_2", "convnext_tiny", "convnext_small"] as const,
];
for (const name of torchvisionNames) {
  Deno.test(`backbone() gives ${name} torchvision's names and shapes`, () => {
    const network = createNetwork("online", { gradients: true });
    backbone(new Scope(network), { config: backboneByName(name), stem: "imagenet" });
    assertEquals(namesOf(network), sorted(names[name]));
    const order = network.parameters.variables.map((variable) => variable.name);
    assertEquals(order[0], name.startsWith("convnext") ? "features.0.0.weight" : "conv1.weight");
    assertEquals(new Set(order).size, order.length);
  });
}

Deno.test("mlp() has the names and shapes of PyTorch's Sequential", () => {
  const network = createNetwork("online", { gradients: true });
  mlp(new Scope(network), { inFeatures: 20, hidden: 12, outFeatures: 8 });
  assertEquals(namesOf(network), sorted(names.mlp));
});

const architecture = { backbone: backbones.resnet8, stem: "cifar", hidden: 32, projection: 16 } as const;

Deno.test("createNetworks() builds backbone, projector and, online only, predictor", () => {
  const { online, target } = createNetworks(architecture);
  const parts = (
    { parameters }: Network,
  ) => [...new Set(parameters.variables.map(({ name }) => name.split(".")[0]))];
  assertEquals(parts(online.network), ["backbone", "projector", "predictor"]);
  assertEquals(parts(target.network), ["backbone", "projector"]);
  assert(target.network.gradients === null);
});

Deno.test("createNetworks() gives the target a prefix of the online network's layout and values", () => {
  const { online: { network: online }, target: { network: target } } = createNetworks(architecture);
  for (const group of ["parameters", "statistics"] as const) {
    const place = ({ variables }: FlatStore) =>
      variables.map((
        { name, layout, tensor },
      ) => [name, layout.shape, tensor.region!.offset, tensor.region!.bytes]);
    const [ours, theirs] = [place(online[group]), place(target[group])];
    assertEquals(ours.slice(0, theirs.length), theirs);
    const [theta, xi] = [online, target].map((network) => drawWeights(network[group], { seed: 3 }));
    assertClose(group, theta.subarray(0, xi.length), xi, {});
  }
});

Deno.test("createNetworks() gives variables blocks of their own, and gradients the same layout", () => {
  const { network } = createNetworks(architecture).online;
  let end = 0;
  for (const { tensor, layout } of network.parameters.variables) {
    const { offset, bytes } = tensor.region!;
    assertEquals([offset, bytes], [end, 4 * sizeOf(layout.shape)]);
    assertEquals({ ...tensor.gradient!.region!, store: null }, { store: null, offset, bytes });
    assertEquals(tensor.gradient!.shape, tensor.shape);
    end = Math.ceil((offset + bytes) / ALIGNMENT) * ALIGNMENT;
  }
  assertEquals([network.parameters.store.bytes, network.gradients!.bytes], [end, end]);
});

const convnext = { block: "convnext", layers: [1, 1], widths: [16, 32] } as const;

Deno.test("createNetworks() of a ConvNeXt has running statistics in the heads only", () => {
  const { online: { network } } = createNetworks({ ...architecture, backbone: convnext });
  assertEquals(
    network.statistics.variables.map(({ name }) => name),
    ["projector", "predictor"].flatMap((head) =>
      ["running_mean", "running_var"].map((name) => `${head}.1.${name}`)
    ),
  );
});

const layouts = {
  conv: convLayout({ inChannels: 8, outChannels: 12, kernelSize: 3 }),
  padded: convLayout({ inChannels: 3, outChannels: 8, kernelSize: 7 }),
  depthwise: depthwiseLayout({ channels: 12, kernelSize: 7 }),
  linear: linearLayout({ inFeatures: 20, outFeatures: 12 }),
  scale: scaleLayout(12),
  vector: vectorLayout(12),
};

Deno.test("Layout converts from PyTorch and back without change", () => {
  for (const [name, { shape, torchShape, fromTorch, toTorch }] of Object.entries(layouts)) {
    const values = Float32Array.from({ length: sizeOf(torchShape) }, (_, i) => i + 1);
    const here = fromTorch(values);
    assertEquals(here.length, sizeOf(shape));
    assertClose(name, toTorch(here), values, {});
    assert(here.buffer !== values.buffer && toTorch(here).buffer !== here.buffer, `${name} shares memory`);
  }
});

Deno.test("convLayout() turns [K, C, R, S] into [R, S, C, K] and pads channels with 0", () => {
  const [K, C, R] = [8, 3, 7];
  const here = layouts.padded.fromTorch(Float32Array.from({ length: K * C * R * R }, (_, i) => i + 1));
  assertEquals(layouts.padded.shape, [7, 7, 4, 8]);
  for (const [k, c, r, s] of [[0, 0, 0, 0], [7, 2, 6, 6], [3, 1, 5, 2]]) {
    assertEquals(here[((r * R + s) * 4 + c) * K + k], ((k * C + c) * R + r) * R + s + 1);
  }
  const padding = here.filter((_, i) => Math.floor(i / K) % 4 === 3);
  assert(padding.length === 49 * K && padding.every((value) => value === 0));
  const matrix = layouts.linear.fromTorch(Float32Array.from({ length: 240 }, (_, i) => i));
  assertEquals(matrix[7 * 12 + 5], 5 * 20 + 7);
});

Deno.test("depthwiseLayout() turns [C, 1, R, S] into [R, S, 1, C]", () => {
  const { shape, torchShape, fromTorch } = layouts.depthwise;
  assertEquals([shape, torchShape], [[7, 7, 1, 12], [12, 1, 7, 7]]);
  const here = fromTorch(Float32Array.from({ length: 12 * 49 }, (_, i) => i));
  for (const [c, r, s] of [[0, 0, 1], [11, 6, 5], [4, 2, 3]]) {
    assertEquals(here[(r * 7 + s) * 12 + c], (c * 7 + r) * 7 + s);
  }
});

Deno.test("packWeights() and unpackWeights() keep every value", () => {
  const { network: { parameters } } = createNetworks(architecture).online;
  const content = drawWeights(parameters, { seed: 1 });
  const tensors = unpackWeights(parameters, { content, prefix: "online." });
  assertClose("content", packWeights(parameters, (name) => tensors.get(`online.${name}`)!.data), content, {});
});

Deno.test("drawWeights() depends only on the seed", () => {
  const { network: { parameters } } = createNetworks(architecture).online;
  const draw = (seed: number) => drawWeights(parameters, { seed }).join();
  assertEquals(draw(1), draw(1));
  assert(draw(1) !== draw(2));
});

/** Mean, variance and largest magnitude. */
function moments(values: Float32Array): { mean: number; variance: number; largest: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
  return { mean, variance, largest: values.reduce((a, b) => Math.max(a, Math.abs(b)), 0) };
}

Deno.test("drawWeights() has torchvision's distributions", () => {
  const { network: { parameters, statistics } } = createNetworks({ ...architecture, hidden: 512 }).online;
  for (
    const [name, { shape, data }] of unpackWeights(parameters, {
      content: drawWeights(parameters, { seed: 5 }),
    })
  ) {
    const { mean, variance, largest } = moments(data), n = data.length;
    const within = (what: string, actual: number, expected: number, error: number) =>
      assert(
        Math.abs(actual - expected) <= 4 * error,
        `${what} of ${name} is ${actual}, expected ${expected}`,
      );
    if (shape.length === 4) {
      // Normal with variance 2 / fan-out; the variance of a normal sample's variance is 2σ⁴ / n.
      const expected = 2 / (shape[0] * shape[2] * shape[3]);
      within("mean", mean, 0, Math.sqrt(expected / n));
      within("variance", variance, expected, expected * Math.sqrt(2 / n));
    } else if (shape.length === 2 || /(projector|predictor)\.0/.test(name)) {
      // Uniform in ±1/√fan-in, of variance bound²/3, whose sample variance varies by bound⁴·4/45 / n.
      const fanIn = name.startsWith("projector.0") ? 64 : name.startsWith("predictor.0") ? 16 : 512;
      const bound = 1 / Math.sqrt(fanIn);
      within("mean", mean, 0, bound / Math.sqrt(3 * n));
      within("variance", variance, bound ** 2 / 3, bound ** 2 * Math.sqrt(4 / 45 / n));
      assert(
        largest <= bound && largest > bound * (1 - 10 / n),
        `${name} reaches ${largest}, expected ${bound}`,
      );
    } else {
      assert(data.every((value) => value === (name.endsWith("weight") ? 1 : 0)), name);
    }
  }
  for (
    const [name, { data }] of unpackWeights(statistics, { content: drawWeights(statistics, { seed: 5 }) })
  ) {
    assert(data.every((value) => value === (name.endsWith("running_var") ? 1 : 0)), name);
  }
});

Deno.test("drawWeights() has torchvision's distributions for a ConvNeXt", () => {
  const network = createNetwork("online", { gradients: false });
  backbone(new Scope(network), { config: convnext, stem: "imagenet" });
  const content = drawWeights(network.parameters, { seed: 5 });
  const norm = /(features\.0\.1|features\.2\.0|block\.2|classifier\.0)\.weight$/;
  for (const [name, { shape, data }] of unpackWeights(network.parameters, { content })) {
    if (name.endsWith("layer_scale")) {
      assert(data.every((value) => value === Math.fround(1e-6)), name);
    } else if (shape.length > 1) {
      const { mean, variance } = moments(data), n = data.length;
      assert(Math.abs(mean) <= 4 * 0.02 / Math.sqrt(n), `mean of ${name} is ${mean}`);
      assert(Math.abs(variance / 4e-4 - 1) <= 4 * Math.sqrt(2 / n), `variance of ${name} is ${variance}`);
    } else {
      assert(data.every((value) => value === (norm.test(name) ? 1 : 0)), name);
    }
  }
});

Deno.test("backbone() has the right features and dispatches for each backbone and stem", () => {
  for (const [name, config] of Object.entries(backbones)) {
    for (const stem of ["cifar", "imagenet"] as const) {
      const tape = newTape({ maxGrid: 65535 });
      const forward = backbone(new Scope(createNetwork("online", { gradients: true })), { config, stem });
      const features = forward(tape, tape.markConstant(placed("images", [2, 64, 64, 4])));
      assertEquals([name, ...features.shape], [name, 2, featuresOf(config)]);
      const pool = tape.dispatches.find(({ kernel }) => kernel.name === "global_average_pool")!;
      // The stages halve the sides; the stem takes another factor.
      const divisor = stem === "imagenet" ? 4 : config.block === "convnext" ? 2 : 1;
      const side = 64 / 2 ** (config.widths.length - 1) / divisor;
      assertEquals(pool.params.M, side * side);
      assert(planMemory(tape.dispatches).total > 0);
    }
  }
});

Deno.test("resnet() has the parameters of the paper's wide networks (Table 1)", () => {
  // Millions of parameters of the encoder, without the classifier of 1000 classes.
  for (const [name, millions] of [["resnet50x2", 94], ["resnet50x4", 375], ["resnet200x2", 250]] as const) {
    const network = createNetwork("online", { gradients: false });
    backbone(new Scope(network), { config: backbones[name], stem: "imagenet" });
    const count = [...torchShapes(network.parameters, { prefix: "" }).values()]
      .reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
    assertEquals([name, Math.round(count / 1e6)], [name, millions]);
  }
});

Deno.test("smallestSize() is the side from which a ConvNeXt has a pixel in its last stage", async () => {
  const config = backbones.convnext_tiny;
  for (const [stem, least] of [["cifar", 16], ["imagenet", 32]] as const) {
    assertEquals(smallestSize({ config, stem }), least);
    const run = (size: number) =>
      backbone(new Scope(createNetwork("online", { gradients: true })), { config, stem })(
        newTape({ maxGrid: 65535 }),
        placed("images", [2, size, size, 4]),
      );
    assertEquals(run(least).shape, [2, 768]);
    await assertThrows(() => run(least - 1), TypeError, /be at least 2 × 2 pixels/);
  }
  assertEquals(smallestSize({ config: backbones.resnet18, stem: "imagenet" }), 1);
});

Deno.test("backboneByName() rejects an unknown name and lists the known ones", async () => {
  await assertThrows(
    () => backboneByName("resnet19"),
    UserError,
    /^Cannot build the backbone "resnet19": there is none of this name\. Use one of resnet8, resnet20, resnet18, .*, convnext_small\.$/,
  );
  await assertThrows(() => backboneByName("toString"), UserError, /toString/);
});
