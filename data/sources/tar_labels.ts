/**
 * The labels of WebDataset: texts of .cls entries and fields of .json entries.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { labelField, labelText, noClass } from "./labels.ts";

/** A larger .cls entry is not a label; a larger .json entry is not read. */
const MAX_LABEL_BYTES = { cls: 1 << 16, json: 1 << 20 };

/** What a label entry says: a label, null if it says that there is none; or why it says nothing. */
export type LabelEntry = { label: string | null } | { reason: string };

/** Why a label of `size` bytes is not read; null if it is. Throws a UserError if a .cls entry is too large to be a label. */
export function labelSizeReason(
  archive: string,
  { kind, name, offset, size }: { kind: "cls" | "json"; name: string; offset: number; size: number },
): string | null {
  if (size <= MAX_LABEL_BYTES[kind]) return null;
  if (kind === "json") return `larger than ${MAX_LABEL_BYTES.json} bytes`;
  throw new UserError(
    `Cannot read "${archive}": the label "${name}" at byte ${offset} has ${size} bytes. Replace it by an integer or a ` +
      `class name.`,
  );
}

/** Reads the label in the bytes of a label entry; `wanted` is the field that was asked for. */
export function labelIn(kind: "cls" | "json", bytes: Uint8Array, wanted: string | undefined): LabelEntry {
  const text = new TextDecoder().decode(bytes);
  if (kind === "cls") {
    return wanted === undefined || wanted.toLowerCase() === "cls"
      ? labelOrReason(text)
      : { reason: `not the label "${wanted}"` };
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { reason: "damaged" };
  }
  // Some tools write the label alone.
  if (isLabel(value)) {
    return wanted === undefined ? labelOrReason(value) : { reason: "no label in it" };
  }
  const fields = (Array.isArray(value) ? {} : value) as Record<string, unknown>;
  const names = Object.keys(fields);
  const field = labelField(names.filter((name) => isLabel(fields[name])), wanted);
  if (field !== undefined) return labelOrReason(fields[field]);
  return {
    reason: labelField(names, wanted) === undefined ? "no label in it" : "its label is no single value",
  };
}

function labelOrReason(value: unknown): LabelEntry {
  const label = labelText(value), reason = label === null ? null : noClass(label);
  return reason === null ? { label } : { reason };
}

function isLabel(value: unknown): boolean {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}
