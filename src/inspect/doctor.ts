/**
 * Whether this machine trains right, and how fast.
 *
 * @module
 */
import type { Gpu } from "../gpu/device.ts";
import { openGpu } from "../gpu/device.ts";
import { deviceProfileOf } from "../graph/kernel_choice.ts";
import { type AdapterFacts, adapterFacts } from "./doctor/adapter_facts.ts";
import { type Decoding, measureDecoding } from "./doctor/decode_rate.ts";
import { type Expectation, expectationsOn } from "./doctor/expectations.ts";
import { type Answers, provokeFailures } from "./doctor/failures.ts";
import { hintsFor } from "./doctor/hints.ts";
import { checksFor, type Finding, type Proof, prove } from "./doctor/prove.ts";
import type { Product } from "../ops/conv2d_geometry.ts";
import type { Pin } from "./doctor/pins.ts";
import { measureRates, type Rates } from "./doctor/rates.ts";

export type { AdapterFacts, Answers, Decoding, Expectation, Finding, Pin, Product, Proof, Rates };

/** What was found on this machine. */
export interface Diagnosis {
  /** Whether everything computes right, and every failure is heard of. */
  healthy: boolean;
  /** Whether kernels were checked too that this adapter never chooses by itself. */
  all: boolean;
  /** What the adapter tells of itself. */
  adapter: AdapterFacts;
  /** What came of the checks. */
  proof: Proof;
  /** How it answers where it fails. */
  failures: Answers;
  /** How fast it is; null where it computes wrong, as the figures would mean nothing. */
  speed: { rates: Rates; decoding: Decoding; expectations: Expectation[]; hints: string[] } | null;
  /** What all that took. */
  seconds: number;
}

/** Options of {@linkcode doctor}. */
export interface DoctorOptions {
  /** Also check kernels that this adapter never chooses by itself, which some drivers compile for minutes. */
  all?: boolean;
  /** Hears what is being done. */
  log?: (line: string) => void;
}

/**
 * Examines the adapter that training would use: what it is, whether every kernel computes right on it, how it answers when
 * it fails, how fast it is and what to expect of it. Takes less than a minute.
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
  log(`Examining ${gpu.name}: every kernel against the CPU`);
  const proof = await prove(gpu, await checksFor(deviceProfileOf(gpu), { all }));
  const failures = await provokeFailures(gpu);
  const right = proof.findings.length === 0;
  let speed: Diagnosis["speed"] = null;
  if (right) {
    log("Measuring its rates");
    const rates = await measureRates(gpu), decoding = await measureDecoding();
    const expectations = expectationsOn({ target: deviceProfileOf(gpu), limits: gpu.limits }, rates);
    const hints = hintsFor({ adapter: adapterFacts(gpu), decoding, expectations });
    speed = { rates, decoding, expectations, hints };
  }
  return {
    healthy: right && failures.tooLarge !== null && failures.lost !== null,
    all,
    adapter: adapterFacts(gpu),
    proof,
    failures,
    speed,
    seconds: (performance.now() - begin) / 1000,
  };
}
