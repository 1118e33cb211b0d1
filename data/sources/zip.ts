/**
 * Images in zip archives, read in any order by the archive's list of entries.
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
import { checkEncodedSize } from "../file_range.ts";
import { readPart } from "./bytes.ts";
import { readError } from "./entries.ts";
import { inMixedOrder, isImageName, type Listed, listedSource } from "./listed.ts";
import { baseName } from "./patterns.ts";

/** The largest ratio of deflate; an entry that claims more is damaged. */
const DEFLATE_RATIO = 1032;

interface Item extends Listed {
  /** The archive, and its size in bytes. */
  path: string;
  end: number;
  entry: FileEntry;
}

/**
 * Opens the archives at `paths` as one source called `name`. The class of an image is the first folder below the one that
 * all images of its archive have in common, if there is one. Encrypted or damaged entries are bad images. Throws a
 * UserError if an archive cannot be read, or if there are no images.
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
      `Cannot read images from "${name}": no entry is an image (.jpg, .png, .webp, .gif, .tiff, .ppm). Check the path.`,
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

/** The visible images of an archive, and its size in bytes. */
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
      `Cannot read "${path}": ${
        messageOf(error)
      }. It is damaged, truncated, or not a zip archive. Copy or download it ` +
        `again.`,
      { cause: error },
    );
  }
  const images = entries
    .filter((entry) => !entry.directory)
    .map((entry) => ({ name: entry.filename.replaceAll("\\", "/"), entry }))
    .filter(({ name }) => isImageName(name) && !/(^|\/)(\.|__MACOSX\/)/.test(name));
  return { images, end: size };
}

/** The folder that all of `names` begin with, with a slash at the end; "" if there is none. */
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
  checkEncodedSize(size);
  if (size > DEFLATE_RATIO * compressedSize + DEFLATE_RATIO) {
    throw new Error(`it is damaged: it claims to unpack ${compressedSize} bytes to ${size}`);
  }
  try {
    return await unzipPlain(item) ??
      await entry.getData(new Uint8ArrayWriter(), { checkSignature: true, useWebWorkers: false });
  } catch (error) {
    throw new Error(`its entry in the archive is damaged: ${messageOf(error) || "it cannot be unpacked"}`, {
      cause: error,
    });
  }
}

const LOCAL_HEADER = 30, STORED = 0, DEFLATED = 8;

/**
 * Reads an entry that is stored or deflated, at the offset in the archive's list; null if that does not work. This reads
 * 12,000 images of 30 kB per second, zip.js's streams 2,000. They are used for all other entries.
 */
async function unzipPlain({ path, end, entry }: Item): Promise<Uint8Array | null> {
  const { offset, compressionMethod: method, compressedSize, uncompressedSize: size, signature } = entry;
  if (method !== STORED && method !== DEFLATED) return null;
  const part = (from: number, length: number) =>
    readPart(path, { offset: from, size: Math.max(0, Math.min(length, end - from)), what: entry.filename });
  // The name is usually as long as in the list of entries, and the extra field after it is short.
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

function inflated(bytes: Uint8Array, size: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    inflateRaw(
      bytes,
      { maxOutputLength: Math.max(1, size) },
      (error, image) => error ? reject(error) : resolve(image),
    );
  });
}

/** Gives zip.js parts of a file. No handle is held open. */
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
