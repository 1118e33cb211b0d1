/**
 * The files of an evaluation.
 *
 * @module
 */
import { join } from "node:path";
import { writeFileAtomic } from "../io/atomic.ts";
import { fileError } from "../io/file_error.ts";
import { writeJson } from "../io/json_file.ts";
import { toSnakeCase } from "../io/snake_case.ts";
import type { EvaluationReport } from "./types.ts";

/**
 * Writes `pictures` by name and evaluation.json to the folder `out`; evaluation.json last, when all else is there. Lists
 * them in the report's `paths`.
 */
export async function writeEvaluation(
  out: string,
  { report, pictures }: { report: EvaluationReport; pictures: Readonly<Record<string, string>> },
): Promise<void> {
  try {
    await Deno.mkdir(out, { recursive: true });
  } catch (error) {
    throw fileError(out, error);
  }
  for (const [name, text] of Object.entries(pictures)) {
    const path = join(out, name);
    await writeFileAtomic(path, [new TextEncoder().encode(text)]);
    report.paths.push(path);
  }
  const path = join(out, "evaluation.json");
  report.paths.push(path);
  await writeJson(path, evaluationJson(report));
}

/** The content of evaluation.json: the report, with the names of its fields in snake case. */
export function evaluationJson(report: EvaluationReport): unknown {
  return toSnakeCase(report);
}
