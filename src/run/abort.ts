/**
 * Work that a signal may end.
 *
 * @module
 */

/** The result of work that the signal ended. */
export const ABORTED = Symbol("aborted");

/** The result of `work`, or {@linkcode ABORTED} if it failed after `signal` was aborted. */
export async function unlessAborted<T>(
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T | typeof ABORTED> {
  try {
    return await work();
  } catch (error) {
    if (signal?.aborted) return ABORTED;
    throw error;
  }
}
