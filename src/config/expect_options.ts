/**
 * The check of all options of a function of the library.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { parseBackbone } from "./backbone.ts";
import { checkFlag, isImageSource } from "./check_options.ts";
import { checkSource } from "./check_source.ts";
import type { Flag } from "./flag.ts";

/** Options that name images: a program may pass an open source. */
const sources: readonly string[] = ["data", "train", "test"];

/**
 * Refuses unknown options and values out of range. `callbacks` are the options that are checked by their types alone.
 *
 * @throws {UserError} naming the first such option.
 */
export function expectOptions(
  given: object,
  { flags, callbacks }: { flags: Readonly<Record<string, Flag<unknown>>>; callbacks: readonly string[] },
): void {
  const known = Object.keys(flags);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || callbacks.includes(name)) continue;
    if (!known.includes(name)) {
      throw new UserError(
        `Cannot use the option "${name}": it is none of ${[...known, ...callbacks].join(", ")}.`,
      );
    }
    if (name === "backbone") parseBackbone(value);
    else if (sources.includes(name) && isImageSource(value as Parameters<typeof isImageSource>[0])) {
      checkSource(value);
    } else checkFlag(name, { value, flag: flags[name] });
  }
}
