/** Small networks of torchvision's own classes, read from its files (golden/torchvision_files.py). */
import { fileURLToPath } from "node:url";
import type { BackboneConfig } from "../../src/nn/backbones.ts";
import { assert } from "../assert.ts";
import { onGpu } from "../gpu/shared.ts";
import { torchvisionError } from "./torchvision_weights.ts";

const folder = new URL("../golden/torch/", import.meta.url);
const golden: Record<string, { network: BackboneConfig; size: number; features: number[][] }> = JSON.parse(
  await Deno.readTextFile(new URL("torchvision.json", folder)),
);

for (const [name, { network: backbone, size, features: expected }] of Object.entries(golden)) {
  Deno.test(
    `openEncoder() reads torchvision's ${name} blocks, .pth and safetensors, with its features`,
    onGpu,
    async () => {
      const path = fileURLToPath(new URL(`torchvision_${name}`, folder));
      const error = await torchvisionError(path, { backbone, stem: "imagenet", size, expected });
      assert(error < 1e-5, `features are off by ${error}`);
    },
  );
}
