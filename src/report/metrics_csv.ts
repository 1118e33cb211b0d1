/**
 * metrics.csv: the lines of metrics.jsonl for spreadsheets.
 *
 * @module
 */
import { join } from "node:path";
import type { StepRecord } from "../config/callbacks.ts";
import { writeFileAtomic } from "../io/atomic.ts";
import { fileError } from "../io/file_error.ts";
import { readMetrics } from "../io/metrics.ts";
import { toSnakeCase } from "../io/snake_case.ts";
import type { RunObserver } from "./observer.ts";

/** The file's name. */
export const METRICS_CSV = "metrics.csv";

/**
 * The records as CSV (RFC 4180) with a header: a column per field in snake_case, empty where the value is null or missing.
 * Records differ in their fields if a run was resumed in another precision, or on other ranks.
 */
export function metricsCsv(records: readonly StepRecord[]): string {
  const columns = columnsOf(records);
  if (columns.length === 0) return "";
  const header = Object.keys(toSnakeCase(Object.fromEntries(columns.map((name) => [name, 0]))) as object);
  return `${header.join(",")}\n${records.map((record) => lineOf(record, columns)).join("")}`;
}

type Column = keyof StepRecord;

const columnsOf = (records: readonly StepRecord[]) => [
  ...new Set(records.flatMap((record) => Object.keys(record) as Column[])),
];

const lineOf = (record: StepRecord, columns: readonly Column[]) =>
  `${columns.map((name) => record[name] ?? "").join(",")}\n`;

/** Opens metrics.csv of the run in `out`, with what metrics.jsonl has already. */
export async function openMetricsCsv(out: string): Promise<RunObserver> {
  const path = join(out, METRICS_CSV), source = join(out, "metrics.jsonl");
  /** From metrics.jsonl, so that lines which could not be appended are there too. */
  const rewrite = async () => {
    const records = await readMetrics<StepRecord>(source);
    await writeFileAtomic(path, [new TextEncoder().encode(metricsCsv(records))]);
    return { file: await Deno.open(path, { append: true }), columns: columnsOf(records) };
  };
  let { file, columns } = await rewrite(), isWhole = true;
  return {
    name: METRICS_CSV,
    recorded(record) {
      const isFirst = columns.length === 0;
      const bytes = new TextEncoder().encode(isFirst ? metricsCsv([record]) : lineOf(record, columns));
      try {
        for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
        if (isFirst) columns = columnsOf([record]);
        // The header stands: a new field gets its column when the file is written again.
        if (columnsOf([record]).some((name) => !columns.includes(name))) isWhole = false;
      } catch (error) {
        isWhole = false;
        throw fileError(path, error);
      }
    },
    async ended() {
      if (isWhole) return;
      file.close();
      ({ file, columns } = await rewrite());
    },
    [Symbol.asyncDispose]() {
      file.close();
      return Promise.resolve();
    },
  };
}
