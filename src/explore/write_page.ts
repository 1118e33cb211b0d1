/**
 * The files of a page.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { basename, dirname, extname, join } from "node:path";
import { SELF_CONTAINED } from "../config/explore_flags.ts";
import type { Duplicate } from "../export/duplicates.ts";
import { writeFileAtomic } from "../io/atomic.ts";
import { fileError } from "../io/file_error.ts";
import type { ChosenRows } from "./chosen_rows.ts";
import type { PlacedRows } from "./maps.ts";
import { type Neighborhoods, outlierScores } from "./neighborhoods.ts";
import { explorerPage } from "./page.ts";
import type { Bytes, PageData } from "./page/page_data.ts";
import { SHEET, type Thumbnails } from "./thumbnails.ts";

/** What a page shows. */
export interface PageContent {
  table: ChosenRows;
  near: Neighborhoods;
  groups: readonly Duplicate[][];
  threshold: number;
  maps: readonly PlacedRows[];
  clusters: Uint8Array<ArrayBuffer>;
  labels: readonly (string | null)[] | null;
  pictures: Thumbnails | null;
}

/** Names of sheets that this module writes. */
const sheetName = /^sheet-\d+-[0-9a-f]{16}\.jpg$/;

/** Writes the page `path`, and before it the sheets in a folder beside it if there are many images. */
export async function writePage(
  path: string,
  content: PageContent,
): Promise<{ path: string; bytes: number; sheets: string | null }> {
  const { table, pictures } = content, inline = table.rows <= SELF_CONTAINED;
  const folder = join(dirname(path), `${basename(path, extname(path))}_sheets`);
  const names = pictures && !inline ? await writeSheets(folder, pictures.sheets) : [];
  const sheets = inline
    ? pictures?.sheets.map((sheet) => sheet.toBase64()) ?? []
    : names.map((name) => `${encodeURIComponent(basename(folder))}/${name}`);
  const encoder = new TextEncoder(), chunks: Uint8Array[] = [];
  for await (const piece of explorerPage(dataOf(content, { inline, sheets }))) {
    chunks.push(encoder.encode(piece));
  }
  await writeFileAtomic(path, chunks);
  await removeOthers(folder, names);
  const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
  return { path, bytes, sheets: names.length > 0 ? folder : null };
}

/** Writes the sheets under names of their content: a page that was written before keeps its own until the new one is there. */
async function writeSheets(folder: string, sheets: readonly Uint8Array[]): Promise<string[]> {
  try {
    await Deno.mkdir(folder, { recursive: true });
  } catch (error) {
    throw fileError(folder, error);
  }
  const names: string[] = [];
  for (const [i, sheet] of sheets.entries()) {
    const digest = createHash("sha256").update(sheet).digest("hex").slice(0, 16);
    names.push(`sheet-${i}-${digest}.jpg`);
    await writeFileAtomic(join(folder, names[i]), [sheet]);
  }
  return names;
}

/** Removes the sheets of an earlier page of this name. */
async function removeOthers(folder: string, kept: readonly string[]): Promise<void> {
  try {
    for await (const { name } of Deno.readDir(folder)) {
      if (sheetName.test(name) && !kept.includes(name)) await Deno.remove(join(folder, name));
    }
    if (kept.length === 0) await Deno.remove(folder);
  } catch {
    // There was none, or others keep files in it.
  }
}

/** What is said of the vectors, in this order. */
const facts = ["encoder", "backbone", "features", "normalized", "size", "data"];

function dataOf(
  { table, near, groups, threshold, maps, clusters, labels, pictures }: PageContent,
  { inline, sheets }: { inline: boolean; sheets: string[] },
): PageData {
  const names = [...new Set(labels?.filter((name) => name !== null))].sort();
  const indices = new Map(names.map((name, i) => [name, i]));
  return {
    title: basename(table.path),
    facts: [
      ["vectors", `${table.rows.toLocaleString("en-US")} of ${table.dims} numbers`],
      ...facts.flatMap((name): [string, string][] => {
        const text = table.metadata[name];
        return text === undefined ? [] : [[name, text]];
      }),
    ],
    keys: [...table.keys],
    numbers: table.numbers && bytesOf(table.numbers),
    labels: labels && {
      names,
      of: bytesOf(Int32Array.from(labels, (name) => name === null ? -1 : indices.get(name)!)),
    },
    clusters: bytesOf(clusters),
    outliers: bytesOf(outlierScores(near)),
    maps: maps.map(({ name, axes, points }) => ({ name, axes, points: bytesOf(points) })),
    near: { k: near.k, neighbors: bytesOf(near.neighbors), cosines: bytesOf(near.cosines) },
    duplicates: {
      threshold,
      groups: groups.map((members) => members.map(({ row, cosine }) => [row, cosine])),
    },
    thumbnails: pictures && {
      side: pictures.side,
      columns: SHEET.columns,
      perSheet: SHEET.images,
      has: bytesOf(pictures.has),
      inline,
      sheets,
    },
  };
}

/** The bytes of numbers in base64, little-endian as on every machine that Deno runs on. */
function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView<ArrayBuffer>): Bytes {
  return new Uint8Array(buffer, byteOffset, byteLength).toBase64();
}
