/**
 * The results of experiments, as small JSON files. Reports need only these, not the runs.
 *
 * @module
 */
import type { RowName } from "../eval/types.ts";
import { join } from "node:path";
import { writeJson } from "../io/json_file.ts";
import type { PlannedExperiment } from "./plan.ts";
import type { Row } from "./experiment.ts";

/** Scores of one encoder, or of raw pixels, in 0 … 1. */
export interface EncoderScores {
  name: RowName;
  /** Accuracy by number of neighbors. */
  knn: Record<string, number>;
  linear: number | null;
  rankme: number | null;
}

/** The result of a run. */
export interface RunResult {
  id: string;
  /** The options of the run. Its recipe is given in full. */
  given: Record<string, unknown>;
  recipe: unknown;
  scores: EncoderScores[];
  /** The version of the protocol that scored it. Results that lack it are of version 1. */
  protocol?: number;
  final_loss: number;
  /** At the last step. */
  z_std: number;
  /** The width of the projection, D: z_std is near 1/√D when projections are spread evenly. */
  projection: number;
  /** The evidence of a collapse; null if there was none. */
  collapse: string | null;
  /** Time of training and evaluation. */
  seconds: number;
  adapter: string;
  deno: string;
  date: string;
}

/** A run that failed. The next call tries it again. */
export interface RunFailure {
  id: string;
  given: Record<string, unknown>;
  failure: string;
  date: string;
}

/** A row of an experiment with the ids of its runs. */
export type IndexedRow = Pick<Row, "name" | "series" | "paper" | "baseline" | "untrained"> & {
  ids: string[];
};

/** Which runs belong to which rows, and the commands that ran them. */
export interface ResultIndex {
  scale: string;
  /** The run whose features are mapped. */
  mapped?: string;
  experiments: Record<string, { command: string; rows: IndexedRow[] }>;
}

/** The folder of one scale's results. */
export class ResultStore {
  constructor(readonly folder: string) {}

  /** Creates the folder. */
  async prepare(): Promise<void> {
    await Deno.mkdir(join(this.folder, "runs"), { recursive: true });
  }

  /** The result of run `id`, or its failure; null if there is neither. */
  async read(id: string): Promise<RunResult | RunFailure | null> {
    return await readJson(this.#path(id));
  }

  /** Keeps a result or a failure. */
  async write(result: RunResult | RunFailure): Promise<void> {
    await writeJson(this.#path(result.id), result);
  }

  /** The index; null if nothing was run. */
  async index(): Promise<ResultIndex | null> {
    return await readJson(join(this.folder, "index.json"));
  }

  /** Notes which runs belong to `planned`; other experiments keep theirs. */
  async note(
    planned: readonly PlannedExperiment[],
    { scale, mapped, command, idOf }: {
      scale: string;
      mapped?: string;
      command: string;
      idOf: (configuration: PlannedExperiment["rows"][number]["configurations"][number]) => string;
    },
  ): Promise<ResultIndex> {
    const before = await this.index();
    const experiments = { ...before?.experiments };
    for (const { experiment, rows } of planned) {
      experiments[experiment.name] = {
        command,
        rows: rows.map(({ row: { name, series, paper, baseline, untrained }, configurations }) => ({
          name,
          series,
          paper,
          baseline,
          untrained,
          ids: configurations.map(idOf),
        })),
      };
    }
    const index = { scale, mapped: mapped ?? before?.mapped, experiments };
    await writeJson(join(this.folder, "index.json"), index);
    return index;
  }

  /** The text of a file of the folder; null if there is none. */
  async text(name: string): Promise<string | null> {
    return await readText(join(this.folder, name));
  }

  /** Folder for the maps of run `id`. */
  mapFolder(id: string): string {
    return join(this.folder, "maps", id);
  }

  #path(id: string): string {
    return join(this.folder, "runs", `${id}.json`);
  }
}

async function readText(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

async function readJson<T>(path: string): Promise<T | null> {
  const text = await readText(path);
  return text === null ? null : JSON.parse(text);
}
