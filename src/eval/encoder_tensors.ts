/**
 * The tensors of an encoder in a file: alone, below a common prefix, or in a checkpoint beside other networks.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { expectTensors } from "../io/expect_tensors.ts";
import type { TorchTensor } from "../nn/weights.ts";
import { likenessAdvice, NETWORK_PART } from "./looks_like.ts";

type Tensors = ReadonlyMap<string, TorchTensor>;

/** Networks that follow a trained one, in the words of various methods. */
const FOLLOWER = /(^|[._])(target|momentum|ema|teacher|encoder_k|key_encoder)([._]|$)/;

/** An encoder that was found in a file. */
export interface FoundEncoder {
  /** The tensors by torchvision's names. */
  tensors: Map<string, TorchTensor>;
  /** What precedes these names in the file, such as `backbone.`; empty if nothing does. */
  prefix: string;
  /** How many other tensors the file has. */
  others: number;
}

/**
 * The tensors with the names and shapes `expected` in the file `path`.
 *
 * @throws {UserError} if there are none, several networks have them, or a value cannot be one of a trained encoder.
 */
export function findEncoder(
  path: string,
  { found, expected }: { found: Tensors; expected: ReadonlyMap<string, readonly number[]> },
): FoundEncoder {
  const prefix = prefixIn(path, { found, names: [...expected.keys()] });
  const below = [...found].flatMap(([name, tensor]) =>
    name.startsWith(prefix) ? [[name.slice(prefix.length), tensor] as const] : []
  );
  const tensors = new Map(below.filter(([name]) => NETWORK_PART.test(name)));
  expectTensors(path, { found: tensors, expected, advise: () => likenessAdvice(found) });
  expectSound(path, { prefix, tensors });
  return { tensors, prefix, others: found.size - tensors.size };
}

/** The prefix of the trained network that has all of `names`; if none has all, of the one that has most. */
function prefixIn(path: string, { found, names }: { found: Tensors; names: readonly string[] }): string {
  const before = (end: string) =>
    [...found.keys()].flatMap((name) => {
      const prefix = name.slice(0, -end.length);
      return name.endsWith(end) && (prefix === "" || prefix.endsWith(".")) ? [prefix] : [];
    });
  const prefixes = before(names[0]);
  const count = (prefix: string) => names.filter((name) => found.has(prefix + name)).length;
  const complete = prefixes.filter((prefix) => count(prefix) === names.length);
  if (complete.includes("")) return "";
  const trained = complete.filter((prefix) => !FOLLOWER.test(prefix));
  if (trained.length > 1) {
    throw new UserError(
      `Cannot use the encoder "${path}": it has several encoders, ${
        trained.join(", ")
      }. Write one of them to a file of its own.`,
    );
  }
  if (complete.length > 0) return trained[0] ?? complete[0];
  // Any tensor may be the one that is missing.
  const counts = new Map(new Set(names.flatMap(before)).values().map((prefix) => [prefix, count(prefix)]));
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? "";
}

/** Refuses values that no trained encoder has: they would give an accuracy of chance. */
function expectSound(path: string, { prefix, tensors }: { prefix: string; tensors: Tensors }): void {
  for (const [name, { data }] of tensors) {
    const isVariance = name.endsWith("running_var");
    const bad = data.find((value) => !Number.isFinite(value) || isVariance && value < 0);
    if (bad === undefined) continue;
    throw new UserError(
      `Cannot use the encoder "${path}": the tensor ${prefix}${name} has the value ${bad}, expected ` +
        `${
          isVariance ? "finite numbers of at least 0" : "finite numbers"
        }. Use an earlier checkpoint of its training.`,
    );
  }
}
