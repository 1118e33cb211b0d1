/**
 * What is known of a run as values under tags.
 *
 * @module
 */
import type { Stepped } from "../../io/metrics.ts";
import { toSnakeCase } from "../../io/snake_case.ts";
import { RGBA } from "./event_schema.ts";
import type { Value } from "./events.ts";

/** The groups of the numbers of metrics.jsonl and of evaluations.jsonl. */
export type Group = "train" | "eval";

/** The tags of pictures. */
export const SHEET = "views/sheet", NEIGHBORS = "eval/neighbors";

/** The numbers of a record except its step, under the names of its line: "train/z_std". */
export function scalarsOf(record: Stepped, group: Group): Value[] {
  return Object.entries(toSnakeCase(record) as Record<string, unknown>).flatMap(([name, value]) =>
    typeof value === "number" && name !== "step" ? [{ tag: `${group}/${name}`, simpleValue: value }] : []
  );
}

/** A PNG file as a picture. */
export function pictureOf(png: Uint8Array<ArrayBuffer>, tag: string): Value {
  const header = new DataView(png.buffer, png.byteOffset); // the first chunk, IHDR, starts with both sides
  const [width, height] = [header.getUint32(16), header.getUint32(20)];
  return { tag, image: { height, width, colorspace: RGBA, encodedImageString: png } };
}
