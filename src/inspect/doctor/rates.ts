/**
 * How fast an adapter is at the parts of a training step. Measured by the wall clock, as not every adapter has timestamps.
 *
 * @module
 */
import type { Gpu } from "../../gpu/device.ts";
import { Memory, type Store } from "../../gpu/memory.ts";
import { Program } from "../../graph/program.ts";
import type { Dispatch } from "../../graph/dispatch_list.ts";
import { sizeOf, type Tensor, tensorIn } from "../../graph/tensor.ts";
import { conv2d } from "../../ops/conv2d.ts";
import type { Product } from "../../ops/conv2d_geometry.ts";
import { probeArithmetic, probeCopy } from "../../ops/probe.ts";
import { copyTrace } from "../peaks.ts";
import { keyedRandom } from "../../base/random.ts";
import { median, newTape } from "../timing.ts";

/** Rates of an adapter: in seconds, bytes per second, floating-point operations per second. */
export interface Rates {
  /** Floating-point operations of multiply-adds in registers, two each. */
  flops: number;
  /** Bytes read and written by a copy between storage buffers. */
  copyBytes: number;
  /** A 3 × 3 convolution of 64 channels and its gradients, by the adapter's default kernels. */
  convolution: Record<Product, number>;
  /** Bytes uploaded to the GPU. */
  uploadBytes: number;
  /** Bytes read back from the GPU. */
  readBackBytes: number;
  /** Seconds of waiting for an idle GPU. */
  awaitSeconds: number;
  /** Seconds of a minimal dispatch, one of many in a pass: on the host, to encode and submit it, and on the GPU. */
  dispatch: { hostSeconds: number; gpuSeconds: number };
}

/** Measures all rates, which takes some seconds. */
export async function measureRates(gpu: Gpu): Promise<Rates> {
  const awaitSeconds = await measureAwait(gpu);
  const bench = new Bench(gpu, awaitSeconds);
  return {
    flops: await bench.rateOf(arithmeticTrace(gpu), ({ flops }) => flops),
    copyBytes: await bench.rateOf(copyTrace(gpu), ({ tensors }) => 2 * 4 * sizeOf(tensors[0].shape)),
    convolution: await measureConvolution(bench),
    uploadBytes: await measureUpload(gpu, awaitSeconds),
    readBackBytes: await measureReadBack(gpu),
    awaitSeconds,
    dispatch: await measureDispatch(gpu, awaitSeconds),
  };
}

const now = () => performance.now() / 1000;

/** Samples per time, whose median is taken, and the seconds of each at least. */
const SAMPLES = 3, SAMPLE_SECONDS = 0.1;
/** Dispatches per submission at most. */
const MAX_REPEATS = 256;

/** Resolves when the GPU has finished what was submitted. */
async function settled(gpu: Gpu): Promise<void> {
  await gpu.device.queue.onSubmittedWorkDone();
  gpu.check();
}

/** The median time of `sample`, minus the time of waiting itself. */
async function medianSeconds(
  sample: () => Promise<void>,
  { awaitSeconds = 0, samples = SAMPLES } = {},
): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < samples; i++) {
    const begin = now();
    await sample();
    times.push(now() - begin);
  }
  return Math.max(median(times) - awaitSeconds, 1e-9);
}

/** Times dispatches in submissions that take long enough. */
class Bench {
  constructor(readonly gpu: Gpu, readonly awaitSeconds: number) {}

  /** The amount per second, which `amountOf` counts in the first of `dispatches`. */
  async rateOf(dispatches: readonly Dispatch[], amountOf: (dispatch: Dispatch) => number): Promise<number> {
    using memory = new Memory(this.gpu);
    for (const { store } of regionsOf(dispatches)) fill(memory, store);
    const secondsOf = async (repeats: number, samples: number) => {
      const repeated = Array<readonly Dispatch[]>(repeats).fill(dispatches).flat();
      using program = new Program(memory, { dispatches: repeated });
      const run = () => {
        program.run();
        return settled(this.gpu);
      };
      if (repeats === 1) await run(); // compiles
      return await medianSeconds(run, { awaitSeconds: this.awaitSeconds, samples });
    };
    // A sample as short as a wait is inaccurate: the first ones only determine the number of repeats.
    let repeats = 1;
    for (let seconds = await secondsOf(1, 1); seconds < SAMPLE_SECONDS / 2 && repeats < MAX_REPEATS;) {
      repeats = Math.min(MAX_REPEATS, Math.ceil(repeats * Math.min(SAMPLE_SECONDS / seconds, 16)));
      seconds = await secondsOf(repeats, 1);
    }
    return repeats * amountOf(dispatches[0]) / await secondsOf(repeats, SAMPLES);
  }
}

