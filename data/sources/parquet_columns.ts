/**
 * Finds the image and label columns of a Parquet file, as Hugging Face stores them: an image is a struct of `bytes` and
 * `path`, or plain bytes; a label is a number, with class names in the file's "huggingface" metadata, or a name.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import type { ParquetFile } from "./parquet_file.ts";

/** The columns that are read. */
export interface Columns {
  image: string;
  label: string | null;
  /** The class names; null if the file has none. */
  names: string[] | null;
}

/** The metadata of a column by the `datasets` library. */
interface Feature {
  _type?: string;
  names?: unknown;
}

type Column = ParquetFile["columns"][number];

const IMAGE_NAMES = ["image", "img"];
const LABEL_NAMES = ["label", "labels", "fine_label", "class", "cls", "category", "target"];

/** The columns of a file. Throws a UserError if none holds images. */
export function columnsOf({ path, columns, metadata }: ParquetFile): Columns {
  const noted = featuresIn(metadata.key_value_metadata?.find(({ key }) => key === "huggingface")?.value);
  const typeOf = ({ element: { name } }: Column) => noted[name]?._type;
  const images = columns.filter(hasImages);
  const image = images.find((column) => typeOf(column) === "Image") ?? named(images, IMAGE_NAMES) ??
    images[0];
  if (!image) {
    throw new UserError(
      `Cannot read images from "${path}": no column holds bytes, or structs with "bytes". Its columns are ` +
        `${columns.map(({ element }) => element.name).join(", ") || "none"}. Check the path.`,
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

/** Bytes that are not annotated as text. */
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
    return {}; // the images can be read without it
  }
}
