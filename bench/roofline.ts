/**
 * What the steps of mixed precision on matrix units could take at most on GPUs that are not at hand: each kernel as long as its
 * arithmetic takes at the units' peak, or its tensors at the memory's bandwidth, whichever is longer.
 */
import { recipes } from "../data/views/recipe.ts";
import { traceTraining, type TrainerOptions } from "../src/byol/trace_training.ts";
import { backboneConfigOf } from "../src/config/backbone.ts";
import type { Dispatch } from "../src/graph/dispatch_list.ts";
import { bytesOf } from "../src/graph/tensor.ts";
import type { MatrixUnit } from "../src/gpu/matrix_units.ts";
import { matrixTiles } from "../src/ops/conv2d_matrix.ts";
import { percent, printTable } from "./table.ts";

/** A GPU by its maker's figures: f16 products with f32 sums, and memory, per second. */
interface Peaks {
  name: string;
  flops: number;
  bytes: number;
  /** What its driver lists, the first first. */
  units: MatrixUnit[];
  subgroupSize: number;
}

const unit = (m: number, n: number, k: number): MatrixUnit => ({ m, n, k });

const GPUS: Peaks[] = [
  { name: "H100", flops: 989e12, bytes: 3.35e12, units: [unit(16, 16, 16)], subgroupSize: 32 },
  { name: "RTX 4090", flops: 165e12, bytes: 1.008e12, units: [unit(16, 16, 16)], subgroupSize: 32 },
  { name: "M3 Max", flops: 14.2e12, bytes: 0.4e12, units: [unit(8, 8, 8)], subgroupSize: 32 },
  { name: "Arc A770", flops: 137e12, bytes: 0.56e12, units: [unit(8, 8, 16)], subgroupSize: 16 },
];
const WORKGROUP_MEMORY = 2 ** 15;

const heads = { hidden: 4096, projection: 256 };
const STEPS: Record<string, Pick<TrainerOptions, "architecture" | "batch" | "size">> = {
  "resnet18, 32 px, batch 512": {
    architecture: { backbone: backboneConfigOf("resnet18"), stem: "cifar", ...heads },
    batch: 512,
    size: 32,
  },
  "resnet50, 224 px, batch 64": {
    architecture: { backbone: backboneConfigOf("resnet50"), stem: "imagenet", ...heads },
    batch: 64,
    size: 224,
  },
};

/** The kernels of a step on `gpu`. */
function dispatchesOf(step: string, { units, subgroupSize }: Peaks): readonly Dispatch[] {
  const { views, mean, std } = recipes.byol, options = STEPS[step];
  const loading = { views, mean, std, decodeSize: options.size };
  return traceTraining({ ...options, loading, optimizer: "lars", precision: "mixed" }, {
    subgroupSize,
    software: false,
    matrixUnits: { units, subgroupSize, workgroupMemory: WORKGROUP_MEMORY },
    maxGrid: 65535,
    maxBinding: 2 ** 31,
  }).step.dispatches;
}

const moved = ({ tensors, bytes }: Dispatch) =>
  bytes ?? [...new Set(tensors)].reduce((sum, tensor) => sum + bytesOf(tensor), 0);
const secondsOf = (dispatch: Dispatch, { flops, bytes }: Peaks) =>
  Math.max(dispatch.flops / flops, moved(dispatch) / bytes);
const isProduct = ({ kernel }: Dispatch) => kernel.name.startsWith("conv2d");
const sum = <T>(items: readonly T[], of: (item: T) => number) =>
  items.reduce((total, item) => total + of(item), 0);
const ms = (seconds: number) => (1000 * seconds).toFixed(seconds < 1e-2 ? 2 : 1);

/** Operations of a product with its tiles' unused rows and columns. */
function tiledFlops({ kernel, params, grid, flops }: Dispatch, { units, subgroupSize }: Peaks): number {
  const all = matrixTiles({ units, subgroupSize, workgroupMemory: WORKGROUP_MEMORY });
  const tiles = all.find(({ name }) => kernel.name.includes(name.replace("matrix-", "matrix_")));
  if (!tiles) return flops;
  const { N, H, W, C, P, Q, K, R, S, stride } = params, along = (side: number) => Math.ceil(side / stride);
  const full = (n: number, unit: number) => Math.ceil(n / unit) * unit;
  const cells = (rows: number, columns: number) => full(rows, tiles.rows) * full(columns, tiles.columns);
  if (kernel.name.startsWith("conv2d_backward_weights")) return 2 * cells(R * S * C, K) * full(N * P * Q, 32);
  if (kernel.name.startsWith("conv2d_backward_data")) {
    return 2 * cells(N * along(H) * along(W), C) * grid[2] * full(R * S * K / stride ** 2, 32);
  }
  return 2 * cells(N * P * Q, K) * full(R * S * C, 32);
}

/** A row for each shape of a convolution, with its three products together. */
function printLayers(step: string): void {
  const perGpu = GPUS.map((gpu) => Map.groupBy(dispatchesOf(step, gpu).filter(isProduct), nameOf));
  const row = printTable([
    "layer",
    "products",
    "GFLOP",
    "FLOP/byte",
    ...GPUS.map(({ name }) => `${name}, ms`),
  ]);
  for (const [name, dispatches] of perGpu[0]) {
    const flops = sum(dispatches, (one) => one.flops);
    const times = GPUS.map((gpu, i) => {
      const own = perGpu[i].get(name)!, seconds = sum(own, (one) => secondsOf(one, gpu));
      const limit = flops / gpu.flops > 0.9 * seconds ? "" : ", memory";
      return `${ms(seconds)}${limit} (${percent(flops / sum(own, (one) => tiledFlops(one, gpu)))})`;
    });
    row(
      name,
      dispatches.length,
      (flops / 1e9).toFixed(0),
      (flops / sum(dispatches, moved)).toFixed(0),
      ...times,
    );
  }
}

function nameOf({ params: { H, C, K, R, stride } }: Dispatch): string {
  return H === 1 ? `head ${C}→${K}` : `${R}×${R}, ${C}→${K}, ${H}²${stride > 1 ? `, stride ${stride}` : ""}`;
}

/** A row for each GPU: the products, the rest, the whole. */
function printTotals(step: string): void {
  const row = printTable(["GPU", "products, ms", "other kernels, ms", "step, ms", "images/s"]);
  for (const gpu of GPUS) {
    const all = dispatchesOf(step, gpu);
    const [products, others] = [all.filter(isProduct), all.filter((one) => !isProduct(one))]
      .map((some) => sum(some, (one) => secondsOf(one, gpu)));
    const images = Math.round(STEPS[step].batch / (products + others)).toLocaleString("en");
    row(gpu.name, ms(products), ms(others), ms(products + others), images);
  }
}

/** Prints, for each step, its layers and what it takes in all. */
export function benchRoofline(): Promise<void> {
  for (const step of Object.keys(STEPS)) {
    console.log(`${step}\n`);
    printLayers(step);
    console.log("");
    printTotals(step);
    console.log("");
  }
  return Promise.resolve();
}
