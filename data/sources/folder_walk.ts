/**
 * Finds the images in a folder and its subfolders, and counts what else looks like one.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { entriesOf, type Entry, readError } from "./entries.ts";
import { countedAs, extensionOf, kindOfName, skippedFolder } from "./file_names.ts";
import { ImagePaths } from "./image_paths.ts";
import { KIND_BYTES } from "../formats/kind.ts";
import { sniffed } from "./sniff.ts";
import type { Survey } from "./survey.ts";

/** The images below a folder. */
export interface FoundImages {
  images: ImagePaths;
  /** The folders in which something looks like an image and cannot be read. */
  unusable: Set<number>;
}

/** A file whose name does not tell what it is. */
interface Unknown {
  folder: number;
  name: string;
}

/**
 * Finds the images below `root`; the survey gets the rest. Folders that cannot be read are left out, but for `root`, for
 * which a UserError is thrown. With `limit` it ends after the folder in which so many images are reached, and judges by
 * names alone.
 */
export async function findImages(
  root: string,
  { survey, limit = Infinity }: { survey: Survey; limit?: number },
): Promise<FoundImages> {
  const images = new ImagePaths(), unusable = new Set<number>(), unknown: Unknown[] = [];
  const visit = async (folder: string, above: ReadonlySet<string>) => {
    if (images.length >= limit) return;
    const path = `${root}/${folder}`.replace(/(.)\/$/, "$1");
    const found = await entriesBelow(path, above);
    if (found === null) return;
    if (found === "unreadable") {
      return survey.leaveOut({ name: folder.slice(0, -1), kind: "folder", reason: "it cannot be read" });
    }
    const { entries, real } = found;
    if (folder !== "" && isOutput(entries)) {
      return survey.leaveOut({
        name: folder.slice(0, -1),
        kind: "folder",
        reason: "written by this program",
      });
    }
    const number = images.folder(folder), folders: string[] = [];
    for (const entry of entries) {
      const name = folder + entry.name;
      if (entry.isDirectory) {
        const reason = skippedFolder(entry.name);
        if (reason === null) folders.push(`${name}/`);
        else survey.leaveOut({ name, kind: "folder", reason });
      } else if (entry.isFile) {
        const judged = kindOfName(entry.name);
        if (judged.kind === "image") images.add(number, entry.name);
        else if (judged.kind === "unknown") unknown.push({ folder: number, name: entry.name });
        else if ("reason" in judged) {
          survey.leaveOut({ name, kind: countedAs(entry.name), reason: judged.reason });
          if (judged.kind === "unreadable image") unusable.add(number);
        }
      } else {survey.leaveOut({
          name,
          ...entry.isBroken ? { kind: "link", reason: "it leads nowhere" } : { kind: "device" },
        });}
    }
    for (const each of folders) await visit(each, new Set(above).add(real));
  };
  await visit("", new Set());
  if (limit === Infinity) await judgeUnknown(root, { unknown, images, survey });
  return { images, unusable };
}

/** Adds those of the `unknown` files that are images by their first bytes. */
async function judgeUnknown(
  root: string,
  { unknown, images, survey }: { unknown: Unknown[]; images: ImagePaths; survey: Survey },
): Promise<void> {
  const pathOf = ({ folder, name }: Unknown) => images.folders[folder].path + name;
  const judged = sniffed(unknown, {
    extensionOf: ({ name }) => extensionOf(name),
    readHead: (file) => headOf(`${root}/${pathOf(file)}`),
  });
  for await (const { file, reason } of judged) {
    if (reason === null) images.add(file.folder, file.name);
    else {
      const why = reason === "no image" ? null : reason;
      survey.leaveOut({ name: pathOf(file), kind: countedAs(file.name), reason: why });
    }
  }
}

/** The first bytes of a file. */
async function headOf(path: string): Promise<Uint8Array> {
  using file = await Deno.open(path);
  const bytes = new Uint8Array(KIND_BYTES);
  return bytes.subarray(0, await file.read(bytes) ?? 0);
}

/** The entries of a folder, and its real path. Null for a folder in which the walk is already, by a link. */
async function entriesBelow(
  path: string,
  above: ReadonlySet<string>,
): Promise<{ entries: Entry[]; real: string } | "unreadable" | null> {
  try {
    const real = await Deno.realPath(path);
    return above.has(real) ? null : { entries: await entriesOf(path), real };
  } catch (error) {
    if (above.size > 0) return "unreadable";
    throw error instanceof UserError ? error : readError(path, error);
  }
}

/** Whether a folder was written by this program: a run, or an evaluation with its pictures. */
function isOutput(entries: readonly Entry[]): boolean {
  const has = (name: string) => entries.some((entry) => entry.name === name);
  return has("config.json") && (has("checkpoints") || has("metrics.jsonl")) ||
    has("evaluation.json") && (has("confusion.svg") || has("map_pca.svg"));
}
