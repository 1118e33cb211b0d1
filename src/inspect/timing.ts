/**
 * Times of kernels by the GPU's clock: medians of samples taken in turns.
 *
 * @module
 */
import { MachineError } from "../base/errors.ts";
import type { Gpu } from "../gpu/device.ts";
import { Memory } from "../gpu/memory.ts";
import { Program, type Timing } from "../graph/program.ts";
import type { Dispatch } from "../graph/dispatch_list.ts";
import { Tape } from "../graph/tape.ts";
import { deviceProfileOf } from "../graph/kernel_choice.ts";
import { addInto } from "../ops/add.ts";
import { probeArithmetic } from "../ops/probe.ts";

/** All calls of one kernel in a run of a program. */
export interface KernelTime {
  /** Its name. */
  name: string;
  /** Number of calls. */
  calls: number;
  /** Seconds of all calls. */
  seconds: number;
  /** Floating-point operations of all calls; 0 for kernels that are counted in bytes. */
  flops: number;
  /** Bytes read and written by all calls, each tensor once. */
  bytes: number;
}

/** Samples per time, whose median is taken, and the seconds of GPU work in each. */
export const SAMPLES = 5, SAMPLE_SECONDS = 0.1;

/** Seconds of a sample of wall time: many times longer than waiting for the GPU. */
const WALL_SECONDS = 0.5;
/** How often a program repeats a trace at most, for kernels that take microseconds. */
const MAX_REPEATS = 256;
/** Invocations of the arithmetic probe: enough to fill any GPU. */
const PROBE_INVOCATIONS = 2 ** 18;
/** A clock whose rate is off by less is taken to count nanoseconds. */
const CLOCK_TOLERANCE = 0.3;

/** The middle value, the upper one of two. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** Sums by name, the longest first. */
export function byKernel(timings: readonly Timing[]): KernelTime[] {
  const sums = new Map<string, KernelTime>();
  for (const { name, seconds, flops, bytes } of timings) {
    const sum = sums.get(name) ?? { name, calls: 0, seconds: 0, flops: 0, bytes: 0 };
    sum.calls++;
    sum.seconds += seconds;
    sum.flops += flops;
    sum.bytes += bytes;
    sums.set(name, sum);
  }
  return [...sums.values()].sort((a, b) => b.seconds - a.seconds);
}

/** The sum of all seconds. */
export function secondsOf(timings: readonly Timing[]): number {
  return timings.reduce((sum, { seconds }) => sum + seconds, 0);
}

/** Each command's median over several `runs` of equal commands. */
export function medians(runs: readonly (readonly Timing[])[]): Timing[] {
  return runs[0].map((timing, i) => ({ ...timing, seconds: median(runs.map((run) => run[i].seconds)) }));
}

/**
 * Measures the wall time of `run`, which submits work; `settled` resolves when the work is done. Warms up first.
 *
 * @returns a function that takes a sample: seconds per run, of as many runs as take {@linkcode WALL_SECONDS}.
 */
export async function wallTimer(
  { run, settled }: { run: () => void; settled: () => Promise<unknown> },
): Promise<() => Promise<number>> {
  const sample = async (count: number) => {
    const begin = performance.now();
    for (let i = 0; i < count; i++) run();
    await settled();
    return (performance.now() - begin) / 1000 / count;
  };
  await sample(1); // compiles
  // Waiting alone takes some milliseconds: a single short run would look too long.
  const few = await sample(Math.ceil(WALL_SECONDS / 10 / await sample(1)));
  const count = Math.ceil(WALL_SECONDS / few);
  return () => sample(count);
}

/** A tape for dispatches that are measured alone. */
export function newTape(gpu: Gpu): Tape {
  return new Tape(deviceProfileOf(gpu), { training: true, views: 1, add: addInto });
}

/** The times of the commands of `program`, in seconds for any unit of the adapter's clock. */
export async function timingsOf(
  gpu: Gpu,
  program: { timings(): Promise<Timing[]> },
): Promise<Timing[]> {
  const { tick } = await calibrationOf(gpu);
  return (await program.timings()).map((timing) => ({ ...timing, seconds: timing.seconds * tick }));
}

