/** Listens to an AbortSignal for a limited time. */

/** Calls `act` when `signal` is aborted, at once if it already is. Dispose of the result to stop listening. */
export function onAbort(signal: AbortSignal | undefined, act: () => unknown): Disposable {
  if (signal?.aborted) act();
  signal?.addEventListener("abort", act);
  return { [Symbol.dispose]: () => signal?.removeEventListener("abort", act) };
}
