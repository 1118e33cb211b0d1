/**
 * Which samples of a source are trained on, and which are held out.
 *
 * @module
 */
import type { ImageSource } from "../../data/sources/types.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";
import { maxHoldout } from "../config/default_values.ts";
import { UserError } from "../base/errors.ts";

/** Training samples [0, train) and held-out samples [train, train + holdout). */
export interface Split {
  /** Null: all, and their number is not known. */
  train: number | null;
  holdout: number;
}

/** How a run with these options divides `source`. */
export function split(
  source: ImageSource,
  { limit, holdout, batch, steps }: ResolvedOptions,
): Split {
  const n = source.length;
  if (n === null) {
    if (limit === null && !holdout && steps !== null) return { train: null, holdout: 0 };
    throw new UserError(
      `Cannot train on "${source.name}" with --limit, --holdout or --epochs: it is streamed, and how many images it has ` +
        `shows only at its end. Use --steps N instead, or copy it to this machine.`,
    );
  }
  const byDefault = source.classes.length > 1
    ? Math.min(maxHoldout, Math.floor(n / 10), n - Math.min(limit ?? 0, n))
    : 0;
  const held = holdout ?? byDefault;
  const train = limit ?? n - held;
  if (train + held > n || train < batch) {
    const needed = train < batch ? `a batch of ${batch}` : `${train}`;
    throw new UserError(
      `Cannot train on "${source.name}": it has ${n} samples, expected ${needed} to train on (--batch ${batch}, --limit ` +
        `${limit ?? "all"}) and ${held} to hold out (--holdout). Lower one of them.`,
    );
  }
  return { train, holdout: held };
}
