/**
 * The benchmarks, as Markdown for docs/benchmarks.md:
 *
 *     deno task bench                            all of them that need no data
 *     deno task bench kernels [--all]            products and convolutions, by variant; --all: slow variants too
 *     deno task bench step [backbone batch]…     a training step
 *     deno task bench optimizer                  the update, with and without the target's moving average
 *     deno task bench host                       whether the host keeps a GPU busy that holds it
 *     deno task bench pipeline SHARDS RECIPE…    pairs of views from archives, beside torchvision's DataLoader
 *     deno task bench probe RUN                  kNN and the linear protocol, beside scikit-learn and PyTorch
 *     deno task bench embed ENCODER SOURCE       images per second of embedding, and what limits it
 *     deno task bench duplicates ENCODER SOURCE  planted copies that are found, by threshold
 *     deno task bench pairs [rows]… [format]     all pairs of vectors compared: time and memory
 *     deno task bench explorer [points] [SOURCE] frames a second of the explorer's page in headless Chromium
 *     deno task bench continued FIRST SECOND OUT runs that start from weights, beside training from scratch
 *     deno task bench verdict OUT [SOURCE]…      verdicts on runs beside kNN
 *     deno task bench roofline                   what steps on matrix units could take on some GPUs, by their makers' figures
 *     deno task bench export [backbone]…         ONNX models by onnxruntime-web
 *
 * @module
 */
import { UserError } from "../src/base/errors.ts";
import { runMain } from "../src/cli/run_main.ts";
import { type Gpu, openGpu } from "../src/gpu/device.ts";
import { benchContinued } from "./continued.ts";
import { benchDuplicates } from "./duplicates.ts";
import { benchEmbed } from "./embed.ts";
import { benchExplorer } from "./explorer.ts";
import { benchExport } from "./export.ts";
import { benchHost } from "./host.ts";
import { benchKernels } from "./kernels.ts";
import { benchOptimizer } from "./optimizer.ts";
import { benchPairs } from "./pairs.ts";
import { benchPipeline } from "./pipeline.ts";
import { benchProbe } from "./probe.ts";
import { benchRoofline } from "./roofline.ts";
import { benchStep } from "./step.ts";
import { benchVerdict } from "./verdict.ts";

/** By name; each prints its tables. */
const benches: Record<string, (gpu: Gpu, args: string[]) => Promise<void>> = {
  kernels: benchKernels,
  step: benchStep,
  optimizer: benchOptimizer,
  host: benchHost,
  pipeline: benchPipeline,
  probe: benchProbe,
  embed: benchEmbed,
  duplicates: benchDuplicates,
  pairs: benchPairs,
  explorer: benchExplorer,
  export: benchExport,
  roofline: benchRoofline,
  continued: benchContinued,
  verdict: benchVerdict,
};

/** Those that are run only if they are named: they need data, or gigabytes of memory. */
const named = [
  benchPipeline,
  benchProbe,
  benchEmbed,
  benchDuplicates,
  benchPairs,
  benchExplorer,
  benchExport,
  benchRoofline,
  benchContinued,
  benchVerdict,
];

async function main([name, ...args]: string[]): Promise<void> {
  if (name !== undefined && !Object.hasOwn(benches, name)) {
    throw new UserError(
      `Cannot run the benchmark "${name}": expected one of ${
        Object.keys(benches).join(", ")
      }, or none for all`,
    );
  }
  using gpu = await openGpu();
  const date = new Date().toISOString().slice(0, 10);
  const adapter = `${gpu.name}, subgroups of ${gpu.subgroupSize || "various sizes"}`;
  console.log(`${date}, ${adapter}, ${navigator.hardwareConcurrency} CPU cores, Deno ${Deno.version.deno}`);
  const needNone = Object.values(benches).filter((bench) => !named.includes(bench));
  for (const bench of name === undefined ? needNone : [benches[name]]) {
    console.log();
    await bench(gpu, args);
  }
}

if (import.meta.main) await runMain(main);
