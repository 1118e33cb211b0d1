/**
 * The peak rates of an adapter, measured by probes, as a scale for the rates of kernels.
 *
 * @module
 */
import type { Gpu } from "../gpu/device.ts";
import { Memory, type Store } from "../gpu/memory.ts";
import type { Dispatch } from "../graph/dispatch_list.ts";
import { tensorIn } from "../graph/tensor.ts";
import { probeCopy } from "../ops/probe.ts";
import { arithmeticTrace, type KernelTime, newTape, SAMPLES, timeInTurns } from "./timing.ts";

/** Peak rates, as probes measured them. */
export interface Peaks {
  /** Floating-point operations per second of multiply-adds in registers, two each. */
  flops: number;
  /** Bytes per second, read and written, of a copy between storage buffers larger than any cache. */
  bytes: number;
}

/** Bytes of the copied buffers, if the adapter can bind as many: more than its caches hold. */
const COPY_BYTES = 2 ** 27;

/** Runs the probes `samples` times; each time takes about a second. */
export async function measurePeaks(gpu: Gpu, samples = SAMPLES): Promise<Peaks> {
  using memory = new Memory(gpu);
  const probes = [await arithmeticTrace(gpu), copyTrace(gpu)];
  const [[arithmetic], [copy]] = await timeInTurns(memory, probes, samples);
  return { flops: arithmetic.flops / arithmetic.seconds, bytes: copy.bytes / copy.seconds };
}

/** Traces a copy from one storage buffer to another. */
export function copyTrace(gpu: Gpu): readonly Dispatch[] {
  const bytes = Math.min(COPY_BYTES, gpu.limits.maxBinding);
  const tensor = (name: string) => {
    const store: Store = { name, category: "input", bytes };
    return tensorIn(store, { shape: [bytes / 4] });
  };
  const tape = newTape(gpu);
  probeCopy(tape, { source: tensor("source"), copied: tensor("copied") });
  return tape.dispatches;
}

/** The rate of a kernel in its own unit, and as a fraction of the peak that applies to it. */
export function rateOf(
  { flops, bytes, seconds }: Pick<KernelTime, "flops" | "bytes" | "seconds">,
  peaks: Peaks,
): { text: string; fraction: number } {
  const [amount, peak, unit] = flops > 0
    ? [flops, peaks.flops, "GFLOP/s"] as const
    : [bytes, peaks.bytes, "GB/s"] as const;
  const rate = amount / seconds;
  return { text: `${(rate / 1e9).toFixed(1)} ${unit}`, fraction: rate / peak };
}
