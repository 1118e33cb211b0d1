/** A stage that gathers small items to share a message and leaves large ones alone. */
import { TransformStream } from "./streams.ts";

/** Groups neighbours: a group ends with its `count`-th item, or once its items have `weight` or more together. */
export function group<T>(
  { count, weight, weigh }: { count: number; weight: number; weigh(item: T): number },
): TransformStream<T, T[]> {
  let items: T[] = [], sum = 0;
  return new TransformStream<T, T[]>({
    transform(item, controller) {
      items.push(item);
      sum += weigh(item);
      if (items.length < count && sum < weight) return;
      controller.enqueue(items);
      [items, sum] = [[], 0];
    },
    flush(controller) {
      if (items.length) controller.enqueue(items);
    },
  });
}
