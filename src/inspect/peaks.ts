/**
 * What an adapter reaches at the most, measured: a kernel's figures say something beside these.
 *
 * @module
 */
import type { Gpu } from "../gpu/device.ts";
import { Memory, type Store } from "../gpu/memory.ts";
import type { Dispatch } from "../graph/dispatch_list.ts";
import { tensorIn } from "../graph/tensor.ts";
import { probeCopy } from "../ops/probe.ts";
import { arithmeticTrace, type KernelTime, newTape, SAMPLES, timeInTurns } from "./timing.ts";

/** What the probes reached. */
export interface Peaks {
  /** Multiply-adds on numbers in registers, each of them two operations, a second. */
  flops: number;
  /** Bytes a second, read and written, of a copy between storage buffers that no cache holds. */
  bytes: number;
}

/** Bytes of the buffers that are copied, if the adapter binds so many: more than its caches hold. */
const COPY_BYTES = 2 ** 27;

/** Runs the probes, which takes about a second; once for each of the `samples`. */
export async function measurePeaks(gpu: Gpu, samples = SAMPLES): Promise<Peaks> {
  using memory = new Memory(gpu);
  const probes = [await arithmeticTrace(gpu), copyTrace(gpu)];
  const [[arithmetic], [copy]] = await timeInTurns(memory, probes, samples);
  return { flops: arithmetic.flops / arithmetic.seconds, bytes: copy.bytes / copy.seconds };
}

/** A copy from one storage buffer to another. */
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

/** How fast a kernel is, in its own unit, and that as a fraction of the peak that applies. */
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
