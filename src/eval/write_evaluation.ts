/**
 * The files of an evaluation.
 *
 * @module
 */
import { join } from "node:path";
import { writeFileAtomic } from "../io/atomic.ts";
import { fileError } from "../io/file_error.ts";
import { writeJson } from "../io/json_file.ts";
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

/** The content of evaluation.json: as in metrics.jsonl and summary.json, settings are in snake case. */
export function evaluationJson({ settings, paths, ...report }: EvaluationReport): unknown {
  const { encoder, backbone, size, train, test, temperature, probeViews, probeEpochs, ...others } = settings;
  return {
    ...report,
    settings: {
      ...{ encoder, backbone, size, train, test, temperature },
      probe_views: probeViews,
      probe_epochs: probeEpochs,
      ...others,
    },
    paths,
  };
}
