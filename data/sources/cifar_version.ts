/**
 * Recognizes CIFAR's Python version, whose pickled files only Python reads.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";

/** Throws a UserError that names the version to download if a folder with these `entries` holds the Python version. */
export function checkCifarVersion(folder: string, entries: readonly { name: string }[]): void {
  const has = (...names: string[]) => names.every((name) => entries.some((entry) => entry.name === name));
  const set = has("data_batch_1", "batches.meta") ? "10" : has("train", "test", "meta") ? "100" : null;
  if (set === null) return;
  throw new UserError(
    `Cannot open the data source "${folder}": it is the Python version of CIFAR-${set}, which only Python reads. Download ` +
      `the binary version, https://www.cs.toronto.edu/~kriz/cifar-${set}-binary.tar.gz, unpack it and give its folder.`,
  );
}