/**
 * Times traces whose tensors lie in stores of `memory`, in turns, so that a busy or throttled machine slows all of them.
 *
 * @returns for each trace the kernels of one run: medians of `samples`, each of at least {@linkcode SAMPLE_SECONDS} of
 * GPU work.
 */
export async function timeInTurns(
  memory: Memory,
  traces: readonly (readonly Dispatch[])[],
  samples = SAMPLES,
): Promise<KernelTime[][]> {
  const { gpu } = memory;
  using stack = new DisposableStack();
  const contestants = [];
  for (const trace of traces) {
    let once: KernelTime[];
    let repeats: number;
    {
      using program = new Program(memory, { dispatches: trace });
      await program.timings(); // compiles
      once = byKernel(await timingsOf(gpu, program));
      repeats = Math.min(Math.ceil(SAMPLE_SECONDS / secondsOf(once)), MAX_REPEATS);
    }
    const dispatches = Array<readonly Dispatch[]>(repeats).fill(trace).flat();
    contestants.push({
      once,
      program: stack.use(new Program(memory, { dispatches })),
      taken: [] as KernelTime[][],
    });
  }
  for (let i = 0; i < samples; i++) {
    for (const { program, taken } of contestants) {
      const sample: Timing[] = [];
      while (secondsOf(sample) < SAMPLE_SECONDS) sample.push(...await timingsOf(gpu, program));
      taken.push(byKernel(sample));
    }
  }
  // Repeats may need fewer copies to textures than the first run: times are per call.
  return contestants.map(({ once, taken }) =>
    once.map((kernel) => {
      const perCall = taken.map((sample) => {
        const { seconds, calls } = sample.find(({ name }) => name === kernel.name)!;
        return seconds / calls;
      });
      return { ...kernel, seconds: median(perCall) * kernel.calls };
    })
  );
}

/** Traces arithmetic in registers that takes at least {@linkcode SAMPLE_SECONDS}. */
export async function arithmeticTrace(gpu: Gpu): Promise<readonly Dispatch[]> {
  const { rounds } = await calibrationOf(gpu);
  return traceArithmetic(gpu, rounds);
}

function traceArithmetic(gpu: Gpu, rounds: number): readonly Dispatch[] {
  const tape = newTape(gpu);
  probeArithmetic(tape, { out: tape.tensor("probe", [PROBE_INVOCATIONS, 4]), rounds });
  return tape.dispatches;
}

/** What measurements on an adapter need to know. */
interface Calibration {
  /**
   * Nanoseconds of a tick of its clock: 1 by WebGPU's rules, but wgpu passes on the driver's ticks (gfx-rs/wgpu#6719),
   * which last 10 or 83 ns on some GPUs.
   */
  tick: number;
  /** Rounds of the arithmetic probe that take long enough. */
  rounds: number;
}

const calibrations = new WeakMap<Gpu, Promise<Calibration>>();

function calibrationOf(gpu: Gpu): Promise<Calibration> {
  let calibration = calibrations.get(gpu);
  if (!calibration) calibrations.set(gpu, calibration = calibrate(gpu));
  return calibration;
}

/** Compares the adapter's clock with the wall clock. */
async function calibrate(gpu: Gpu): Promise<Calibration> {
  using memory = new Memory(gpu);
  for (let rounds = 16;; rounds *= 2) {
    using program = new Program(memory, { dispatches: traceArithmetic(gpu, rounds) });
    const wall = async (runs: number) => {
      const begin = performance.now();
      for (let i = 0; i < runs; i++) program.run();
      await gpu.device.queue.onSubmittedWorkDone();
      gpu.check();
      return (performance.now() - begin) / 1000;
    };
    await wall(1); // compiles
    // Waiting itself cancels out in the difference of two waits.
    if (await wall(2) - await wall(1) < SAMPLE_SECONDS) continue;
    const ratios: number[] = [];
    for (let i = 0; i < SAMPLES; i++) {
      ratios.push((await wall(2) - await wall(1)) / secondsOf(await program.timings()));
    }
    const ratio = median(ratios);
    if (!(ratio > 0 && ratio < Infinity)) {
      throw new MachineError(
        `Cannot measure on "${gpu.name}": its clock (timestamp-query) does not run. Update the driver.`,
      );
    }
    return { tick: Math.abs(ratio - 1) < CLOCK_TOLERANCE ? 1 : ratio, rounds };
  }
}
