/**
 * The event files of a run that goes on.
 *
 * @module
 */
import { fileError } from "../../io/file_error.ts";
import { type EventCoder, openEventCoder } from "./events.ts";
import { recordsIn } from "./records.ts";

/**
 * Cuts events after `step` off `files`, which a resumed run writes again, and what a power cut left partial. Files without
 * a value are removed. All events of a step up to a checkpoint's are written before those of later steps.
 *
 * Files are made shorter in place: a TensorBoard that has them open goes on with the next file.
 *
 * @returns the last step of each tag.
 */
export async function keepEventsThrough(
  files: readonly string[],
  step: number,
): Promise<Map<string, number>> {
  const coder = await openEventCoder(), last = new Map<string, number>();
  for (const path of files) {
    try {
      if (!keepThrough(path, { step, coder, last })) await Deno.remove(path);
    } catch (error) {
      throw fileError(path, error);
    }
  }
  return last;
}

/** Cuts a file, adds the steps of its tags to `last`, and tells whether it has a value. */
function keepThrough(
  path: string,
  { step, coder, last }: { step: number; coder: EventCoder; last: Map<string, number> },
): boolean {
  using file = Deno.openSync(path, { read: true, write: true });
  const { size } = file.statSync(), records = recordsIn(file);
  let end: number | null = null, hasValue = false;
  while (end === null) {
    const { done, value } = records.next();
    if (done) {
      end = value;
      break;
    }
    const event = coder.decode(value.data), at = event.step ?? 0;
    if (at > step) end = value.start;
    else {
      for (const { tag } of event.summary?.value ?? []) last.set(tag, Math.max(at, last.get(tag) ?? 0));
      hasValue ||= event.summary !== undefined;
    }
  }
  if (end < size) {
    file.truncateSync(end);
    file.syncSync();
  }
  return hasValue;
}
