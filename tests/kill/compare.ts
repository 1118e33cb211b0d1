/** Compares the files of two runs. */
import { readFile } from "node:fs/promises";
import { records } from "../run/whole_runs.ts";

/** The paths of all files below `folder`. */
async function namesBelow(folder: string, prefix = ""): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) names.push(...await namesBelow(`${folder}/${name}`, `${prefix}${name}/`));
    else names.push(prefix + name);
  }
  return names.sort();
}

/** Files with times or paths, and the cache of decoded images, whose order varies. */
const VARYING = /^(summary\.json|config\.json|metrics\.(jsonl|csv)|decoded_images\.bin.*)$/;

/**
 * The files in which the runs in the folders `a` and `b` differ: those missing in one, and those with different bytes. Lines
 * of metrics.jsonl are compared without the values that depend on the clock.
 */
export async function differences(a: string, b: string): Promise<string[]> {
  const [names, others] = await Promise.all([namesBelow(a), namesBelow(b)]);
  const found = [...new Set([...names, ...others])].filter((name) =>
    !names.includes(name) || !others.includes(name)
  );
  for (const name of names.filter((name) => others.includes(name) && !VARYING.test(name))) {
    const [mine, theirs] = await Promise.all([a, b].map((folder) => readFile(`${folder}/${name}`)));
    if (!mine.equals(theirs)) found.push(name);
  }
  const [mine, theirs] = await Promise.all(
    [a, b].map(async (folder) => JSON.stringify(await records(folder))),
  );
  if (mine !== theirs) found.push("metrics.jsonl");
  return found;
}
