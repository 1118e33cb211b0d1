/**
 * The command lines of src/cli/watch.ts and src/cli/report.ts.
 *
 * @module
 */
import { type Flag, flag } from "../config/flag.ts";
import { integer } from "../config/option_types.ts";
import { createCommand, type Help, parseCommand } from "./command.ts";

/** The port of `watch` by default; if it is taken, another one. */
export const DEFAULT_PORT = 7575;

const watchFlags: { port: Flag<number> } = {
  port: flag(integer({ min: 0, max: 65_535 }), "the port on 127.0.0.1; 0 takes a free one", DEFAULT_PORT),
};

const folders = "folders of runs";

/** The arguments of src/cli/watch.ts. */
export interface WatchArguments {
  folders: string[];
  port?: number;
}

/**
 * Reads the arguments of src/cli/watch.ts. Prints nothing and never exits.
 *
 * @throws {UserError} on an unknown option, naming the nearest known one, on a value out of range, and without a folder.
 */
export function parseWatchOptions(args: readonly string[]): WatchArguments | Help {
  const about =
    "Shows the pages of runs in a browser on this machine while they go on; several runs side by side.";
  const command = createCommand("watch", {
    about,
    groups: { options: watchFlags },
    folders,
    computes: false,
  });
  return parseCommand<WatchArguments>(command, args);
}

/** Reads the arguments of src/cli/report.ts, likewise. */
export function parseReportOptions(args: readonly string[]): { folders: string[] } | Help {
  const about = "Makes the page of a run, report.html in its folder, again from the files of the run.";
  return parseCommand<{ folders: string[] }>(
    createCommand("report", { about, groups: {}, folders, computes: false }),
    args,
  );
}
