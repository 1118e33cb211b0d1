/**
 * Streams for readers that may never read.
 *
 * @module
 */

/** A stream of what `next` makes whenever something is asked for, until null. If nothing is for `patienceMs`, it ends. */
export function patientStream(
  { next, end, patienceMs }: {
    next(): Promise<Uint8Array<ArrayBuffer> | null>;
    end(): void;
    patienceMs: number;
  },
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let timer: ReturnType<typeof setTimeout> | undefined, isOpen = true;
  const close = () => {
    clearTimeout(timer);
    if (isOpen) end();
    isOpen = false;
  };
  return new ReadableStream({
    async pull(controller) {
      clearTimeout(timer);
      try {
        const piece = await next();
        if (!isOpen) return;
        if (piece === null) {
          close();
          return controller.close();
        }
        controller.enqueue(piece);
      } catch (error) {
        close();
        return controller.error(error);
      }
      timer = setTimeout(() => {
        close();
        controller.close();
      }, patienceMs);
    },
    cancel: close,
  }, { highWaterMark: 0 });
}
