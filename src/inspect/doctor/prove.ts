/**
 * Runs all checks on an adapter, and finds which kernels cause failures.
 *
 * @module
 */
import { MachineError, messageOf } from "../../base/errors.ts";
import type { Gpu } from "../../gpu/device.ts";
import { pipelineOf } from "../../gpu/kernel.ts";
import type { ChoosingProfile } from "../../graph/kernel_choice.ts";
import { type Check, kernelsOf } from "./check.ts";
import { conv2dChecks } from "./conv2d_checks.ts";
import { convnextChecks } from "./convnext_checks.ts";
import { halfChecks } from "./half_checks.ts";
import { layerChecks } from "./layer_checks.ts";
import { lossChecks } from "./loss_checks.ts";
import { pairChecks } from "./pair_checks.ts";
import { type Pin, pinAround } from "./pins.ts";
import { stepChecks } from "./step_checks.ts";
import { trainingChecks } from "./training_checks.ts";
import { viewChecks } from "./view_check.ts";

/** A failed check. */
export interface Finding {
  /** What was computed. */
  what: string;
  /** Kernels that may be wrong: those of the check that no other check has proved correct. */
  kernels: string[];
  /** How the result differs, or the message of the driver. */
  problem: string;
  /** The family of kernels that computes correctly and that `--kernels` can pin, if there is one. */
  pin: Pin | null;
}

/** Results of all checks. */
export interface Proof {
  /** Number of checks. */
  checks: number;
  /** Kernels that compute correctly. */
  kernels: string[];
  /** The checks that failed. */
  findings: Finding[];
}

/**
 * All checks for the machine `target`, in an order in which later ones build on earlier ones; with `all` also of kernels
 * that it never chooses.
 */
export async function checksFor(target: ChoosingProfile, { all }: { all: boolean }): Promise<Check[]> {
  return [
    ...layerChecks(target),
    ...conv2dChecks(target, { all }),
    ...convnextChecks(target, { all }),
    ...lossChecks(target),
    ...pairChecks(target),
    ...trainingChecks(target),
    ...viewChecks(target),
    ...await stepChecks(target),
    ...await halfChecks(target, { all }),
  ];
}

/**
 * Runs `checks` on `gpu`. After a failed check the next ones still run.
 *
 * @throws {MachineError} if the GPU is lost; names the check and its kernels.
 */
export async function prove(gpu: Gpu, checks: readonly Check[]): Promise<Proof> {
  const correct = new Set<string>(), failures: Failure[] = [];
  for (const check of checks) {
    const { problem, refused } = await attempt(gpu, check);
    expectAlive(gpu, check);
    if (problem !== null) failures.push({ check, problem, refused });
    else if (!check.relative) { for (const name of kernelsOf(check)) correct.add(name); }
  }
  const blamed = blame(failures, correct), failed = failures.map(({ check }) => check);
  const wrong = new Set([...blamed.values()].flat());
  return {
    checks: checks.length,
    kernels: [...correct].filter((name) => !wrong.has(name)).sort(),
    findings: failures.map((failure) => {
      const kernels = blamed.get(failure)!, { check: { what }, problem } = failure;
      return { what, kernels, problem, pin: pinAround(kernels, { checks, failed }) };
    }),
  };
}

/** A lost device makes every further check fail: the one that lost it is named. */
function expectAlive(gpu: Gpu, check: Check): void {
  try {
    gpu.check();
  } catch (error) {
    throw new MachineError(
      `Cannot go on after "${check.what}" by ${kernelsOf(check).join(", ")}: ${messageOf(error)}`,
    );
  }
}

interface Failure {
  check: Check;
  problem: string;
  /** Kernels that the driver refused. */
  refused: string[];
}

/**
 * The kernels that cause each failure: those that the driver refused, else those that no check has proved `correct`, else
 * all of the check. A kernel blamed for a check with few suspects is blamed wherever it is used.
 */
function blame(failures: readonly Failure[], correct: ReadonlySet<string>): Map<Failure, string[]> {
  const suspectsOf = ({ check, refused }: Failure) => {
    const kernels = kernelsOf(check), open = kernels.filter((name) => !correct.has(name));
    return [refused, open, kernels].find((names) => names.length > 0) ?? [];
  };
  const guilty = new Set<string>(), blamed = new Map<Failure, string[]>();
  const bySuspects = failures.map((failure) => ({ failure, suspects: suspectsOf(failure) }))
    .sort((a, b) => a.suspects.length - b.suspects.length);
  for (const { failure, suspects } of bySuspects) {
    const known = kernelsOf(failure.check).filter((name) => guilty.has(name));
    const named = known.length > 0 ? known : suspects;
    for (const name of named) guilty.add(name);
    blamed.set(failure, named);
  }
  return blamed;
}

/** Runs `check`; returns what is wrong with its result, and the kernels that the driver refused. */
async function attempt(gpu: Gpu, check: Check): Promise<{ problem: string | null; refused: string[] }> {
  let failure: Error | undefined;
  // Errors are returned, and do not affect later checks.
  const own: Gpu = {
    ...gpu,
    fail: (error) => failure ??= error,
    check() {
      gpu.check();
      if (failure) throw failure;
    },
  };
  const { value, error } = await withErrorScopes(gpu, () => check.run(own));
  if (error === null) return { problem: value ?? null, refused: [] };
  const refused: string[] = [];
  for (const { kernel, constants } of check.dispatches) {
    const fresh = { ...own, pipelines: new Map() };
    const { error } = await withErrorScopes(gpu, () => pipelineOf(fresh, { kernel, constants }));
    if (error !== null && !refused.includes(kernel.name)) refused.push(kernel.name);
  }
  return { problem: error, refused };
}

/** Runs `work`; `error` is the message of an error that the driver reported or that was thrown. */
async function withErrorScopes<T>(
  { device }: Gpu,
  work: () => T | Promise<T>,
): Promise<{ value?: T; error: string | null }> {
  const filters = ["validation", "internal", "out-of-memory"] as const;
  for (const filter of filters) device.pushErrorScope(filter);
  let value: T | undefined, thrown: string | null = null;
  try {
    value = await work();
  } catch (error) {
    thrown = messageOf(error);
  }
  const reported: (GPUError | null)[] = [];
  for (const _ of filters) reported.push(await device.popErrorScope().catch(() => null));
  return { value, error: reported.find((error) => error !== null)?.message ?? thrown };
}
