/**
 * Lists of images, `list.csv` or `list.txt`: files relative to the list's folder, or addresses.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { UserError } from "../../src/base/errors.ts";
import { checkEncodedSize } from "../file_range.ts";
import { readError } from "./entries.ts";
import { countedAs } from "./file_names.ts";
import { fileSamples } from "./file_samples.ts";
import { fileSizes } from "./file_sizes.ts";
import { nameOf } from "./http.ts";
import { DEFAULT_RETRY_POLICY } from "./http_connection.ts";
import { classify, countCandidates, noClass } from "./labels.ts";
import { type ListRow, listRows } from "./list_rows.ts";
import { numberedSource } from "./listed.ts";
import type { OpenContext } from "./open_options.ts";
import { baseName } from "./patterns.ts";
import { CONCURRENT_REQUESTS } from "./remote_file.ts";
import { addressReader } from "./remote_images.ts";
import { chooseSplit, splitInName } from "./split_names.ts";
import type { SplitName } from "./survey.ts";
import type { IndexedSource } from "./types.ts";

/** An image of a list. */
interface Item extends ListRow {
  /** Its name: the address, or the path as in the list. */
  key: string;
  /** Its file; null for an address. */
  path: string | null;
}

/**
 * Opens the lists at `paths` as one source called `name`, in their order. A column may tell the split, and the names of
 * several lists too. Files that are missing and those that are listed twice are left out. Throws a UserError if a list cannot
 * be read, or if no image is left.
 */
export async function openLists(name: string, paths: string[], context: OpenContext): Promise<IndexedSource> {
  const { survey, split: wanted, label, retryPolicy = DEFAULT_RETRY_POLICY } = context;
  const rows: Item[] = [], candidates: string[] = [];
  for (const path of paths) {
    const bytes = await Deno.readFile(path).catch((error) => {
      throw readError(path, error);
    });
    const isThere = async (place: string) => {
      const item = itemOf({ place, label: null, split: null }, { list: path, split: null });
      return item.path !== null && !Number.isNaN((await fileSizes(1, () => item.path!))[0]);
    };
    const found = await listRows(bytes, { name: path, label, isThere });
    if (found.empty > 0) survey.leaveOut({ name: baseName(path), kind: "empty line", count: found.empty });
    candidates.push(...found.candidates ?? []);
    const split = paths.length > 1 ? splitInName(baseName(path)) : null;
    for (const row of found.rows) rows.push(itemOf(row, { list: path, split }));
  }
  if (rows.every((row) => row.label === null)) countCandidates(candidates, survey);
  const splitOf = ({ split }: Item) => split;
  const { items: chosen, others } = chooseSplit(rows, { name, splitOf, wanted, survey });
  for (const { item, split } of others) {
    survey.leaveOut({
      name: item.key,
      ...split ? { kind: `split ${split}` } : { kind: "image", reason: "without a split" },
    });
  }
  const once = withoutDuplicates(chosen, context), { items, sizes } = await present(once, context);
  if (items.length === 0) throw await nothingThere(name, rows);
  const texts = classTexts(items, once, context);
  const { classes, labels } = classify(texts, { name, keyOf: (image) => items[image].key });
  const addresses = items.filter(({ path }) => path === null).map(({ place }) => place);
  const readAddress = addressReader(addresses, { retryPolicy });
  const samples = await fileSamples(sizes, (index) => items[index].path);
  const identity = function* () {
    for (const [i, item] of items.entries()) yield JSON.stringify([placeOf(item), item.label, sizes[i]]);
    yield* samples;
  };
  return await numberedSource({
    name,
    length: items.length,
    classes,
    identity: identity(),
    key: (index) => items[index].key,
    label: (index) => labels[index] < 0 ? null : labels[index],
    concurrentReads: addresses.length > 0 ? CONCURRENT_REQUESTS : undefined,
    bytes: async (index, signal) => {
      const { place, path } = items[index];
      if (path === null) return await readAddress(place, signal);
      checkEncodedSize(sizes[index]);
      return await Deno.readFile(path);
    },
    rangeOf: (index) => {
      const { path } = items[index];
      return path === null ? null : { path, offset: 0, size: sizes[index] };
    },
  });
}

/** Where an image is, whatever the host: a mirror has the same images. */
function placeOf({ key, path, place }: Item): string {
  return path === null && URL.canParse(place) ? new URL(place).pathname : key;
}

