/**
 * Shows the pages of runs: `deno run -P=watch src/cli/watch.ts runs/photos-resnet18`. `--help` explains it.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { counted } from "../base/format.ts";
import { watchRuns, type WatchServer } from "../report/watch_server.ts";
import { interruption } from "./interrupt.ts";
import { fromCaller } from "./paths.ts";
import { expectPermissions } from "./permissions.ts";
import { DEFAULT_PORT, parseWatchOptions } from "./report_options.ts";
import { runMain } from "./run_main.ts";

async function main(args: string[]): Promise<number> {
  const parsed = parseWatchOptions(args);
  if ("help" in parsed) {
    console.log(parsed.help);
    return 0;
  }
  const { folders, port } = fromCaller(parsed);
  await expectPermissions("watch", { read: folders, write: [], net: ["127.0.0.1"] });
  const { url } = await serve(folders, port), { promise: ended, resolve } = Promise.withResolvers<void>();
  const interrupted = interruption("the page is no longer served. Runs go on.");
  interrupted.signal.addEventListener("abort", () => resolve());
  console.log(
    `${counted(folders.length, "run")} at ${url}, for this machine only; Ctrl-C ends it. From elsewhere: ` +
      `ssh -L ${new URL(url).port}:127.0.0.1:${new URL(url).port} HOST`,
  );
  await ended;
  return 0;
}

/** Serves on `port`; by default on any that is free, if that of the default is not. */
async function serve(folders: string[], port: number | undefined): Promise<WatchServer> {
  try {
    return await watchRuns(folders, { port: port ?? DEFAULT_PORT });
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    if (port === undefined) return await watchRuns(folders, { port: 0 });
    throw new UserError(
      `Cannot serve on port ${port}: another process has it. Choose another --port, or leave it out.`,
    );
  }
}

if (import.meta.main) await runMain(main);
