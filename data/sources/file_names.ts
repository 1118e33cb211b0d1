/**
 * What a file in a folder or an archive is, by its name: an image, an image that cannot be read, an archive, anything else.
 *
 * @module
 */
import { unreadableImageKind } from "../formats/extensions.ts";
import { isImageName } from "./listed.ts";

/** What a name tells. Files of unknown names are judged by their first bytes. */
export type NameKind =
  | { kind: "image" | "unknown" }
  /** Counted as left out, for a reason that may be clear from the extension alone. */
  | { kind: "unreadable image" | "archive" | "other"; reason: string | null }
  /** What systems write for themselves: not counted. */
  | { kind: "clutter" };

const words = (text: string) => new Set(text.trim().split(/\s+/));

/** Names of tar archives, plain or compressed. What cannot be unpacked says so when it is opened. */
export const TAR_NAME = /\.(tar(\.(gz|bz2|xz|zst|zstd|lz4|lzma|lz|z))?|tgz|tbz2?|txz|tzst)$/i;

/** Names of lists of images. */
export const LIST_NAME = /\.(csv|tsv|txt|lst|list)$/i;

/** Archives that `--data` opens, and those that must be unpacked first. */
const ARCHIVES = words("zip parquet");
const PACKED = words(
  "7z rar gz bz2 xz zst lz lz4 lzma cab arj z01 z02 cbz cbr arrow tfrecord tfrecords",
);

/** Files that are no images, whatever they contain: texts, sounds, films, programs, tables, backups. */
const OTHER = words(`
  txt md rst pdf doc docx xls xlsx ppt pptx odt ods rtf tex csv tsv lst json jsonl ndjson xml yaml yml toml ini cfg conf
  log html htm css js mjs ts py pyc ipynb m c h cpp hpp java sh bat ps1 exe dll so app msi apk iso dmg db sqlite lnk url
  webloc desktop aae xmp thm cls label labels idx npy npz h5 hdf5 mat pkl pickle pt pth ckpt safetensors onnx mdb lmdb
  feather bin mov mp4 m4v avi mkv webm wmv mpg mpeg mts m2ts 3gp flv ogv mp3 wav m4a aac flac ogg opus wma lrv srt vtt
  bak orig old tmp swp lock md5 sha1 sha256 sig asc`);

/** Downloads that have not ended. */
const INCOMPLETE = words("part partial crdownload download aria2 filepart opdownload");

/** Files that systems write into folders. */
const CLUTTER = /^(thumbs\.db|ehthumbs\.db|desktop\.ini|icon\r|zbthumbnail\.info|picasa\.ini)$/i;

/** Folders of systems: waste, thumbnails, what a repair of the disk found, resource forks. */
const SYSTEM_FOLDERS =
  /^(lost\+found|@eadir|#recycle|\$recycle\.bin|recycler|system volume information|__macosx)$/i;

/**
 * The extension of a file, with the dot and in lower case, as it is counted: `.jpg`, `.tar.gz`. Empty if there is none, or
 * if what follows the last dot is no extension, as in `No. 7 (copy)`.
 */
export function extensionOf(name: string): string {
  return /.(\.tar\.\w{2,4}|\.[\w~-]{1,12})$/.exec(name)?.[1].toLowerCase() ?? "";
}

/** The kind under which a file of this name is counted. */
export function countedAs(name: string): string {
  return extensionOf(name) || "without an extension";
}

/** What the name of a file tells. `name` is the last part of its path. */
export function kindOfName(name: string): NameKind {
  const extension = extensionOf(name).slice(1), hidden = name.startsWith(".");
  if (hidden && extension === "icloud") {
    return { kind: "unreadable image", reason: "not downloaded from iCloud" };
  }
  // macOS keeps what other file systems cannot hold in ._ files, one beside each image.
  if (hidden && (name.startsWith("._") || !isImageName(name))) return { kind: "clutter" };
  if (hidden) return { kind: "other", reason: "hidden" };
  if (CLUTTER.test(name)) return { kind: "clutter" };
  if (isImageName(name)) return { kind: "image" };
  const unreadable = unreadableImageKind(extension);
  if (unreadable !== null) return { kind: "unreadable image", reason: `${unreadable}, not readable` };
  if (ARCHIVES.has(extension) || TAR_NAME.test(name)) {
    return { kind: "archive", reason: "an archive beside images; give it by --data" };
  }
  if (PACKED.has(extension) || /^tar\./.test(extension)) {
    return { kind: "archive", reason: "an archive; unpack it" };
  }
  if (INCOMPLETE.has(extension)) return { kind: "unreadable image", reason: "an incomplete download" };
  if (OTHER.has(extension) || extension.endsWith("~")) return { kind: "other", reason: null };
  return { kind: "unknown" };
}

/** Why a folder of this name is not entered; null if it is. */
export function skippedFolder(name: string): string | null {
  if (SYSTEM_FOLDERS.test(name)) return "of the system";
  return name.startsWith(".") ? "hidden" : null;
}
