/**
 * JSON files that an option names.
 *
 * @module
 */
import { messageOf, UserError } from "../base/errors.ts";
import { readFailure } from "../base/files.ts";

/**
 * The content of the JSON file `path` that the option `option` names, one of whose built-in `names` may be meant.
 *
 * @throws {UserError} if it cannot be read, which is then its cause, or is no JSON.
 */
export async function readJsonOption(
  path: string,
  { option, names }: { option: string; names: string },
): Promise<unknown> {
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    const [fact, remedy] = error instanceof SyntaxError
      ? [`it is no valid JSON: ${messageOf(error).replace(/\s+/g, " ")}`, "Correct it"]
      : [`it cannot be read: ${readFailure(error)}`, `Check --${option}, or name one of ${names}`];
    throw new UserError(`Cannot use the ${option} "${path}": ${fact}. ${remedy}.`, { cause: error });
  }
}
