/**
 * The command lines of src/cli/embed.ts, src/cli/similar.ts and src/cli/duplicates.ts.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import {
  duplicatesFlagGroups,
  type DuplicatesFlags,
  embedFlagGroups,
  type EmbedFlags,
  similarFlagGroups,
  type SimilarFlags,
} from "../config/embed_flags.ts";
import { createCommand, type Help, parseCommand } from "./command.ts";

/** `T`, with options that must be given. */
type Needing<T, Names extends keyof T> = T & { [Name in Names]-?: NonNullable<T[Name]> };

/**
 * Reads the arguments of src/cli/embed.ts. Prints nothing and never exits.
 *
 * @throws {UserError} on an unknown option, naming the nearest known one, on a value of the wrong type or range, and if one that
 * is needed is missing.
 */
export function parseEmbedOptions(args: readonly string[]): Needing<EmbedFlags, "out"> | Help {
  const about =
    "Writes the vectors of images by an encoder: each image once, in source order, with its key, label and size. " +
    "After a kill the same command continues.";
  const parsed = parseCommand<EmbedFlags>(createCommand("embed", { about, groups: embedFlagGroups }), args);
  return expectGiven(parsed, { out: "Cannot embed without a file to write. Add --out FILE.parquet." });
}

/** Reads the arguments of src/cli/similar.ts, likewise. */
export function parseSimilarOptions(
  args: readonly string[],
): Needing<SimilarFlags, "embeddings" | "query"> | Help {
  const about = "Names the embedded images that are most like an image.";
  const parsed = parseCommand<SimilarFlags>(
    createCommand("similar", { about, groups: similarFlagGroups }),
    args,
  );
  return expectGiven(parsed, {
    embeddings: WITHOUT_EMBEDDINGS,
    query: "Cannot search without a query. Add --query IMAGE or --query KEY.",
  });
}

/** Reads the arguments of src/cli/duplicates.ts, likewise. */
export function parseDuplicatesOptions(
  args: readonly string[],
): Needing<DuplicatesFlags, "embeddings"> | Help {
  const about = "Groups embedded images that are nearly the same.";
  const command = createCommand("duplicates", { about, groups: duplicatesFlagGroups });
  return expectGiven(parseCommand<DuplicatesFlags>(command, args), { embeddings: WITHOUT_EMBEDDINGS });
}

const WITHOUT_EMBEDDINGS =
  "Cannot search without embeddings. Add --embeddings FILE, which ./run embed writes.";

function expectGiven<T extends object, Names extends keyof T>(
  given: T | Help,
  messages: Record<Names, string>,
): Needing<T, Names> | Help {
  if ("help" in given) return given;
  for (const [name, message] of Object.entries<string>(messages)) {
    if (given[name as keyof T] === undefined) throw new UserError(message);
  }
  return given as Needing<T, Names>;
}
