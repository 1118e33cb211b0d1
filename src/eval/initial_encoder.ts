/**
 * The weights that a run starts from, if not from drawn ones.
 *
 * @module
 */
import type { EncoderOptions } from "./types.ts";
import type { EvaluatedEncoder } from "./evaluated_encoder.ts";
import type { FetchOptions } from "./fetch_weights.ts";
import { openEncoder, openRun } from "./open_encoder.ts";

/** The file in a run's folder with the weights that it started from, if they were not drawn. */
export const INITIAL_WEIGHTS = "initial.safetensors";

/**
 * The encoder in `init`: a file, an address, or the folder of a run. `given` must be those of its weights.
 *
 * @throws {UserError} if there is none, or if it is of another backbone or stem than given.
 */
export async function openInitialEncoder(
  init: string,
  given: Pick<EncoderOptions, "backbone" | "stem" | "size"> & FetchOptions,
): Promise<EvaluatedEncoder> {
  const isFolder = await Deno.stat(init).then(({ isDirectory }) => isDirectory, () => false);
  return await openEncoder(
    isFolder ? given : { ...given, encoder: init },
    isFolder ? await openRun(init, "--init") : null,
  );
}
