/**
 * Which images of a source a run trains on, and which it holds out.
 *
 * @module
 */
import { divide, type Division, heldOutCount } from "../../data/divide.ts";
import type { ImageSource } from "../../data/sources/types.ts";
import { leftOutText } from "../../data/sources/survey.ts";
import { UserError } from "../base/errors.ts";
import { counted } from "../base/format.ts";
import { maxHoldout } from "../config/default_values.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";
import { leftOutOf } from "./data_report.ts";

/** The options that decide it. */
export type DividingOptions = Pick<
  ResolvedOptions,
  "limit" | "holdout" | "order" | "batch" | "steps" | "seed"
>;

/**
 * How a run with these options divides `source`.
 *
 * @throws {UserError} if there are too few images, or the source is a stream of unknown length and an option counts them.
 */
export function partsOf(source: ImageSource, options: DividingOptions): Division {
  const { limit, holdout, order, batch, seed } = options, { name, length: n } = source;
  if (n === null) {
    expectUncounted(source, options);
    return divide(source, { holdout: holdout ?? 0, seed });
  }
  const byDefault = Math.min(maxHoldout, Math.floor(n / 10), n - Math.min(limit ?? batch, n));
  const held = heldOutCount(holdout ?? byDefault, n), train = limit ?? n - held;
  if (train + held > n || train < batch) {
    const needed = train < batch ? `a batch of ${batch}` : `${train}`, left = leftOutText(leftOutOf(source));
    throw new UserError(
      `Cannot train on "${name}": it has ${counted(n, "image")}${
        left && ` (${left})`
      }, expected ${needed} to train on (--batch ${batch}, --limit ` +
        `${limit ?? "all"}) and ${held} to hold out (--holdout). Lower one of them.`,
    );
  }
  return divide(source, { holdout: held, limit, order, seed });
}

/** Refuses options that need the number of images, which shows only at the end of `source`. */
function expectUncounted(
  { name }: ImageSource,
  { limit, holdout, order, steps }: DividingOptions,
): void {
  const counted = limit !== null
    ? { option: `--limit ${limit}`, advice: "Name fewer of its shards" }
    : holdout !== null && holdout >= 1
    ? { option: `--holdout ${holdout}`, advice: "Hold a share of the images out, as by --holdout 0.01" }
    : holdout && order === "source"
    ? { option: "--holdout in source order", advice: "Leave out --order source" }
    : steps === null
    ? { option: "--epochs", advice: "Use --steps N instead" }
    : null;
  if (!counted) return;
  throw new UserError(
    `Cannot train on "${name}" with ${counted.option}: it is streamed, and how many images it has shows only at its ` +
      `end. ${counted.advice}, or copy it to this machine.`,
  );
}
