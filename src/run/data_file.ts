/**
 * What a run found in its data, in data.json.
 *
 * @module
 */
import { join } from "node:path";
import type { Division } from "../../data/divide.ts";
import type { ImageSource } from "../../data/sources/types.ts";
import { type DataReport, reportOn } from "../eval/data_report.ts";
import { writeJson } from "../io/json_file.ts";
import { toSnakeCase } from "../io/snake_case.ts";

/** The report on the images of a run. */
export function reportOnRun(source: ImageSource, { train, heldOut }: Division): DataReport {
  const parts = [{ name: "train", part: train }];
  return reportOn(source, heldOut ? [...parts, { name: "held out", part: heldOut }] : parts);
}

/** Writes data.json of the run in `out`, as the run begins: it does not depend on how far the run gets. */
export async function writeData(out: string, report: DataReport): Promise<void> {
  await writeJson(join(out, "data.json"), toSnakeCase(report));
}
