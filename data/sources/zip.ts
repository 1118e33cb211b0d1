/**
 * Images in zip archives: read in any order by the archive's own list of entries.
 *
 * @module
 */
import { crc32, inflateRaw } from "node:zlib";
import {
  type Entry,
  type FileEntry,
  Reader,
  Uint8ArrayWriter,
  ZipReader,
} from "npm:@zip.js/zip.js@2.24.0/lib/zip-core-native.js";
import { messageOf, UserError } from "../../src/base/errors.ts";
import type { IndexedSource } from "./types.ts";
import { expectModest } from "../place.ts";
import { readPart } from "./bytes.ts";
import { readError } from "./entries.ts";
import { inMixedOrder, isImageName, type Listed, listedSource } from "./listed.ts";
import { baseName } from "./patterns.ts";

/** Deflate cannot make more than so many bytes of one, so an entry that claims more is damaged. */
const DEFLATE_RATIO = 1032;

interface Item extends Listed {
  /** The archive, and how many bytes it has. */
  path: string;
  end: number;
  entry: FileEntry;
}

/**
 * Opens the archives at `paths` as one source called `name`. The class of an image is the first folder below the one that
 * all images of its archive have in common, if there is any. Entries that are encrypted or damaged are bad images. Throws
 * a UserError if an archive cannot be read, or if there are no images.
 */
export async function openZip(name: string, paths: string[]): Promise<IndexedSource> {
  const found: (Omit<Item, "label"> & { folder: string | null })[] = [];
  for (const path of paths) {
    const { images, end } = await imagesOf(path);
    const root = commonFolder(images.map(({ name }) => name));
    for (const { name, entry } of images) {
      const rest = name.slice(root.length), slash = rest.indexOf("/");
      found.push({
        key: paths.length > 1 ? `${baseName(path)}/${name}` : name,
        folder: slash < 0 ? null : rest.slice(0, slash),
        path,
        end,
        entry,
      });
    }
  }
  if (found.length === 0) {
    throw new UserError(
      `Cannot read images from ${name}: expected .jpg, .jpeg, .png or .webp entries: found none. Check --data.`,
    );
  }
  const classes = [...new Set(found.map(({ folder }) => folder))].filter((folder) => folder !== null).sort();
  const labels = new Map(classes.map((folder, label) => [folder, label]));
  const items: Item[] = inMixedOrder(found, ({ key }) => key)
    .map(({ folder, ...item }) => ({ ...item, label: labels.get(folder ?? "") ?? null }));
  return await listedSource({
    name,
    items,
    classes,
    identity: JSON.stringify(
      items.map(({ key, label, entry }) => [key, label, entry.uncompressedSize, entry.signature]),
    ),
    bytes: unzip,
  });
}

/** The visible images of an archive, by the names of their entries; and how many bytes it has. */
async function imagesOf(
  path: string,
): Promise<{ images: { name: string; entry: FileEntry }[]; end: number }> {
  let size: number;
  try {
    ({ size } = await Deno.stat(path));
  } catch (error) {
    throw readError(path, error);
  }
  let entries: Entry[];
  try {
    entries = await new ZipReader(new FileReader(path, size)).getEntries();
  } catch (error) {
    throw new UserError(
      `Cannot read ${path}: expected a zip archive with its list of entries at the end: ${
        messageOf(error)
      }. It is ` +
        `damaged, cut off, or no zip archive: copy or download it again.`,
      { cause: error },
    );
  }
  const images = entries
    .filter((entry) => !entry.directory)
    .map((entry) => ({ name: entry.filename.replaceAll("\\", "/"), entry }))
    .filter(({ name }) => isImageName(name) && !/(^|\/)(\.|__MACOSX\/)/.test(name));
  return { images, end: size };
}

/** The folders that all of `names` begin with, with a slash at the end; "" if there are none. */
function commonFolder(names: string[]): string {
  let common = names[0]?.slice(0, names[0].lastIndexOf("/") + 1) ?? "";
  for (const name of names) {
    while (!name.startsWith(common)) common = common.slice(0, common.lastIndexOf("/", common.length - 2) + 1);
  }
  return common;
}

async function unzip(item: Item): Promise<Uint8Array> {
  const { entry } = item, { uncompressedSize: size, compressedSize } = entry;
  if (entry.encrypted) throw new Error("it is encrypted");
  expectModest(size);
  if (size > DEFLATE_RATIO * compressedSize + DEFLATE_RATIO) {
    throw new Error(`it claims ${size} bytes of ${compressedSize} compressed ones: it is damaged`);
  }
  try {
    return await unzipPlain(item) ??
      await entry.getData(new Uint8ArrayWriter(), { checkSignature: true, useWebWorkers: false });
  } catch (error) {
    throw new Error(`the archive is damaged there: ${messageOf(error) || "it cannot be unpacked"}`, {
      cause: error,
    });
  }
}

const LOCAL_HEADER = 30, STORED = 0, DEFLATED = 8;

/**
 * Reads an entry that is stored or deflated where the archive says that it is; null if it is not. This does
 * 12,000 images of 30 kB a second where zip.js's streams do 2,000; they are left for what is out of the ordinary.
 */
async function unzipPlain({ path, end, entry }: Item): Promise<Uint8Array | null> {
  const { offset, compressionMethod: method, compressedSize, uncompressedSize: size, signature } = entry;
  if (method !== STORED && method !== DEFLATED) return null;
  const part = (from: number, length: number) =>
    readPart(path, { offset: from, size: Math.max(0, Math.min(length, end - from)), what: entry.filename });
  // The name is as long as in the list of entries, as a rule, and what follows it is short.
  let bytes = await part(offset, LOCAL_HEADER + entry.rawFilename.length + 64 + compressedSize);
  if (bytes.length < LOCAL_HEADER) return null;
  const view = new DataView(bytes.buffer);
  if (view.getUint32(0, true) !== 0x04034b50) return null;
  const begin = LOCAL_HEADER + view.getUint16(26, true) + view.getUint16(28, true);
  if (begin + compressedSize <= bytes.length) bytes = bytes.subarray(begin, begin + compressedSize);
  else bytes = await part(offset + begin, compressedSize);
  const image = method === STORED ? bytes : await inflated(bytes, size);
  if (image.length !== size) throw new Error(`expected ${size} bytes, found ${image.length}`);
  if (crc32(image) !== signature) throw new Error("its checksum does not match");
  return image;
}

function inflated(bytes: Uint8Array, most: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    inflateRaw(
      bytes,
      { maxOutputLength: Math.max(1, most) },
      (error, image) => error ? reject(error) : resolve(image),
    );
  });
}

/** Gives zip.js parts of a file; no handle is held between two. */
class FileReader extends Reader<string> {
  #path: string;

  constructor(path: string, size: number) {
    super(path);
    this.#path = path;
    this.size = size;
  }

  override readUint8Array(offset: number, length: number): Promise<Uint8Array> {
    const size = Math.max(0, Math.min(length, this.size - offset));
    return readPart(this.#path, { offset, size, what: `byte ${offset + size}` });
  }
}
