/**
 * The metadata in the file of an encoder.
 *
 * @module
 */
import type { Recipe } from "../../data/views/recipe.ts";
import { backboneText } from "../config/backbone.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";
import { encoderFacts } from "../eval/evaluated_encoder.ts";

/** What a user of the encoder needs to know: how images are prepared, and the network of the weights. */
export function encoderMetadata(
  { backbone, stem, size }: ResolvedOptions,
  { mean, std, stretch }: Recipe,
): Record<string, string> {
  return encoderFacts({ backbone: backboneText(backbone), stem, size, mean, std, stretch });
}
