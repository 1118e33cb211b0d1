/**
 * A session on a machine with a GPU, in stages, the most valuable first: `deno task bench:gpu`. README.md explains it.
 *
 * Each stage is a process with a limit of its own, and one that fails stops no other, but for the first: without the
 * GPU's adapter there is nothing to measure.
 *
 * @module
 */
import { join } from "node:path";
import { runMain } from "../../src/cli/run_main.ts";
import { runLimited } from "./child.ts";
import { type GpuBenchArguments, parseGpuBenchOptions } from "./options.ts";
import { dropRows, readRows, rowsTable } from "./rows.ts";
import { paths, projectFile, type Session, Stage } from "./session.ts";
import { HOPELESS, type StageName, type StageRequest, stages } from "./stage.ts";

/** Seconds kept for gathering the results, and without which no stage begins. */
const GATHER_SECONDS = 6, LEAST_SECONDS = 10;
/** The exit code of a process that SIGINT ended. */
const INTERRUPTED = 130;

/** What stages print goes to the terminal and to session.log. */
class Log implements Disposable {
  readonly #file: Deno.FsFile;

  constructor({ out }: Session) {
    this.#file = Deno.openSync(join(out, "session.log"), { append: true, create: true });
  }

  readonly write = (bytes: Uint8Array): void => {
    Deno.stdout.writeSync(bytes);
    this.#file.writeSync(bytes);
  };

  line(text: string): void {
    this.write(new TextEncoder().encode(`${text}\n`));
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

async function prepare({ out, work }: Session): Promise<void> {
  await Deno.mkdir(out, { recursive: true });
  await Deno.mkdir(work, { recursive: true });
}

/** The environment of a stage: plain output, and the adapter that was found. */
function environmentOf(session: Session): Record<string, string> {
  let found: Record<string, string> = {};
  try {
    found = JSON.parse(Deno.readTextFileSync(paths.environment(session)));
  } catch {
    // The stage adapter was not asked for, or is about to find it.
  }
  const backend = Deno.env.get("DENO_WEBGPU_BACKEND") ?? "vulkan,metal,dx12";
  return { NO_COLOR: "1", PYTHONUNBUFFERED: "1", DENO_WEBGPU_BACKEND: backend, ...found };
}

/** Runs a stage; returns whether others are worth it. */
async function runStage(
  name: StageName,
  { session, limits, log, signal }: GpuBenchArguments & { log: Log; signal: AbortSignal },
): Promise<boolean> {
  const elapsed = (Date.now() - session.begin) / 1000;
  const limit = Math.min(limits[name] ?? stages[name].seconds, session.seconds - elapsed - GATHER_SECONDS);
  const end = Date.now() + 1000 * limit, table = new Stage(session, name, end);
  if (limit < LEAST_SECONDS) {
    table.row(name, "left out: no time");
    return true;
  }
  log.line(`== ${name}, at ${elapsed.toFixed(0)} s, for ${limit.toFixed(0)} s at most`);
  if (name === "adapter") await Deno.remove(paths.environment(session)).catch(() => {});
  const request: StageRequest = { session, name, end };
  const { code, timedOut } = await runLimited(Deno.execPath(), {
    args: ["run", "-A", "--no-check", projectFile("bench/gpu/stage.ts"), JSON.stringify(request)],
    seconds: limit,
    env: environmentOf(session),
    ownGroup: true,
    sink: log.write,
    signal,
  });
  if (timedOut) table.row(name, "cut off: its time was over");
  else if (code > 1 && code !== HOPELESS) table.row(name, `failed: ended with ${code}`);
  return code !== HOPELESS;
}

/** Puts the kernels' times and the run beside the other results. */
async function gather(session: Session): Promise<void> {
  const { out, work } = session;
  await Deno.copyFile(join(paths.cache(session), "kernels.json"), join(out, "kernels.json")).catch(() => {});
  const run = await Deno.stat(paths.run(session)).catch(() => null);
  if (!run) return;
  await runLimited("tar", {
    args: [
      "-C",
      work,
      "--exclude=*.safetensors",
      "--exclude=decoded_images*",
      "-czf",
      join(out, "run.tgz"),
      "run",
    ],
    seconds: 30,
  });
}

async function main(args: string[]): Promise<number> {
  const parsed = parseGpuBenchOptions(args);
  if ("help" in parsed) {
    console.log(parsed.help);
    return 0;
  }
  const { session } = parsed;
  await prepare(session);
  using log = new Log(session);
  dropRows(paths.rows(session), parsed.stages);
  // Stages have process groups of their own, which a terminal's signal does not reach.
  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => interrupt.abort());
  }
  for (const name of parsed.stages) {
    if (interrupt.signal.aborted || !await runStage(name, { ...parsed, log, signal: interrupt.signal })) {
      break;
    }
  }
  await gather(session);
  const rows = readRows(paths.rows(session)), table = rowsTable(rows);
  new Stage(session, "table", 0).figures("all rows", table);
  log.line(`\n${table}\n\nResults are in ${session.out}`);
  const failed = rows.some(({ value }) => value.startsWith("failed"));
  return interrupt.signal.aborted ? INTERRUPTED : failed ? 1 : 0;
}

if (import.meta.main) await runMain(main);
