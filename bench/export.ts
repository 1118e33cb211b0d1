/**
 * ONNX models of the backbones: their size, how far onnxruntime-web's features are from the GPU's, and its time.
 *
 * @module
 */
import { cpuUsage } from "node:process";
import { messageOf, UserError } from "../src/base/errors.ts";
import { isBackboneName } from "../src/config/backbone.ts";
import { encodeOnnx } from "../src/export/onnx.ts";
import { openReference } from "../src/export/reference_features.ts";
import { loadRuntime, verifyOnnx } from "../src/export/verify_onnx.ts";
import type { Gpu } from "../src/gpu/device.ts";
import { type BackboneName, backbones } from "../src/nn/backbones.ts";
import { featuresOf } from "../src/nn/backbone.ts";
import { drawnOrigin, drawnTensors } from "../tests/export/drawn_encoder.ts";
import { printTable } from "./table.ts";

/** Timed runs of one image; the median counts. */
const RUNS = 3;

/** Benchmarks the backbones named in `args`, or all. */
export async function benchExport(_gpu: Gpu, args: string[]): Promise<void> {
  const names = args.length ? args : Object.keys(backbones);
  const print = printTable(["backbone", "images", "MB", "largest difference", "CPU ms per image"]);
  for (const name of names) {
    if (!isBackboneName(name)) {
      throw new UserError(`Cannot export the backbone "${name}": there is none of this name.`);
    }
    print(...await rowOf(name).catch((error) => [name, "", "", messageOf(error), ""]));
  }
}

async function rowOf(name: BackboneName): Promise<string[]> {
  const isSmall = name === "resnet8" || name === "resnet20", size = isSmall ? 32 : 224;
  const config = backbones[name], stem = isSmall ? "cifar" : "imagenet";
  const mean = [.485, .456, .406] as const, std = [.229, .224, .225] as const;
  const tensors = drawnTensors({ config, stem }, 1);
  const encoder = { ...drawnOrigin, stretch: "none", config, stem, size, mean, std, tensors } as const;
  const model = await encodeOnnx({ network: encoder, preparation: encoder, dims: featuresOf(config) });
  const time = await timeOf(model, size);
  using reference = await openReference(encoder);
  const names = { input: "images", outputs: ["features"] } as const;
  const { difference } = await verifyOnnx(model, { encoder, reference, takes: "views", names });
  return [name, `${size} px`, (model.length / 1e6).toFixed(1), difference.toExponential(1), time.toFixed(0)];
}

/** Milliseconds of CPU time of onnxruntime-web, which has one thread, for one image. */
export async function timeOf(model: Uint8Array, size: number): Promise<number> {
  const { InferenceSession, Tensor } = await loadRuntime();
  const session = await InferenceSession.create(model);
  const images = new Tensor("float32", new Float32Array(3 * size * size).fill(.5), [1, 3, size, size]);
  await session.run({ images });
  const times: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    const begin = cpuUsage();
    await session.run({ images });
    const { user, system } = cpuUsage(begin);
    times.push((user + system) / 1000);
  }
  await session.release();
  return times.sort((a, b) => a - b)[Math.floor(RUNS / 2)];
}
