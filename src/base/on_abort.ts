/** Does something when a signal is aborted, for as long as it matters. */

/** Calls `act` when `signal` is aborted, at once if it is; not after what is returned has been disposed of. */
export function onAbort(signal: AbortSignal | undefined, act: () => unknown): Disposable {
  if (signal?.aborted) act();
  signal?.addEventListener("abort", act);
  return { [Symbol.dispose]: () => signal?.removeEventListener("abort", act) };
}
