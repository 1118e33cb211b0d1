/**
 * Checks of an ImageSource that a program gives.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";

const isFunction = (value: unknown) => typeof value === "function";
const isText = (value: unknown) => typeof value === "string";
const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0;

const ALWAYS: Fields = {
  name: [isText, "a text"],
  classes: [(value) => Array.isArray(value) && value.every(isText), "a list of texts"],
  fingerprint: [isText, "a text"],
  close: [isFunction, "a function"],
};

const BY_KIND: Record<string, Fields> = {
  indexed: {
    length: [isCount, "a whole number of at least 0"],
    key: [isFunction, "a function"],
    label: [isFunction, "a function"],
    read: [isFunction, "a function"],
  },
  streamed: {
    length: [(value) => value === null || isCount(value), "a whole number of at least 0, or null"],
    shards: [Array.isArray, "a list of shards"],
  },
};

/** Whether a field is allowed, and what is. */
type Fields = Record<string, [isAllowed: (value: unknown) => boolean, expected: string]>;

/**
 * `value`, if its fields are those of an ImageSource.
 *
 * @throws {UserError} with the first field that is not.
 */
export function checkSource(value: unknown): unknown {
  const source = (value ?? {}) as Record<string, unknown>, { kind, name } = source;
  if (kind !== "indexed" && kind !== "streamed") {
    throw new UserError(
      `Cannot use data of kind ${JSON.stringify(kind)}: an ImageSource is of kind "indexed" or "streamed".`,
    );
  }
  for (const [field, [isAllowed, expected]] of Object.entries({ ...ALWAYS, ...BY_KIND[kind] })) {
    if (isAllowed(source[field])) continue;
    throw new UserError(
      `Cannot use the ImageSource "${name}": its ${field} is ${source[field]}. It must be ${expected}.`,
    );
  }
  return value;
}
