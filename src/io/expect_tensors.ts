/** Checks that a file holds the tensors of a model. */

import { UserError } from "../base/errors.ts";

type Shape = readonly number[];

/** Tensors by name: those of the file and those of the model. */
export interface TensorExpectation {
  found: ReadonlyMap<string, { shape: Shape }>;
  expected: ReadonlyMap<string, Shape>;
  /** Says what to do if they differ, in a sentence. */
  advise(): string;
}

/** This many tensors of each kind are named; the others are counted. */
const NAMED = 5;

function some(what: string, names: string[]): string[] {
  if (names.length === 0) return [];
  const listed = names.slice(0, NAMED).join(", ") + (names.length > NAMED ? ", …" : "");
  return [`${names.length} ${what} (${listed})`];
}

/**
 * Checks that the tensors `found` in the file `path` have the names and shapes `expected`.
 *
 * @throws {UserError} naming the first tensors that are missing, unexpected or of another shape.
 */
export function expectTensors(path: string, { found, expected, advise }: TensorExpectation): void {
  const missing: string[] = [], reshaped: string[] = [];
  for (const [name, shape] of expected) {
    const actual = found.get(name)?.shape;
    if (!actual) missing.push(name);
    else if (actual.length !== shape.length || actual.some((size, axis) => size !== shape[axis])) {
      reshaped.push(`${name} is [${actual.join(", ")}] instead of [${shape.join(", ")}]`);
    }
  }
  const unexpected = [...found.keys()].filter((name) => !expected.has(name));
  const differences = [
    ...some("of another shape", reshaped),
    ...some("missing", missing),
    ...some("unexpected", unexpected),
  ];
  if (differences.length === 0) return;
  throw new UserError(
    `Cannot load "${path}": of this model's ${expected.size} tensors ${differences.join(", ")}. ${advise()}`,
  );
}
