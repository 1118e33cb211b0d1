/**
 * A session: what was asked for, and what a stage of it has to work with.
 *
 * @module
 */
import { join } from "node:path";
import { type ChildOptions, type Ended, runLimited } from "./child.ts";
import { appendRow, readRows, type Row } from "./rows.ts";

/** What was asked for; passed to each stage as JSON. */
export interface Session {
  /** Everything tiny, on whatever adapter. */
  small: boolean;
  /** When it began, by Date.now(), and how many seconds it may take. */
  begin: number;
  seconds: number;
  /** The folders for results and for what only later stages need. */
  out: string;
  work: string;
  /** The folder of labeled CIFAR-10 files; null for none. */
  data: string | null;
  /** Images of a step, and further options of train.ts, of the CIFAR-10 run. */
  batch: number;
  recipe: string[];
  /** Seconds for timing kernels of each configuration, and for evaluating the run. */
  tuneSeconds: number;
  evalSeconds: number;
  /** The Python that has PyTorch. */
  python: string;
}

/** Where things are. */
export const paths = {
  rows: ({ work }: Session) => join(work, "rows.jsonl"),
  /** The environment by which the adapter stage found the driver. */
  environment: ({ work }: Session) => join(work, "environment.json"),
  /** Decisions of the tuner, for train.ts to find. */
  cache: ({ work }: Session) => Deno.env.get("BYOL_CACHE") ?? join(work, "cache"),
  run: ({ work }: Session) => join(work, "run"),
};

/** The file of this project at `path`. */
export function projectFile(path: string): string {
  return new URL(`../../${path}`, import.meta.url).pathname;
}

/** Ends the session, as nothing that follows would be worth the time. */
export class Hopeless extends Error {}

/** A stage at work. */
export class Stage {
  /** @param end when it must be done, by Date.now(). */
  constructor(readonly session: Session, readonly name: string, readonly end: number) {}

  /** The seconds that remain, less `reserve`. */
  left(reserve = 0): number {
    return (this.end - Date.now()) / 1000 - reserve;
  }

  /** Adds a row to the session's table. */
  row(what: string, value: string, figures?: Record<string, number>): void {
    const at = (Date.now() - this.session.begin) / 1000;
    appendRow(paths.rows(this.session), { stage: this.name, what, value, at, figures });
    console.log(`${what}: ${value}`);
  }

  /** The rows found so far, by this and by other stages. */
  rows(): Row[] {
    return readRows(paths.rows(this.session));
  }

  /** Adds to figures.txt what is too long for a row. */
  figures(title: string, text: string): void {
    const path = join(this.session.out, "figures.txt");
    Deno.writeTextFileSync(path, `### ${title}\n${text.trimEnd()}\n\n`, { append: true });
  }

  /** Runs a program until it ends, or what remains of the stage less `reserve` is over. */
  async run(
    program: string,
    args: readonly string[],
    { reserve = 1, ...options }: Partial<ChildOptions> & { reserve?: number } = {},
  ): Promise<Ended> {
    return await runLimited(program, { seconds: this.left(reserve), ...options, args });
  }

  /** Runs a module of this project, likewise. */
  async deno(module: string, args: readonly string[], options: Parameters<Stage["run"]>[2] = {}) {
    return await this.run(
      Deno.execPath(),
      ["run", "-A", "--no-check", projectFile(module), ...args],
      options,
    );
  }
}

/** The last lines of `text`, for telling why something failed. */
export function lastLines(text: string, count = 3): string {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}
