/**
 * An open event file.
 *
 * @module
 */
import { fileError } from "../../io/file_error.ts";
import { type Event, openEventCoder, type Value } from "./events.ts";
import { SESSION_START } from "./event_schema.ts";
import { recordOf } from "./records.ts";

/** Writes events of one start of a run. */
export interface EventFile extends Disposable {
  /** Appends the values of `step`. When it returns, the system has the whole record, which outlives a killed process. */
  write(step: number, value: Value[]): void;
  /** Waits until the records are on disk. */
  flush(): void;
}

/**
 * Creates the event file `path` of a run whose next step is `next`.
 *
 * It starts with the log of a session, on which TensorBoard drops what it has of `next` and later steps: while it runs, it
 * may have shown steps that a killed run took after its last checkpoint, and which are taken again.
 *
 * @throws {MachineError} if the disk is full or fails, here or in a later call.
 */
export async function createEventFile(
  path: string,
  { next, now }: { next: number; now: () => number },
): Promise<EventFile> {
  function guarded<R>(action: () => R): R {
    try {
      return action();
    } catch (error) {
      throw fileError(path, error);
    }
  }
  const coder = await openEventCoder();
  const file = guarded(() => Deno.openSync(path, { write: true, createNew: true }));
  /** Where the last whole record ends. */
  let end = 0;
  const append = (step: number, what: Partial<Event>) => {
    const bytes = recordOf(coder.encode({ wallTime: now() / 1000, step, ...what }));
    guarded(() => {
      try {
        for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
        end += bytes.length;
      } catch (error) {
        // The run goes on without this record: TensorBoard would read none after a partial one.
        file.truncateSync(end);
        file.seekSync(end, Deno.SeekMode.Start);
        throw error;
      }
    });
  };
  try {
    append(0, { fileVersion: "brain.Event:2", sourceMetadata: { writer: "byol" } });
    append(next, { sessionLog: { status: SESSION_START } });
  } catch (error) {
    file.close();
    throw error;
  }
  return {
    write: (step, value) => append(step, { summary: { value } }),
    flush: () => guarded(() => file.syncDataSync()),
    [Symbol.dispose]: () => file.close(),
  };
}