/** The regions of tensors that have one before there is a plan. */
function regionsOf(dispatches: readonly Dispatch[]) {
  return dispatches.flatMap(({ tensors }) => tensors).flatMap(({ region }) => region ?? []);
}

/** Fills a store with noise, on which a GPU draws more power than on zeros. */
function fill(memory: Memory, store: Store): void {
  for (let offset = 0; offset < store.bytes; offset += NOISE.byteLength) {
    memory.write(store, NOISE.subarray(0, Math.min(NOISE.length, (store.bytes - offset) / 4)), offset);
  }
}

const NOISE = new Float32Array(2 ** 18).map(keyedRandom(0).normal);

function given(name: string, shape: readonly number[]): Tensor {
  const store: Store = { name, category: "input", bytes: sizeOf(shape) * 4 };
  return tensorIn(store, { shape });
}

/** Enough invocations to fill any adapter, and rounds to take longer than starting a dispatch. */
function arithmeticTrace(gpu: Gpu): readonly Dispatch[] {
  const tape = newTape(gpu);
  probeArithmetic(tape, { out: tape.tensor("probe", [2 ** 18, 4]), rounds: gpu.software ? 64 : 1024 });
  return tape.dispatches;
}

/** The rates by product, each with the sums of its parts. */
async function measureConvolution(bench: Bench): Promise<Record<Product, number>> {
  const C = 64, N = bench.gpu.software ? 4 : 256, tape = newTape(bench.gpu);
  const w = { ...given("w", [3, 3, C, C]), gradient: given("dw", [3, 3, C, C]) };
  const y = conv2d(tape, { x: given("x", [N, 32, 32, C]), w, stride: 1, pad: 1, name: "conv" });
  const ends = [tape.dispatches.length];
  tape.accumulate(y, given("dy", y.shape));
  tape.backward();
  const { dispatches } = tape;
  // The weights' gradient comes first.
  ends.push(dispatches.findIndex(({ kernel }) => kernel.name.startsWith("conv2d_backward_data")));
  const rate = (begin: number, end?: number) =>
    bench.rateOf(dispatches.slice(begin, end), ({ flops }) => flops);
  return {
    forward: await rate(0, ends[0]),
    backwardData: await rate(ends[1]),
    backwardWeights: await rate(ends[0], ends[1]),
  };
}

async function measureAwait(gpu: Gpu): Promise<number> {
  await settled(gpu);
  return await medianSeconds(() => settled(gpu));
}

const UPLOAD_BYTES = 2 ** 24, UPLOADS = 4;

async function measureUpload(gpu: Gpu, awaitSeconds: number): Promise<number> {
  using memory = new Memory(gpu);
  const store: Store = { name: "upload", category: "input", bytes: UPLOAD_BYTES };
  const data = new Uint8Array(UPLOAD_BYTES).fill(1);
  const upload = async () => {
    for (let i = 0; i < UPLOADS; i++) memory.write(store, data);
    gpu.device.queue.submit([]);
    await settled(gpu);
  };
  await upload();
  return UPLOADS * UPLOAD_BYTES / await medianSeconds(upload, { awaitSeconds });
}

async function measureReadBack(gpu: Gpu): Promise<number> {
  using memory = new Memory(gpu);
  const store: Store = { name: "read-back", category: "input", bytes: UPLOAD_BYTES };
  const read = async () => void await memory.read({ store, offset: 0, bytes: store.bytes });
  await read();
  return UPLOAD_BYTES / await medianSeconds(read);
}

/** So many that they take a GPU some milliseconds. */
const DISPATCHES = 2048;

async function measureDispatch(gpu: Gpu, awaitSeconds: number): Promise<Rates["dispatch"]> {
  using memory = new Memory(gpu);
  const tape = newTape(gpu), tensors = { source: given("source", [256]), copied: given("copied", [256]) };
  for (let i = 0; i < DISPATCHES; i++) probeCopy(tape, tensors);
  using program = new Program(memory, tape);
  program.run();
  await settled(gpu);
  const host: number[] = [];
  const seconds = await medianSeconds(async () => {
    const begin = now();
    program.run();
    host.push(now() - begin);
    await settled(gpu);
  }, { awaitSeconds });
  const hostSeconds = median(host);
  return {
    hostSeconds: hostSeconds / DISPATCHES,
    gpuSeconds: Math.max(seconds - hostSeconds, 0) / DISPATCHES,
  };
}
