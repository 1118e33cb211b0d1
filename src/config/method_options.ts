/**
 * The options of the method: its parts, and how its target network follows.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { methods } from "./default_values.ts";
import type { PretrainSettings } from "./pretrain_options.ts";
import type { ResolvedOptions } from "./resolved_options.ts";

/** τ of a target that does not follow: a fixed one keeps its weights; without one the latest weights are the target's. */
const constantTau = { fixed: 1, none: 0, shared: 0 } as const;

/** Options that need a target that follows, and those that need a target network at all. */
const followingOptions = ["tau", "tauSchedule"] as const, targetOptions = ["targetInit"] as const;

/** The options that {@linkcode methodOptions} decides. */
export type MethodOptions = Pick<
  ResolvedOptions,
  "method" | "predictor" | "target" | "negatives" | "temperature" | "tau" | "tauSchedule" | "targetInit"
>;

/**
 * The method's parts. `chosen` is what options and preset say together, `tau` the default.
 *
 * @throws {UserError} if an option `given` has no effect; those of a preset may have none.
 */
export function methodOptions(
  given: PretrainSettings,
  { chosen, tau }: { chosen: PretrainSettings; tau: number },
): MethodOptions {
  const { method = "byol" } = chosen, parts = methods[method];
  const { predictor = parts.predictor, target = parts.target, negatives = parts.negatives } = chosen;
  const { temperature = parts.temperature, targetInit = "copy" } = chosen;
  expectEffect(given, { target, negatives });
  const course = target === "ema"
    ? { tau: chosen.tau ?? tau, tauSchedule: chosen.tauSchedule ?? "cosine" }
    : { tau: constantTau[target], tauSchedule: "constant" as const };
  return {
    method,
    predictor,
    target,
    negatives,
    temperature,
    ...course,
    targetInit: target === "ema" || target === "fixed" ? targetInit : "copy",
  };
}

/** Refuses options of the target or the negatives where there are none. */
function expectEffect(
  given: PretrainSettings,
  { target, negatives }: Pick<ResolvedOptions, "target" | "negatives">,
): void {
  const idle = target === "ema"
    ? []
    : target === "fixed"
    ? followingOptions
    : [...followingOptions, ...targetOptions];
  for (const name of idle) {
    if (given[name] === undefined) continue;
    const fact = target === "fixed" ? "the target keeps its initial weights" : "there is no target network";
    const targets = name === "targetInit" ? "ema or fixed" : "ema";
    throw new UserError(
      `Cannot use ${name} = ${
        given[name]
      } with target = ${target}: ${fact}. Leave out ${name}, or choose target ${targets}.`,
    );
  }
  if (given.temperature !== undefined && negatives === 0) {
    throw new UserError(
      `Cannot use temperature = ${given.temperature} with negatives = 0: only negatives have a temperature. Leave out ` +
        `temperature, or add negatives.`,
    );
  }
}
