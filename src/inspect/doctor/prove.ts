/**
 * Proof that an adapter computes right: all checks, and who is to blame where one fails.
 *
 * @module
 */
import { messageOf } from "../../base/errors.ts";
import type { Gpu } from "../../gpu/device.ts";
import { pipelineOf } from "../../gpu/kernel.ts";
import type { ChoosingProfile } from "../../graph/kernel_choice.ts";
import { type Check, kernelsOf } from "./check.ts";
import { conv2dChecks } from "./conv2d_checks.ts";
import { layerChecks } from "./layer_checks.ts";
import { lossChecks } from "./loss_checks.ts";
import { type Pin, pinAround } from "./pins.ts";
import { stepChecks } from "./step_checks.ts";
import { trainingChecks } from "./training_checks.ts";
import { viewChecks } from "./view_check.ts";

/** A check that failed. */
export interface Finding {
  /** What was computed, in words. */
  what: string;
  /** The kernels that may be wrong: those of the check that no other check has shown to be right. */
  kernels: string[];
  /** How the result differs, or what the driver says. */
  problem: string;
  /** The family of kernels that computes right and that training can be held to, if there is one. */
  pin: Pin | null;
}

/** What came of all checks. */
export interface Proof {
  /** How many checks were made. */
  checks: number;
  /** The kernels that compute right. */
  kernels: string[];
  /** The checks that failed. */
  findings: Finding[];
}

/**
 * All checks for the machine `target`, what others build on first; with `all` also of kernels that it never chooses by
 * itself.
 */
export async function checksFor(target: ChoosingProfile, { all }: { all: boolean }): Promise<Check[]> {
  return [
    ...layerChecks(target),
    ...conv2dChecks(target, { all }),
    ...lossChecks(target),
    ...trainingChecks(target),
    ...viewChecks(target),
    ...await stepChecks(target),
  ];
}

/** Makes `checks` on `gpu`. A check that fails does not keep the next from being made. */
export async function prove(gpu: Gpu, checks: readonly Check[]): Promise<Proof> {
  const right = new Set<string>(), failures: Failure[] = [];
  for (const check of checks) {
    const { problem, refused } = await attempt(gpu, check);
    gpu.check(); // a lost device makes every further check fail
    if (problem !== null) failures.push({ check, problem, refused });
    else if (!check.relative) { for (const name of kernelsOf(check)) right.add(name); }
  }
  const blamed = blame(failures, right), failed = failures.map(({ check }) => check);
  const wrong = new Set([...blamed.values()].flat());
  return {
    checks: checks.length,
    kernels: [...right].filter((name) => !wrong.has(name)).sort(),
    findings: failures.map((failure) => {
      const kernels = blamed.get(failure)!, { check: { what }, problem } = failure;
      return { what, kernels, problem, pin: pinAround(kernels, { checks, failed }) };
    }),
  };
}

interface Failure {
  check: Check;
  problem: string;
  /** The kernels that the driver refused. */
  refused: string[];
}

/**
 * The kernels that each failure is laid to: those that the driver refused; or else those that no check has shown to be
 * `right`, if there are any. One that a check with few suspects has found is to blame wherever it takes part.
 */
function blame(failures: readonly Failure[], right: ReadonlySet<string>): Map<Failure, string[]> {
  const suspectsOf = ({ check, refused }: Failure) => {
    const kernels = kernelsOf(check), open = kernels.filter((name) => !right.has(name));
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

/** What is wrong with the result of `check`, and the kernels that the driver refused. */
async function attempt(gpu: Gpu, check: Check): Promise<{ problem: string | null; refused: string[] }> {
  let failure: Error | undefined;
  // What goes wrong here is told, and not held against what comes later.
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

/** Runs `work`; an error that the driver reports, or that is thrown, is its `error` in words. */
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
