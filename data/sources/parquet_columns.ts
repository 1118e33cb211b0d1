/**
 * Which columns of a Parquet file are images and labels, as Hugging Face stores them: an image is a struct of `bytes` and
 * `path`, or plain bytes; a label is a number, whose names stand in the file's "huggingface" metadata, or a name.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import type { ParquetFile } from "./parquet_file.ts";

/** The columns that are read. */
export interface Columns {
  image: string;
  label: string | null;
  /** The names of the classes; null if the file does not tell. */
  names: string[] | null;
}

/** What the `datasets` library notes of a column. */
interface Feature {
  _type?: string;
  names?: unknown;
}

type Column = ParquetFile["columns"][number];

const IMAGE_NAMES = ["image", "img"];
const LABEL_NAMES = ["label", "labels", "fine_label", "class", "cls", "category", "target"];

/** Finds the columns. Throws a UserError if there are no images. */
export function columnsOf({ path, columns, metadata }: ParquetFile): Columns {
  const noted = featuresIn(metadata.key_value_metadata?.find(({ key }) => key === "huggingface")?.value);
  const typeOf = ({ element: { name } }: Column) => noted[name]?._type;
  const images = columns.filter(hasImages);
  const image = images.find((column) => typeOf(column) === "Image") ?? named(images, IMAGE_NAMES) ??
    images[0];
  if (!image) {
    throw new UserError(
      `Cannot read images from ${path}: expected a column of bytes, or of structs with "bytes" among them: there are ` +
        `${columns.map(({ element }) => element.name).join(", ") || "none"}. Check --data.`,
    );
  }
  const labels = columns.filter(hasLabels);
  const classed = labels.filter((column) => typeOf(column) === "ClassLabel");
  const label = named(classed, LABEL_NAMES) ?? classed[0] ?? named(labels, LABEL_NAMES);
  const names = label && noted[label.element.name]?.names;
  return {
    image: image.element.name,
    label: label?.element.name ?? null,
    names: Array.isArray(names) && names.length > 0 ? names.map(String) : null,
  };
}

function named(columns: Column[], names: string[]): Column | undefined {
  return names.map((name) => columns.find(({ element }) => element.name === name)).find(Boolean);
}

/** Bytes that are not said to be text. */
function isBinary({ element, children }: Column): boolean {
  return children.length === 0 && element.type === "BYTE_ARRAY" && element.repetition_type !== "REPEATED" &&
    element.converted_type === undefined && element.logical_type === undefined;
}

function hasImages(column: Column): boolean {
  if (column.element.repetition_type === "REPEATED") return false;
  return isBinary(column) ||
    column.children.some((child) => child.element.name === "bytes" && isBinary(child));
}

function hasLabels({ element, children }: Column): boolean {
  if (children.length > 0 || element.repetition_type === "REPEATED") return false;
  return element.type === "INT32" || element.type === "INT64" || element.converted_type === "UTF8";
}

function featuresIn(text: string | undefined): Record<string, Feature> {
  try {
    return JSON.parse(text ?? "{}")?.info?.features ?? {};
  } catch {
    return {}; // the images are there all the same
  }
}
