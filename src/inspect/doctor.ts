/**
 * The doctor: whether this machine computes correctly, and how fast it trains.
 *
 * @module
 */
import type { Gpu } from "../gpu/device.ts";
import { openGpu } from "../gpu/device.ts";
import { deviceProfileOf } from "../graph/kernel_choice.ts";
import { type AdapterFacts, adapterFacts } from "./doctor/adapter_facts.ts";
import { type Decoding, measureDecoding } from "./doctor/decode_rate.ts";
import { type Expectation, expectationsOn } from "./doctor/expectations.ts";
import { type FailureReports, provokeFailures } from "./doctor/failures.ts";
import { hintsFor } from "./doctor/hints.ts";
import { checksFor, type Finding, type Proof, prove } from "./doctor/prove.ts";
import type { Product } from "../ops/conv2d_geometry.ts";
import type { Pin } from "./doctor/pins.ts";
import { measureRates, type Rates } from "./doctor/rates.ts";

export type { AdapterFacts, Decoding, Expectation, FailureReports, Finding, Pin, Product, Proof, Rates };

/** The state of this machine. */
export interface Diagnosis {
  /** Whether every check passed, and every provoked failure was reported. */
  healthy: boolean;
  /** Whether kernels that this adapter never chooses were checked too. */
  all: boolean;
  /** What the adapter reports about itself. */
  adapter: AdapterFacts;
  /** The results of the checks. */
  proof: Proof;
  /** How the adapter reports failures. */
  failures: FailureReports;
  /** How fast it is; null if a check failed, as the figures would have no meaning. */
  speed: Speed | null;
  /** Seconds that the examination took. */
  seconds: number;
}

/** How fast a machine is. */
export interface Speed {
  /** Rates of the GPU. */
  rates: Rates;
  /** Rate of decoding images. */
  decoding: Decoding;
  /** Estimates for common configurations. */
  expectations: Expectation[];
  /** What would make training faster. */
  hints: string[];
}

/** Options of {@linkcode doctor}. */
export interface DoctorOptions {
  /** Also check kernels that this adapter never chooses; some drivers take minutes to compile them. */
  all?: boolean;
  /** Receives a line for each part of the examination. Default: lines are dropped. */
  log?: (line: string) => void;
}

/**
 * Examines the adapter that training would use: what it is, whether every kernel computes correctly, how failures are
 * reported, how fast it is, and what training speed to expect. Takes less than a minute.
 *
 * @throws {MachineError} if there is no adapter.
 *
 * @example
 * ```ts ignore
 * import { doctor } from "./mod.ts";
 *
 * const { healthy, adapter, speed } = await doctor();
 * console.log(adapter.name, healthy, speed?.expectations[0].imagesPerSecond);
 * ```
 */
export async function doctor(options: DoctorOptions = {}): Promise<Diagnosis> {
  using gpu = await openGpu();
  return await examine(gpu, options);
}

/** Examines the adapter of `gpu`. */
export async function examine(
  gpu: Gpu,
  { all = false, log = () => {} }: DoctorOptions = {},
): Promise<Diagnosis> {
  const begin = performance.now();
  log(`Examining ${gpu.name}: comparing every kernel with the CPU`);
  const proof = await prove(gpu, await checksFor(deviceProfileOf(gpu), { all }));
  const failures = await provokeFailures(gpu);
  const correct = proof.findings.length === 0;
  let speed: Speed | null = null;
  if (correct) {
    log("Measuring rates");
    const rates = await measureRates(gpu), decoding = await measureDecoding();
    const expectations = expectationsOn({ target: deviceProfileOf(gpu), limits: gpu.limits }, rates);
    const hints = hintsFor({ adapter: adapterFacts(gpu), decoding, expectations });
    speed = { rates, decoding, expectations, hints };
  }
  return {
    healthy: correct && failures.tooLarge !== null && failures.lost !== null,
    all,
    adapter: adapterFacts(gpu),
    proof,
    failures,
    speed,
    seconds: (performance.now() - begin) / 1000,
  };
}
