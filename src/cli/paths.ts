/** Paths relative to the folder that the user called from: `deno task` moves to the project's folder. */
import { resolve } from "node:path";
import { isRecipeName } from "../../data/views/recipe.ts";
import { environmentVariable } from "../base/environment.ts";
import { isPresetName } from "../config/preset_files.ts";
import { absoluteSource, absoluteWeights } from "../config/source_paths.ts";

/** Options that may be paths. */
interface Paths {
  data?: string | string[];
  train?: string | string[];
  test?: string | string[];
  recipe?: string;
  preset?: string;
  init?: string;
  run?: string;
  encoder?: string;
  embeddings?: string;
  out?: string | string[];
  folders?: string[];
}

/** `given` with its paths resolved from the caller's folder. */
export function fromCaller<T extends Paths>(given: T): T {
  const caller = environmentVariable("INIT_CWD");
  if (!caller || caller === Deno.cwd()) return given;
  const paths: Paths = {};
  for (const name of ["data", "train", "test"] as const) {
    const value = given[name];
    if (value !== undefined) paths[name] = absoluteSource(value, caller);
  }
  for (const name of ["recipe", "preset", "init", "run", "encoder", "embeddings"] as const) {
    const value = given[name];
    const isName = { recipe: isRecipeName, preset: isPresetName }[name as string];
    if (value === undefined || isName?.(value)) continue;
    const mayBeAddress = name === "init" || name === "encoder";
    paths[name] = mayBeAddress ? absoluteWeights(value, caller) : resolve(caller, value);
  }
  if (given.folders !== undefined) paths.folders = given.folders.map((folder) => resolve(caller, folder));
  const { out } = given;
  if (out !== undefined) {
    paths.out = typeof out === "string" ? resolve(caller, out) : out.map((one) => resolve(caller, one));
  }
  return { ...given, ...paths };
}
