/**
 * Which samples of a source train, and which are held out.
 *
 * @module
 */
import type { ImageSource } from "../../data/sources/types.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";
import { maxHoldout } from "../config/default_values.ts";
import { UserError } from "../base/errors.ts";

/** The samples [0, train) and [train, train + holdout); null: all, of a number unknown. */
export interface Split {
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
      `Cannot train on ${source.name} with --limit, --holdout or --epochs as these need to know how many images there ` +
        `are: it is streamed, and that shows at its end. Say --steps N instead, or copy it to this machine.`,
    );
  }
  const usual = source.classes.length > 1
    ? Math.min(maxHoldout, Math.floor(n / 10), n - Math.min(limit ?? 0, n))
    : 0;
  const held = holdout ?? usual;
  const train = limit ?? n - held;
  if (train + held > n || train < batch) {
    throw new UserError(
      `Cannot train on ${source.name} as it has ${n} samples: expected ${
        train < batch ? `a batch of ${batch}` : train
      } to ` +
        `train on (--batch ${batch}, --limit ${
          limit ?? "all"
        }) and ${held} to hold out (--holdout). Lower one of them.`,
    );
  }
  return { train, holdout: held };
}
