/** A stage that gathers small items into one message and leaves large ones alone. */
import { TransformStream } from "./streams.ts";

/** When a group is complete. */
export interface GroupOptions<T> {
  /** The largest number of items. */
  count: number;
  /** The weight that completes a group. */
  weight: number;
  /** The weight of an item. */
  weigh(item: T): number;
}

/** Groups consecutive items: a group ends with its `count`-th item, or once its items weigh `weight` or more together. */
export function group<T>({ count, weight, weigh }: GroupOptions<T>): TransformStream<T, T[]> {
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
