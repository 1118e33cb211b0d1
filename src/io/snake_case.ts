/**
 * Names of fields: programs have them in camelCase, result files in snake_case.
 *
 * @module
 */

/** `value` with the keys of its objects in snake_case, as files have them. */
export function toSnakeCase(value: unknown): unknown {
  return renamed(value, (key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
}

/** `value` with the keys of its objects in camelCase, as programs have them. */
export function toCamelCase(value: unknown): unknown {
  return renamed(value, (key) => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()));
}

function renamed(value: unknown, rename: (key: string) => string): unknown {
  if (Array.isArray(value)) return value.map((part) => renamed(part, rename));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [rename(key), renamed(part, rename)]));
}
