/**
 * Ctrl-C: the first ends the work in order, the second ends the process.
 *
 * @module
 */

/** The exit code of a process that SIGINT ended. */
export const INTERRUPTED = 130;

/** A signal that the first SIGINT aborts, after printing `message`. */
export function interruptSignal(message: string): AbortSignal {
  const interrupt = new AbortController();
  Deno.addSignalListener("SIGINT", () => {
    if (interrupt.signal.aborted) Deno.exit(INTERRUPTED);
    console.log(`${message} Interrupt again to stop at once.`);
    interrupt.abort();
  });
  return interrupt.signal;
}
