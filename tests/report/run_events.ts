/** The event files of runs, and what they should have. */
import { join } from "node:path";
import { namesIn } from "../io/temporary_folder.ts";
import { eventsOf, type ReadEvent } from "./event_reader.ts";

/** The folder of a run's files for TensorBoard. */
export const folderOf = (out: string) => join(out, "tensorboard");

/** The bytes of the event files, in the order of their names. */
export async function eventFilesIn(out: string): Promise<Uint8Array[]> {
  const names = (await namesIn(folderOf(out))).filter((name) => name.includes("tfevents"));
  return await Promise.all(names.map((name) => Deno.readFile(join(folderOf(out), name))));
}

/** The events of all files. */
export async function eventsIn(out: string): Promise<ReadEvent[]> {
  return (await eventFilesIn(out)).flatMap(eventsOf);
}

/** Tags, steps and numbers of the events, sorted. */
export async function scalarsIn(out: string): Promise<string[]> {
  const events = await eventsIn(out);
  return events.flatMap(({ step, values }) =>
    values.flatMap(({ tag, number, text }) =>
      (text ?? number) === undefined ? [] : [`${tag} ${step} ${text ?? number}`]
    )
  ).sort();
}

/** What {@linkcode scalarsIn} should find, from the lines of metrics.jsonl and evaluations.jsonl. */
export async function linesOf(out: string): Promise<string[]> {
  const scalars: string[] = [];
  for (const [name, group] of [["metrics", "train"], ["evaluations", "eval"]]) {
    const text = await Deno.readTextFile(join(out, `${name}.jsonl`));
    for (const line of text.trimEnd().split("\n")) {
      const { step, ...fields } = JSON.parse(line) as Record<string, unknown>;
      for (const [field, value] of Object.entries(fields)) {
        const kept = typeof value === "number" ? Math.fround(value) : value;
        if (kept !== null) scalars.push(`${group}/${field} ${step} ${kept}`);
      }
    }
  }
  return scalars.sort();
}
