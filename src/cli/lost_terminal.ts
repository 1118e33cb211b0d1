/**
 * A terminal that is closed while a command runs.
 *
 * @module
 */
import process from "node:process";

/** From now on, what a closed terminal cannot show is dropped: it would end the work before it is saved. */
export function outliveTerminal(): void {
  if (!Deno.stdout.isTerminal()) return;
  // The progress bar writes to these streams; all other text goes through console.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  for (const name of ["log", "error", "warn"] as const) {
    const write = console[name].bind(console);
    console[name] = (...values) => {
      try {
        write(...values);
      } catch {
        // Nobody is left to read it.
      }
    };
  }
}
