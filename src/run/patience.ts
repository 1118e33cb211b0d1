/**
 * Images that do not come, as from a server that is silent, while a run is to end.
 *
 * @module
 */
import { onAbort } from "../base/on_abort.ts";

/** What must be completed before a run can end waits this long for each batch of images. */
export const PATIENCE_MS = 10_000;

/** In place of images that did not come. */
export const STALLED = Symbol("stalled");

/** The result of `work`, or {@linkcode STALLED} `patienceMs` after `signal` was aborted. */
export async function unlessStalled<T>(
  work: Promise<T>,
  { signal, patienceMs }: { signal: AbortSignal | undefined; patienceMs: number },
): Promise<T | typeof STALLED> {
  const stalled = Promise.withResolvers<typeof STALLED>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  using _ = onAbort(signal, () => {
    if (patienceMs === 0) stalled.resolve(STALLED);
    else timer = setTimeout(stalled.resolve, patienceMs, STALLED);
  });
  work.catch(() => {}); // it may fail when nobody waits for it any more
  try {
    return await Promise.race([work, stalled.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The items of `stream`. Throws the reason of `signal` when they do not come within `patienceMs` after it was aborted,
 * and leaves the stream to its end: to cancel it would wait for what it reads.
 */
export async function* patiently<T>(
  stream: ReadableStream<T>,
  patience: { signal: AbortSignal | undefined; patienceMs: number },
): AsyncGenerator<T> {
  const reader = stream.getReader();
  let isStalled = false;
  try {
    for (;;) {
      const next = await unlessStalled(reader.read(), patience);
      isStalled = next === STALLED;
      if (next === STALLED) throw patience.signal!.reason;
      if (next.done) return;
      yield next.value;
    }
  } finally {
    const canceled = reader.cancel().catch(() => {});
    if (!isStalled) await canceled;
  }
}
