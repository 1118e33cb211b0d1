/** What two runs left, compared. */
import { readFile } from "node:fs/promises";
import { records } from "../run/whole_runs.ts";

/** Which names there are below `folder`. */
async function namesBelow(folder: string, prefix = ""): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) names.push(...await namesBelow(`${folder}/${name}`, `${prefix}${name}/`));
    else names.push(prefix + name);
  }
  return names.sort();
}

/** Those that tell the time or the folder; decoded images lie in the order in which they came. */
const OWN = /^(summary\.json|config\.json|metrics\.jsonl|decoded_images\.bin.*)$/;

/**
 * The files in which the runs in the folders `a` and `b` differ: missing in one, or not the same byte for byte; lines of
 * metrics.jsonl are compared without what depends on the clock.
 */
export async function differences(a: string, b: string): Promise<string[]> {
  const [names, others] = await Promise.all([namesBelow(a), namesBelow(b)]);
  const found = [...new Set([...names, ...others])].filter((name) =>
    !names.includes(name) || !others.includes(name)
  );
  for (const name of names.filter((name) => others.includes(name) && !OWN.test(name))) {
    const [mine, theirs] = await Promise.all([a, b].map((folder) => readFile(`${folder}/${name}`)));
    if (!mine.equals(theirs)) found.push(name);
  }
  const [mine, theirs] = await Promise.all(
    [a, b].map(async (folder) => JSON.stringify(await records(folder))),
  );
  if (mine !== theirs) found.push("metrics.jsonl");
  return found;
}
