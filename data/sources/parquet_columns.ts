/**
 * Finds the image and label columns of a Parquet file, as Hugging Face stores them: an image is a struct of `bytes` and
 * `path`, or plain bytes; a label is a number, with class names in the file's "huggingface" metadata, or a name.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { labelField } from "./labels.ts";
import type { ParquetFile } from "./parquet_file.ts";

/** The columns that are read. */
export interface Columns {
  image: string;
  label: string | null;
  /** The class names; null if the file has none. */
  names: string[] | null;
  /** If there is no label column, those that may be one under another name. */
  candidates: string[];
  /** Columns that hold images or labels and are not read, and why. */
  others: { name: string; kind: "image column" | "label column"; reason: string }[];
}

/** The metadata of a column by the `datasets` library. */
interface Feature {
  _type?: string;
  names?: unknown;
}

type Column = ParquetFile["columns"][number];

const nameOf = ({ element: { name } }: Column) => name;

/**
 * The columns of a file; `wanted` is the label column that was asked for. Throws a UserError if none holds images, or if
 * `wanted` is none of them.
 */
export function columnsOf({ path, columns, metadata }: ParquetFile, wanted?: string): Columns {
  const noted = featuresIn(metadata.key_value_metadata?.find(({ key }) => key === "huggingface")?.value);
  const typeOf = (column: Column) => noted[nameOf(column)]?._type;
  const images = columns.filter(hasImages);
  const image = images.find((column) => typeOf(column) === "Image") ?? imageNamed(images) ?? images[0];
  if (!image) throw noImages(path, columns);
  const others: Columns["others"] = images.filter((each) => each !== image)
    .filter((each) => typeOf(each) === "Image" || each.children.length > 0 || imageNamed([each]))
    .map((each) => ({
      name: nameOf(each),
      kind: "image column",
      reason: `only ${nameOf(image)} is read`,
    }));
  const rest = columns.filter((column) => column !== image);
  const label = labelColumn(path, { rest, typeOf, wanted });
  if (label && !hasLabels(label)) {
    others.push({ name: nameOf(label), kind: "label column", reason: "not of single values" });
    return { image: nameOf(image), label: null, names: null, candidates: [], others };
  }
  const names = label && noted[nameOf(label)]?.names;
  return {
    image: nameOf(image),
    label: label ? nameOf(label) : null,
    names: Array.isArray(names) && names.length > 0 ? names.map(String) : null,
    candidates: label ? [] : rest.filter(canBeLabels).map(nameOf),
    others,
  };
}

function noImages(path: string, columns: Column[]): UserError {
  const names = columns.map(nameOf).join(", ") || "none";
  const text = columns.find((column) =>
    isText(column) &&
    /^(image|img|file|photo|picture)?[ _-]?(image|img|path|name|url|uri)$/i.test(nameOf(column))
  );
  return new UserError(
    text
      ? `Cannot read images from "${path}": its column "${
        nameOf(text)
      }" holds paths or other text, not bytes, and no ` +
        `other column does. Its columns are ${names}. Write the images' bytes into the file, or the paths into a list (.csv).`
      : `Cannot read images from "${path}": no column holds bytes, or structs with "bytes". Its columns are ${names}. ` +
        `Check the path.`,
  );
}

function imageNamed(columns: Column[]): Column | undefined {
  return ["image", "img"].map((name) => columns.find((column) => nameOf(column).toLowerCase() === name))
    .find(Boolean);
}

function labelColumn(
  path: string,
  { rest, typeOf, wanted }: { rest: Column[]; typeOf(column: Column): string | undefined; wanted?: string },
): Column | undefined {
  const named = (columns: Column[]) => {
    const name = labelField(columns.map(nameOf), wanted);
    return columns.find((column) => nameOf(column) === name);
  };
  if (wanted !== undefined) {
    const column = named(rest);
    if (column) return column;
    throw new UserError(
      `Cannot read the labels of "${path}": it has no column "${wanted}". Its columns are ${
        rest.map(nameOf).join(", ") || "none but the images"
      }. Change --label.`,
    );
  }
  const single = rest.filter(hasLabels), classed = single.filter((column) => typeOf(column) === "ClassLabel");
  return named(classed) ?? classed[0] ?? named(single) ?? named(rest);
}

/** Bytes that are not annotated as text. */
function isBinary({ element, children }: Column): boolean {
  return children.length === 0 && element.type === "BYTE_ARRAY" && element.repetition_type !== "REPEATED" &&
    element.converted_type === undefined && element.logical_type === undefined;
}

function isText(column: Column): boolean {
  return column.element.type === "BYTE_ARRAY" && column.children.length === 0 && !isBinary(column);
}

function hasImages(column: Column): boolean {
  if (column.element.repetition_type === "REPEATED") return false;
  return isBinary(column) ||
    column.children.some((child) => child.element.name === "bytes" && isBinary(child));
}

/** Single values of types that can be labels: numbers, texts, true and false. */
function hasLabels({ element, children }: Column): boolean {
  if (children.length > 0 || element.repetition_type === "REPEATED") return false;
  return ["BOOLEAN", "INT32", "INT64", "FLOAT", "DOUBLE", "BYTE_ARRAY"].includes(element.type ?? "");
}

/** Texts, integers, true and false: a column of another name that `--label` may choose. */
function canBeLabels(column: Column): boolean {
  const isNumber = ["FLOAT", "DOUBLE"].includes(column.element.type ?? "");
  return hasLabels(column) && !isBinary(column) && !isNumber;
}

function featuresIn(text: string | undefined): Record<string, Feature> {
  try {
    return JSON.parse(text ?? "{}")?.info?.features ?? {};
  } catch {
    return {}; // the images can be read without it
  }
}
