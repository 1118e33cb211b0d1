/**
 * What is known of a run as values under tags.
 *
 * @module
 */
import type { Stepped } from "../../io/metrics.ts";
import { toSnakeCase } from "../../io/snake_case.ts";
import { RGBA, STRING } from "./event_schema.ts";
import type { Value } from "./events.ts";

/** The groups of the numbers of metrics.jsonl and of evaluations.jsonl. */
export type Group = "train" | "eval";

/** The tags of pictures. */
export const SHEET = "views/sheet", NEIGHBORS = "eval/neighbors";

/** What a record has but its step, under the names of its line, such as "train/z_std"; nothing for null. */
export function valuesOf({ step: _, ...record }: Stepped, group: Group): Value[] {
  const fields = Object.entries(toSnakeCase(record) as Record<string, unknown>);
  return fields.flatMap(([name, value]) => {
    const tag = `${group}/${name}`;
    if (typeof value === "number") return [{ tag, simpleValue: value }];
    return typeof value === "string" ? [textOf(value, tag)] : [];
  });
}

/** A text, which TensorBoard takes for Markdown. */
function textOf(text: string, tag: string): Value {
  return {
    tag,
    tensor: { dtype: STRING, stringVal: [text] },
    metadata: { pluginData: { pluginName: "text" } },
  };
}

/** A PNG file as a picture. */
export function pictureOf(png: Uint8Array<ArrayBuffer>, tag: string): Value {
  const header = new DataView(png.buffer, png.byteOffset); // the first chunk, IHDR, starts with both sides
  const [width, height] = [header.getUint32(16), header.getUint32(20)];
  return { tag, image: { height, width, colorspace: RGBA, encodedImageString: png } };
}
