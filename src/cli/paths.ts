/** Paths as the user meant them: `deno task` moves to the project's folder, and tells where it was called. */
import { resolve } from "node:path";
import { isRecipeName } from "../augment/recipe.ts";
import { isPresetName } from "./presets.ts";

/** The options that may be paths. */
interface Paths {
  data?: string | string[];
  recipe?: string;
  preset?: string;
  out?: string;
}

/** `given` with the paths in it seen from the caller's folder. */
export function fromCaller<T extends Paths>(given: T): T {
  const caller = Deno.env.get("INIT_CWD");
  if (!caller || caller === Deno.cwd()) return given;
  const { data, recipe, preset, out } = given;
  const seen = (source: string) => /^(shapes(:|$)|https?:)/i.test(source) ? source : resolve(caller, source);
  return {
    ...given,
    ...(data !== undefined && { data: typeof data === "string" ? seen(data) : data.map(seen) }),
    ...(recipe !== undefined && !isRecipeName(recipe) && { recipe: resolve(caller, recipe) }),
    ...(preset !== undefined && !isPresetName(preset) && { preset: resolve(caller, preset) }),
    ...(out !== undefined && { out: resolve(caller, out) }),
  };
}
