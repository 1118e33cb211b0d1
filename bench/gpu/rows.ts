/**
 * The rows of the table that a session comes to. Each is written as soon as it is known, so that a stage that is cut off
 * keeps what it found.
 *
 * @module
 */
import { printTable } from "../table.ts";

/** One finding. */
export interface Row {
  stage: string;
  what: string;
  /** In words, for people. */
  value: string;
  /** Seconds since the session began. */
  at: number;
  /** The same in numbers, for other stages and for tests. */
  figures?: Record<string, number>;
}

/** The rows in the file at `path`; none if it is not there. */
export function readRows(path: string): Row[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

/** Appends `row` to the file at `path`. */
export function appendRow(path: string, row: Row): void {
  Deno.writeTextFileSync(path, `${JSON.stringify(row)}\n`, { append: true });
}

/** Leaves the rows of earlier calls in the file at `path`, but for those of `stages`, which will be found anew. */
export function dropRows(path: string, stages: readonly string[]): void {
  const kept = readRows(path).filter(({ stage }) => !stages.includes(stage));
  Deno.writeTextFileSync(path, kept.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

/** The rows as a Markdown table. */
export function rowsTable(rows: readonly Row[]): string {
  const lines: string[] = [];
  const row = printTable(["stage", "what", "value", "at, s"], (line) => lines.push(line));
  const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");
  for (const { stage, what, value, at } of rows) row(stage, cell(what), cell(value), at.toFixed(0));
  return lines.join("\n");
}
