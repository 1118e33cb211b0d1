/**
 * Lists of images: tables with a column of paths or addresses, and texts with one of them on a line.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { labelField, labelText, noClass } from "./labels.ts";
import { isImageName } from "./listed.ts";
import { splitNamed } from "./split_names.ts";
import type { SplitName } from "./survey.ts";

/** A line of a list. */
export interface ListRow {
  /** The path or address of the image. */
  place: string;
  /** Its label; null for none. */
  label: string | null;
  split: SplitName | null;
}

/** The rows of a list, and how many lines are empty. */
export interface ListRows {
  rows: ListRow[];
  empty: number;
  /** If no column of a table is one of labels, those that may be. */
  candidates?: string[];
}

const PATH_NAMES =
  /^(image|img|file|photo|picture)?[ _-]?(path|name|file|filename|url|uri|src|location)$|^(image|img|file|photo|picture)s?$/i;
const ID_NAMES = /^(image|img|file|photo|picture)?[ _-]?(id|code|id_code)$/i;
const SPLIT_NAMES = /^(split|set|subset|partition|usage|data[ _-]?set)$/i;

/** Whether a text names an image by its extension, or is an address. */
const isPlace = (text = "") =>
  /^(https?|file):\/\/\S+$/i.test(text.trim()) || isImageName(text.trim()) && !text.includes("\t");

/** What is used of the package, which has no types. */
interface Papaparse {
  parse(text: string, options: Record<string, unknown>): { data: string[][]; meta: { delimiter: string } };
}

/** Rows that tell which columns there are. */
const TRIED = 100;

/**
 * The rows of the table in `text`. The delimiter, and whether there is a header, are found out; `label` names the column of
 * the labels, by its number from 1 on if there is no header.
 *
 * @throws {UserError} if no column has paths, or there is no column `label`.
 */
export async function tableRows(
  text: string,
  { name, label }: { name: string; label?: string },
): Promise<ListRows> {
  const { default: papaparse } = await import("npm:papaparse@5.7.1") as { default: Papaparse };
  // Empty lines are counted, but would confuse the guess.
  const { meta: { delimiter } } = papaparse.parse(text, {
    delimitersToGuess: [",", "\t", ";", "|"],
    skipEmptyLines: "greedy",
    preview: TRIED,
  });
  const { data } = papaparse.parse(text, { delimiter });
  const lines = data.map((cells) => cells.map((cell) => cell.trim()));
  if (lines.at(-1)?.join("") === "") lines.pop(); // what follows the last line break
  const filled = lines.filter((cells) => cells.some((cell) => cell !== ""));
  const columns = columnsOf(filled, { name, label });
  const rows = filled.slice(columns.header ? 1 : 0).map((cells) => ({
    place: cells[columns.place] ?? "",
    label: columns.label < 0 ? null : labelText(cells[columns.label]),
    split: columns.split < 0 ? null : splitNamed(cells[columns.split] ?? ""),
  }));
  const withPlace = rows.filter(({ place }) => place !== "");
  const { candidates } = columns;
  return {
    rows: withPlace,
    empty: lines.length - filled.length + rows.length - withPlace.length,
    candidates,
  };
}

/** The numbers of the columns, −1 for one that is not there, and whether the first row names them. */
interface Columns {
  header: boolean;
  place: number;
  label: number;
  split: number;
  /** If no column is one of labels, the names of those whose values return as labels do. */
  candidates: string[];
}

function columnsOf(rows: string[][], { name, label: wanted }: { name: string; label?: string }): Columns {
  const first = rows[0] ?? [], body = rows.slice(1, TRIED);
  const numbers = Array.from(
    { length: Math.max(0, ...rows.slice(0, TRIED).map(({ length }) => length)) },
    (_, i) => i,
  );
  const hasPlaces = (i: number) => 2 * body.filter((cells) => isPlace(cells[i])).length > body.length;
  const isName = (cell: string) => PATH_NAMES.test(cell) || ID_NAMES.test(cell);
  const header = !first.some(isPlace) && (numbers.some(hasPlaces) || first.some(isName));
  const names = header ? first : numbers.map((i) => String(i + 1));
  const called = (pattern: RegExp) => header ? numbers.filter((i) => pattern.test(names[i] ?? "")) : [];
  const places = numbers.filter((i) => hasPlaces(i) || !header && isPlace(first[i])),
    usual = called(PATH_NAMES);
  const place = places.find((i) => usual.includes(i)) ?? places[0] ?? usual[0] ?? called(ID_NAMES)[0];
  if (place === undefined) {
    throw new UserError(
      `Cannot read the list "${name}": no column has paths or addresses of images. Call the column "path" or "url" in the ` +
        `first line; paths are relative to the list's folder.`,
    );
  }
  const split = called(SPLIT_NAMES).find((i) =>
    i !== place && rows.slice(1).some((cells) => splitNamed(cells[i] ?? ""))
  );
  const field = labelField(names, wanted);
  if (wanted !== undefined && field === undefined) {
    throw new UserError(
      `Cannot read the labels of "${name}": it has no column "${wanted}", but ${
        names.join(", ")
      }. Change --label.`,
    );
  }
  const found = numbers.filter((i) => i !== place && i !== split);
  // A column behind the paths is one of labels even if no label returns.
  const others = found.filter((i) => found.length === 1 && i > place || !isCounter(rows.slice(1), i));
  const isSure = !header && found.length === 1;
  const only = others.length === 1 && (isSure || repeats(rows, others[0])) ? others[0] : -1;
  const chosen = field === undefined ? only : names.indexOf(field);
  const candidates = chosen < 0 ? others.filter((i) => canBeLabels(rows, i)).map((i) => names[i]) : [];
  return { header, place, label: chosen, split: split ?? -1, candidates };
}

