/** A stage that processes several items at a time and keeps their order. */
import { TransformStream } from "./streams.ts";

/**
 * Maps each item by `fn`, up to `concurrency` at a time. Results come in the order of the items. Nothing starts before the
 * first result is asked for.
 */
export function orderedMap<I, O>(fn: (item: I) => Promise<O>, concurrency: number): TransformStream<I, O> {
  const underway: Promise<O>[] = [];
  return new TransformStream<I, O>({
    async transform(item, controller) {
      const result = fn(item);
      result.catch(() => {}); // it is reported when its turn comes, and must not count as unhandled until then
      underway.push(result);
      if (underway.length >= concurrency) controller.enqueue(await underway.shift()!);
    },
    async flush(controller) {
      for (const result of underway) controller.enqueue(await result);
    },
  });
}
