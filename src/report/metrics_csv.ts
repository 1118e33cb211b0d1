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

/** The records as CSV (RFC 4180) with a header: a column per field in snake_case, empty where the value is null. */
export function metricsCsv(records: readonly StepRecord[]): string {
  if (records.length === 0) return "";
  return `${Object.keys(toSnakeCase(records[0]) as object).join(",")}\n${records.map(lineOf).join("")}`;
}

const lineOf = (record: StepRecord) => `${Object.values(record).map((value) => value ?? "").join(",")}\n`;

/** Opens metrics.csv of the run in `out`, with what metrics.jsonl has already. */
export async function openMetricsCsv(out: string): Promise<RunObserver> {
  const path = join(out, METRICS_CSV), source = join(out, "metrics.jsonl");
  /** From metrics.jsonl, so that lines which could not be appended are there too. */
  const rewrite = async () => {
    await writeFileAtomic(path, [
      new TextEncoder().encode(metricsCsv(await readMetrics<StepRecord>(source))),
    ]);
    const { size } = await Deno.stat(path);
    return { file: await Deno.open(path, { append: true }), isEmpty: size === 0 };
  };
  let { file, isEmpty } = await rewrite(), isWhole = true;
  return {
    name: METRICS_CSV,
    recorded(record) {
      const bytes = new TextEncoder().encode(isEmpty ? metricsCsv([record]) : lineOf(record));
      try {
        for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
        isEmpty = false;
      } catch (error) {
        isWhole = false;
        throw fileError(path, error);
      }
    },
    async ended() {
      if (isWhole) return;
      file.close();
      ({ file, isEmpty } = await rewrite());
    },
    [Symbol.asyncDispose]() {
      file.close();
      return Promise.resolve();
    },
  };
}