/** Whether the values of a column are several, return, and are no fractions. */
function canBeLabels(rows: string[][], column: number): boolean {
  const labels = new Set(rows.slice(1).map((cells) => labelText(cells[column])));
  labels.delete(null);
  return labels.size > 1 && repeats(rows, column) && [...labels].every((label) => noClass(label!) === null);
}

/** Whether the values of a column return, as those of classes do, and captions do not. */
function repeats(rows: string[][], column: number): boolean {
  return 2 * new Set(rows.slice(1).map((cells) => cells[column])).size <= rows.length - 1;
}

/** Whether a column numbers the rows, as pandas and MXNet write it. */
function isCounter(rows: string[][], column: number): boolean {
  return rows.every((cells, i) =>
    /^\d+$/.test(cells[column] ?? "") && (i === 0 || Number(cells[column]) > Number(rows[i - 1][column]))
  );
}

/** The path or address in a line of a text, and the label after a space, a tab, a comma or a semicolon. */
function placeAndLabel(line: string): [place: string, label: string | null] {
  const [, quoted, rest] = /^"([^"]+)"(?:[\s,;]+(.*))?$/.exec(line) ?? [];
  if (quoted !== undefined) return [quoted, rest ?? null];
  if (isPlace(line)) return [line, null];
  // A path may have spaces, and a label too.
  for (const { index, 0: { length } } of line.matchAll(/[\s,;]+/g)) {
    if (isPlace(line.slice(0, index))) return [line.slice(0, index), line.slice(index + length)];
  }
  const [, before, after] = /^(.+?)[\s,;]+([^\s,;]+)$/.exec(line) ?? [];
  return after === undefined ? [line, null] : [before, after];
}

/** A number before a path, as in the lists of CUB and Caffe's older tools. */
const NUMBERED = /^(-?\d+)[\s,;]+(?=\S)/;

/**
 * What the lines tell if each has a number before its path; null otherwise. The number is the label where several images
 * have the same one and nothing follows the paths; otherwise it counts the images.
 */
function numberedRows(lines: string[]): ListRow[] | null {
  const rows = lines.map((line) => {
    const [before, number] = NUMBERED.exec(line) ?? [""];
    const [place, after] = placeAndLabel(line.slice(before.length));
    return number !== undefined && isPlace(place) ? { place, number, after } : null;
  });
  const known = rows.filter((row) => row !== null);
  if (known.length === 0 || known.length < rows.length) return null;
  const images = new Set(known.map(({ place }) => place)),
    numbers = new Set(known.map(({ number }) => number));
  const isLabel = numbers.size < images.size && known.every(({ after }) => after === null);
  return known.map(({ place, number, after }) => ({
    place,
    label: labelText(isLabel ? number : after),
    split: null,
  }));
}

/** The rows of a text with a path or an address on each line. Lines that begin with # are comments. */
async function textRows(text: string, isThere: (place: string) => Promise<boolean>): Promise<ListRows> {
  const lines = text.split(/\r\n|\n|\r/).map((line) => line.trim()).filter((line) => !line.startsWith("#"));
  if (lines.at(-1) === "") lines.pop();
  const filled = lines.filter((line) => line !== ""), empty = lines.length - filled.length;
  const hasHeader = filled.length > 1 && !NUMBERED.test(filled[0]) && !isPlace(placeAndLabel(filled[0])[0]);
  const numbered = numberedRows(filled.slice(hasHeader ? 1 : 0));
  // A file's name may begin with a number and a space.
  if (numbered && !await isThere(placeAndLabel(filled.at(-1)!)[0])) return { rows: numbered, empty };
  const rows: ListRow[] = filled.map((line) => {
    const [place, label] = placeAndLabel(line);
    return { place, label: labelText(label), split: null };
  });
  const [first] = rows;
  if (first?.label && PATH_NAMES.test(first.place) && labelField([first.label])) rows.shift(); // a header
  return { rows, empty };
}

/** The text of a list without its byte order mark. Excel's "Unicode text" is UTF-16, older tables are Windows-1252. */
function textOf(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

/** The rows of a list: of a table if its extension says so, or if its first line has a delimiter and no path at its start. */
export async function listRows(
  bytes: Uint8Array,
  { name, label, isThere }: {
    name: string;
    label?: string;
    /** Whether there is a file at a path of the list. */
    isThere(place: string): Promise<boolean>;
  },
): Promise<ListRows> {
  const text = textOf(bytes), [first] = text.trimStart().split(/[\r\n]/, 1);
  const isTable = /\.(csv|tsv)$/i.test(name) || /[,\t;|]/.test(first) && !isPlace(placeAndLabel(first)[0]);
  return isTable ? await tableRows(text, { name, label }) : await textRows(text, isThere);
}
