/** Paths as the user meant them: `deno task` moves to the project's folder, and tells where it was called. */
import { resolve } from "node:path";
import { isRecipeName } from "../augment/recipe.ts";

/** The options that may be paths. */
interface Paths {
  data?: string;
  recipe?: string;
  out?: string;
}

/** `given` with the paths in it seen from the caller's folder. */
export function fromCaller<T extends Paths>(given: T): T {
  const caller = Deno.env.get("INIT_CWD");
  if (!caller || caller === Deno.cwd()) return given;
  const { data, recipe, out } = given;
  return {
    ...given,
    ...(data !== undefined && !/^shapes(:|$)/.test(data) && { data: resolve(caller, data) }),
    ...(recipe !== undefined && !isRecipeName(recipe) && { recipe: resolve(caller, recipe) }),
    ...(out !== undefined && { out: resolve(caller, out) }),
  };
}
