import { timmTensors } from "../../src/export/timm_names.ts";
import { assertEquals } from "../assert.ts";
import { drawnTensors, networks } from "./drawn_encoder.ts";

Deno.test("timmTensors() gives a ConvNeXt the names and shapes that timm 1.0 has", () => {
  const shape = networks["ConvNeXt, CIFAR stem"], tensors = drawnTensors(shape, 1); // 1 and 2 blocks of 8 and 12 channels
  const named = new Map(timmTensors(tensors, shape.config));
  const block = (name: string, width: number) => [
    [`${name}.gamma`, [width]],
    [`${name}.conv_dw.weight`, [width, 1, 7, 7]],
    [`${name}.conv_dw.bias`, [width]],
    [`${name}.norm.weight`, [width]],
    [`${name}.norm.bias`, [width]],
    [`${name}.mlp.fc1.weight`, [4 * width, width]],
    [`${name}.mlp.fc1.bias`, [4 * width]],
    [`${name}.mlp.fc2.weight`, [width, 4 * width]],
    [`${name}.mlp.fc2.bias`, [width]],
  ];
  assertEquals(
    [...named].map(([name, { shape }]) => [name, [...shape]]).sort(),
    [
      ["stem.0.weight", [8, 3, 2, 2]],
      ["stem.0.bias", [8]],
      ["stem.1.weight", [8]],
      ["stem.1.bias", [8]],
      ...block("stages.0.blocks.0", 8),
      ["stages.1.downsample.0.weight", [8]],
      ["stages.1.downsample.0.bias", [8]],
      ["stages.1.downsample.1.weight", [12, 8, 2, 2]],
      ["stages.1.downsample.1.bias", [12]],
      ...block("stages.1.blocks.0", 12),
      ...block("stages.1.blocks.1", 12),
      ["head.norm.weight", [12]],
      ["head.norm.bias", [12]],
    ].sort(),
  );
  assertEquals(
    named.get("stages.1.blocks.1.mlp.fc2.bias")!.data,
    tensors.get("features.3.1.block.5.bias")!.data,
  );
  assertEquals(named.get("stages.0.blocks.0.gamma")!.data, tensors.get("features.1.0.layer_scale")!.data);
});
