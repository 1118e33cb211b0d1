/** JSON files for people and scripts. */

import { writeFileAtomic } from "./atomic.ts";

/** Writes `value` as the JSON file `path`, indented, whole or not at all. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFileAtomic(path, [new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`)]);
}
