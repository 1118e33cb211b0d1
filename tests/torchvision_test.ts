/** The encoder that a run writes, loaded into torchvision; and its weights, loaded here. Skipped where Python has no torchvision. */
import { join } from "node:path";
import { createFeatureExtractor } from "../src/eval/features.ts";
import { createNetworks } from "../src/byol/networks.ts";
import { Memory } from "../src/gpu/memory.ts";
import { readSafetensors, writeSafetensors } from "../src/io/safetensors.ts";
import { backbones } from "../src/nn/backbones.ts";
import { packWeights } from "../src/nn/weights.ts";
import { pretrain } from "../src/run/pretrain.ts";
import { assert, relativeError } from "./assert.ts";
import { hashSigned } from "./golden/read.ts";
import { torchvisionError } from "./eval/torchvision_weights.ts";
import { onGpu, sharedGpu } from "./gpu/shared.ts";

const python = "/usr/bin/python3";

async function hasTorchvision(): Promise<boolean> {
  try {
    return (await new Deno.Command(python, { args: ["-c", "import torchvision"], stderr: "null" }).output())
      .success;
  } catch {
    return false;
  }
}

const ignore = !await hasTorchvision();

/** What a script beside the golden files prints, as JSON. */
async function printed(script: string, args: string[]): Promise<number[][]> {
  const { success, stdout, stderr } = await new Deno.Command(python, {
    args: [new URL(`golden/${script}`, import.meta.url).pathname, ...args],
    env: { OMP_NUM_THREADS: "2" },
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

for (const backbone of ["resnet18", "resnet50", "resnet101", "wide_resnet50_2", "convnext_tiny"] as const) {
  Deno.test(`openEncoder() reads ${backbone} as torchvision writes it, and gives the same features`, {
    ...onGpu,
    ignore,
  }, async () => {
    const size = 64, folder = await Deno.makeTempDir();
    try {
      const expected = await printed("torchvision_files.py", [folder, backbone, `${size}`, "2"]);
      // Its names and shapes tell what it is.
      const error = await torchvisionError(join(folder, backbone), { size, expected });
      assert(error < 1e-4, `features are off by ${error}`);
      console.log(`${backbone}: features differ by ${error.toExponential(1)} of their norm`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

for (const backbone of ["resnet18", "resnet50", "resnet101", "wide_resnet50_2", "convnext_tiny"] as const) {
  Deno.test(`torchvision loads encoder.safetensors of ${backbone} and gives the same features`, {
    ...onGpu,
    ignore,
  }, async () => {
    const size = 40, count = 3;
    const out = await Deno.makeTempDir();
    try {
      // One step, so that no running statistic is at its first value.
      await pretrain(
        {
          data: "shapes:8",
          holdout: 0,
          backbone,
          size: 32,
          stem: "imagenet",
          hidden: 16,
          projection: 8,
          batch: 8,
          steps: 1,
          out,
          log() {},
        },
      );
      const path = join(out, "encoder.safetensors");

      const images = new Float32Array(count * size * size * 4);
      const rgb = hashSigned("encoder.images", count * size * size * 3);
      for (let i = 0; i < rgb.length / 3; i++) images.set(rgb.subarray(3 * i, 3 * i + 3), 4 * i);
      using memory = new Memory(await sharedGpu());
      const { online: { encoder, network } } = createNetworks({
        backbone: backbones[backbone],
        stem: "imagenet",
        hidden: 16,
        projection: 8,
      });
      const { tensors, metadata } = await readSafetensors(path);
      // A ConvNeXt's blocks add a millionth at first: here they add as much as trained ones, each channel its own share.
      const scales = [...tensors].filter(([name]) => name.endsWith("layer_scale"));
      for (const [, { data }] of scales) data.forEach((_, c) => data[c] = 0.2 + 0.3 * (c % 5));
      if (scales.length > 0) await writeSafetensors(path, { tensors, metadata });
      for (const flat of [network.parameters, network.statistics]) {
        const values = (name: string, i: number) =>
          tensors.get(name.replace(/^backbone\./, ""))?.data ??
            new Float32Array(flat.variables[i].layout.torchShape.reduce((a, b) => a * b));
        memory.write(flat.store, packWeights(flat, values));
      }
      using extractor = createFeatureExtractor(memory, { encoder, batch: count, size });
      await extractor.add(images, count);
      const ours = await extractor.take();

      const theirs = (await printed("encoder_features.py", [path, backbone, `${size}`, `${count}`])).flat();
      const error = relativeError(ours, theirs);
      assert(error < 1e-4, `features are off by ${error}`);
      console.log(
        `${backbone}: features differ from torchvision's by ${error.toExponential(1)} of their norm`,
      );
    } finally {
      await Deno.remove(out, { recursive: true });
    }
  });
}
