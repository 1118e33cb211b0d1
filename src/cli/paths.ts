/** Paths as the user meant them: `deno task` moves to the project's folder, and tells where it was called. */
import { resolve } from "node:path";
import { isRecipeName } from "../../data/views/recipe.ts";
import { environmentVariable } from "../base/environment.ts";
import { isPresetName } from "../config/preset_files.ts";

/** The options that may be paths. */
interface Paths {
  data?: string | string[];
  train?: string | string[];
  test?: string | string[];
  recipe?: string;
  preset?: string;
  run?: string;
  encoder?: string;
  out?: string;
}

/** Whether a source is loaded from a server. */
export const isUrl = (source: string) => /^https?:/i.test(source);

/** `given` with the paths in it seen from the caller's folder. */
export function fromCaller<T extends Paths>(given: T): T {
  const caller = environmentVariable("INIT_CWD");
  if (!caller || caller === Deno.cwd()) return given;
  const seen = (source: string) =>
    isUrl(source) || /^shapes(:|$)/i.test(source) ? source : resolve(caller, source);
  const paths: Paths = {};
  for (const name of ["data", "train", "test"] as const) {
    const value = given[name];
    if (value !== undefined) paths[name] = typeof value === "string" ? seen(value) : value.map(seen);
  }
  for (const name of ["recipe", "preset", "run", "encoder", "out"] as const) {
    const value = given[name];
    const isName = { recipe: isRecipeName, preset: isPresetName }[name as string];
    if (value === undefined || isName?.(value)) continue;
    paths[name] = resolve(caller, value);
  }
  return { ...given, ...paths };
}