function itemOf(row: ListRow, { list, split }: { list: string; split: SplitName | null }): Item {
  const item = { ...row, split: row.split ?? split };
  if (/^https?:\/\//i.test(row.place)) {
    return { ...item, key: URL.canParse(row.place) ? nameOf(row.place) : row.place, path: null };
  }
  // Lists written on Windows have backslashes.
  const path = /^file:\/\//i.test(row.place) ? fileURLToPath(row.place) : row.place.replaceAll("\\", "/");
  const key = path.replace(/^(\.\/)+/, ""), folder = list.slice(0, list.length - baseName(list).length);
  return { ...item, key, path: /^(\/|[a-z]:\/)/i.test(key) ? key : folder + key };
}

/** The labels of `items`; the survey gets those that are no classes, and the classes of which none of the `listed` is there. */
function classTexts(items: Item[], listed: Item[], { survey }: OpenContext): (string | null)[] {
  const used = new Set(items.map(({ label }) => label));
  for (const cls of new Set(listed.map(({ label }) => label))) {
    if (cls === null || used.has(cls) || noClass(cls) !== null) continue;
    survey.leaveOut({ name: cls, kind: "class", reason: "without a readable image" });
  }
  return items.map(({ key, label }) => {
    const reason = label === null ? null : noClass(label);
    if (reason !== null) survey.leaveOut({ name: key, kind: "label", reason });
    return reason === null ? label : null;
  });
}

function withoutDuplicates(items: Item[], { survey }: OpenContext): Item[] {
  const labels = new Map<string, string | null>();
  return items.filter(({ place, path, key, label }) => {
    const where = path ?? place;
    if (!labels.has(where)) return labels.set(where, label);
    const reason = labels.get(where) === label ? "listed twice" : "listed twice, with another label";
    survey.leaveOut({ name: key, kind: countedAs(key), reason });
    return false;
  });
}

/** Extensions that lists of names without one may lack. */
const EXTENSIONS = [".jpg", ".png", ".jpeg", ".JPEG", ".JPG", ".webp", ".tif", ".tiff", ".bmp"];

/** The items whose files are there, with their sizes; those of addresses are unknown, 0. */
async function present(
  items: Item[],
  { survey }: OpenContext,
): Promise<{ items: Item[]; sizes: Float64Array }> {
  const local = items.filter(({ path }) => path !== null);
  const sizesOf = async (extension: string) => {
    const found = await fileSizes(local.length, (i) => local[i].path + extension);
    return new Map(local.map((item, i) => [item, found[i]]));
  };
  let sizes = await sizesOf(""), extension = "";
  for (const each of local.length > 0 ? EXTENSIONS : []) {
    if ([...sizes.values()].some((size) => !Number.isNaN(size))) break;
    sizes = await sizesOf(extension = each);
  }
  const isMissing = (item: Item) => Number.isNaN(sizes.get(item) ?? 0);
  for (const item of items.filter(isMissing)) {
    survey.leaveOut({ name: item.key, kind: countedAs(item.key), reason: "no such file" });
  }
  const there = items.filter((item) => !isMissing(item));
  return {
    items: there.map((item) => item.path === null ? item : { ...item, path: item.path + extension }),
    sizes: Float64Array.from(there, (item) => sizes.get(item) ?? 0),
  };
}

/** Where the paths of lists often begin, seen from the list's folder. */
const BESIDE = ["..", "images", "img", "train", "../images", "../img", "../JPEGImages", "JPEGImages"];

async function nothingThere(name: string, rows: Item[]): Promise<UserError> {
  const advice = "Write the paths relative to the list's folder";
  if (rows.length === 0) {
    return new UserError(`Cannot read images from the list "${name}": it has no lines. ${advice}.`);
  }
  const [{ path, key, place }] = rows, looked = path ?? place;
  const isRelative = path !== null && !/^([a-z]:)?\//i.test(key);
  const candidates = isRelative ? BESIDE.map((beside) => path.slice(0, -key.length) + beside) : [];
  const found = await fileSizes(candidates.length, (i) => `${candidates[i]}/${key}`);
  const there = candidates.find((_, i) => !Number.isNaN(found[i]));
  return new UserError(
    `Cannot read images from the list "${name}": none of its ${rows.length} images is there; the first is looked for at ` +
      `"${looked}"${there === undefined ? "" : `, but lies at "${there}/${key}"`}. ${advice}${
        there === undefined ? "" : `, or move the list into "${there}"`
      }.`,
  );
}
