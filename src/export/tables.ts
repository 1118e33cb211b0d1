/**
 * What searches found, as files.
 *
 * @module
 */
import { extname } from "node:path";
import { UserError } from "../base/errors.ts";
import type { Duplicate } from "./duplicates.ts";
import { csvField } from "./formats/csv.ts";
import type { SimilarImages } from "./similar.ts";

/** A cosine with as many digits as float32 has. */
const digits = (cosine: number) => String(Number(cosine.toFixed(7)));

/**
 * What writes similar images as the file `path`: .csv or .json.
 *
 * @throws {UserError} if its extension is another.
 */
export function similarTable(path: string): (found: readonly SimilarImages[]) => string {
  const format = extname(path).toLowerCase();
  if (format === ".json") return (found) => `${JSON.stringify(found, null, 2)}\n`;
  if (format !== ".csv") {
    throw new UserError(`Cannot write "${path}": its extension must be .csv or .json. Rename it.`);
  }
  return (found) =>
    ["query,rank,key,cosine,row"].concat(
      found.flatMap(({ query, neighbors }) =>
        neighbors.map(({ key, cosine, row }, i) =>
          [csvField(query), i + 1, csvField(key), digits(cosine), row].join(",")
        )
      ),
    ).join("\n") + "\n";
}

/**
 * What writes groups of duplicates as the file `path`, .csv: a line for each member, the first of a group first. Groups count
 * from 1.
 *
 * @throws {UserError} if its extension is another.
 */
export function duplicatesTable(path: string): (groups: readonly Duplicate[][]) => Iterable<Uint8Array> {
  if (extname(path).toLowerCase() !== ".csv") {
    throw new UserError(`Cannot write "${path}": its extension must be .csv. Rename it.`);
  }
  const encoder = new TextEncoder();
  return function* (groups) {
    yield encoder.encode("group,key,cosine,row\n");
    for (const [i, members] of groups.entries()) {
      const lines = members.map(({ key, cosine, row }) =>
        [i + 1, csvField(key), digits(cosine), row].join(",")
      );
      yield encoder.encode(`${lines.join("\n")}\n`);
    }
  };
}
