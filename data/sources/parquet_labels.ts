/**
 * The labels of Parquet files as texts, and whether several files agree on them.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { labelText } from "./labels.ts";
import type { Columns } from "./parquet_columns.ts";
import { type ParquetFile, readRows } from "./parquet_file.ts";

/** The labels of a file. */
export interface FileLabels {
  /** The label of each row; null if it has none. */
  texts: (string | null)[];
  /** What they are: names, or numbers without names; null if there are none. */
  kind: "names" | "numbers" | null;
  /** Why none of them is used although the column exists; null if they are used. */
  reason: string | null;
  /** How many numbers have no name although others do. */
  unnamed: number;
}

/** Reads the labels of the first `count` rows of a file. Throws a UserError if they cannot be read. */
export async function labelsIn(
  file: ParquetFile,
  { label, names }: Columns,
  count: number,
): Promise<FileLabels> {
  const none: FileLabels = { texts: Array(count).fill(null), kind: null, reason: null, unnamed: 0 };
  if (label === null || count === 0) return none;
  const values = await readRows(file, { column: label, from: 0, to: count });
  if (values.some((value) => typeof value === "object" && value !== null && !(value instanceof Uint8Array))) {
    return { ...none, reason: "not of single values" };
  }
  if (
    values.some((value) => typeof value === "number" && !Number.isInteger(value) && Number.isFinite(value))
  ) {
    return { ...none, reason: "fractions, not classes" };
  }
  // Equal labels share one text.
  const known = new Map<unknown, string | null>();
  const texts = values.map((value) => {
    if (!known.has(value)) known.set(value, textOf(value, names));
    return known.get(value)!;
  });
  const numbered = [...known.values()].every((text) => text === null || /^\d+$/.test(text));
  const beyond = (value: unknown) =>
    names !== null && typeof value !== "string" && Number(labelText(value) ?? 0) >= names.length;
  const outside = new Set([...known.keys()].filter(beyond));
  return {
    texts,
    unnamed: outside.size === 0 ? 0 : values.filter((value) => outside.has(value)).length,
    kind: texts.every((text) => text === null) ? null : numbered ? "numbers" : "names",
    reason: null,
  };
}

function textOf(value: unknown, names: string[] | null): string | null {
  if (value instanceof Uint8Array) return labelText(new TextDecoder().decode(value));
  if (!["string", "number", "bigint", "boolean"].includes(typeof value)) return null;
  const text = labelText(value);
  // A number is the place of a name; a larger one has none.
  return text !== null && names && typeof value !== "string" ? names[Number(text)] ?? null : text;
}

/** Throws a UserError if files of one source have their labels in different columns, or labels of different kinds. */
export function checkLabelsAgree(
  name: string,
  files: readonly { path: string; label: string | null; kind: FileLabels["kind"] }[],
): void {
  const labeled = files.filter(({ kind }) => kind !== null), [first] = labeled;
  const other = labeled.find(({ label, kind }) => label !== first.label || kind !== first.kind);
  if (!other) return;
  const described = ({ path, label, kind }: typeof first) => `"${path}" has ${kind} in the column "${label}"`;
  throw new UserError(
    `Cannot label the images of "${name}": ${described(first)}, ${
      described(other)
    }. Name one column by --label, or give ` +
      `the files as sources of their own.`,
  );
}
