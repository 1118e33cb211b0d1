/** Products and convolutions, by every variant that the target may choose from. */
import type { Gpu } from "../src/gpu/device.ts";
import { Memory, type Store } from "../src/gpu/memory.ts";
import type { Dispatch } from "../src/graph/dispatch_list.ts";
import { Tape } from "../src/graph/tape.ts";
import { deviceProfileOf, type KernelChoice } from "../src/graph/kernel_choice.ts";
import { sizeOf, type Tensor, tensorIn } from "../src/graph/tensor.ts";
import { addInto } from "../src/ops/add.ts";
import { conv2d } from "../src/ops/conv2d.ts";
import { keyedRandom } from "../src/base/random.ts";
import { arithmeticTrace, newTape, SAMPLES, secondsOf, timeInTurns } from "../src/inspect/timing.ts";
import { percent, printTable } from "./table.ts";

interface Shape {
  name: string;
  x: readonly [N: number, H: number, W: number, C: number];
  w: readonly [R: number, S: number, C: number, K: number];
  stride?: number;
  pad?: number;
}

/** What a step has of each kind, and a product that other libraries are measured by. */
const SHAPES: readonly Shape[] = [
  { name: "product 1024³", x: [1024, 1, 1, 1024], w: [1, 1, 1024, 1024] },
  { name: "3×3, 64→64, 64 images of 32²", x: [64, 32, 32, 64], w: [3, 3, 64, 64], pad: 1 },
  { name: "1×1 stride 2, 64→128, 64 images of 32²", x: [64, 32, 32, 64], w: [1, 1, 64, 128], stride: 2 },
  { name: "7×7 stride 2, 4→64, 8 images of 224²", x: [8, 224, 224, 4], w: [7, 7, 4, 64], stride: 2, pad: 3 },
  { name: "3×3, 512→512, 8 images of 4²", x: [8, 4, 4, 512], w: [3, 3, 512, 512], pad: 1 },
];

/** Times the variants of each shape's products; with `--all` also those that are known to be slow here. */
export async function benchKernels(gpu: Gpu, args: readonly string[]): Promise<void> {
  const all = args.includes("--all");
  const arithmetic = await arithmeticTrace(gpu);
  console.log(
    `Kernels: medians of ${SAMPLES} by the GPU's clock, variants and the probe of arithmetic in turns. "Copies" are of what ` +
      `a kernel reads as a texture, once a run\n`,
  );
  const row = printTable(["what", "variant", "ms", "GFLOP/s", "of the peak", "peak, GFLOP/s", "copies, ms"]);
  for (const shape of SHAPES) {
    for (const choice of choicesOf(gpu, shape)) {
      const variants = Object.keys(choice.variants).filter((variant) =>
        all || !choice.variants[variant].skipTuning
      );
      using memory = new Memory(gpu);
      const traces = variants.map((variant) => traceOf(memory, choice, variant));
      const [[probe], ...times] = await timeInTurns(memory, [arithmetic, ...traces]);
      const peak = probe.flops / probe.seconds;
      times.forEach((kernels, i) => {
        const seconds = secondsOf(kernels.filter(({ name }) => name !== COPY));
        const copies = secondsOf(kernels.filter(({ name }) => name === COPY));
        const flops = kernels.reduce((sum, { flops }) => sum + flops, 0);
        const [, kind] = choice.name.split(" ");
        row(
          `${shape.name}, ${kind}`,
          variants[i],
          (seconds * 1000).toFixed(2),
          (flops / seconds / 1e9).toFixed(1),
          percent(flops / seconds / peak),
          (peak / 1e9).toFixed(0),
          (copies * 1000).toFixed(2),
        );
      });
    }
  }
}

/** What programs call a copy to a texture. */
const COPY = "copy to texture";

/** The choices that a convolution and its gradients lead to. */
function choicesOf(gpu: Gpu, { x: xShape, w: wShape, stride = 1, pad = 0 }: Shape): KernelChoice[] {
  const choices: KernelChoice[] = [];
  const chooser = (choice: KernelChoice) => {
    choices.push(choice);
    return undefined;
  };
  const tape = new Tape(deviceProfileOf(gpu, chooser), { training: true, views: 1, add: addInto });
  const x = tape.tensor("x", xShape), gradient = tape.tensor("dw", wShape);
  const w = { ...tape.tensor("w", wShape), gradient };
  const y = conv2d(tape, { x, w, stride, pad, name: "y" });
  tape.accumulate(y, tape.tensor("dy", y.shape));
  tape.backward();
  return choices;
}

/** The dispatches of one variant, on tensors of noise: a GPU draws more power on that than on zeros. */
function traceOf(
  memory: Memory,
  { variants, tensors }: KernelChoice,
  variant: string,
): readonly Dispatch[] {
  const tape = newTape(memory.gpu);
  const noisy = ([name, { shape }]: [string, Tensor]) => {
    const store: Store = { name, category: "input", bytes: sizeOf(shape) * 4 };
    memory.write(store, new Float32Array(sizeOf(shape)).map(keyedRandom(0).normal));
    return [name, tensorIn(store, { shape })] as const;
  };
  variants[variant].record(tape, Object.fromEntries(Object.entries(tensors).map(noisy)));
  return tape.dispatches;
}
