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
import { isMarkedPng, MARK_BYTES } from "../formats/png_mark.ts";
import { sniffed } from "./sniff.ts";
import type { Survey } from "./survey.ts";

/** The images below a folder. */
export interface FoundImages {
  images: ImagePaths;
  /** The folders in which something looks like an image and cannot be read. */
  unusable: Set<number>;
}

/**
 * Finds the images below `root`; the survey gets the rest. Folders that cannot be read are left out, but for `root`, for
 * which a UserError is thrown. With `limit` the walk ends after the folder in which so many images are reached, and goes by
 * names alone.
 */
export async function findImages(
  root: string,
  { survey, limit = Infinity }: { survey: Survey; limit?: number },
): Promise<FoundImages> {
  const walk = new Walk(root, { survey, limit });
  await walk.visit("", new Set());
  if (limit === Infinity) await walk.judgeUnknown();
  return walk;
}

/** Names of this program's pictures; the mark in them decides. */
const PICTURES = /(preview|sheet|views).*\.png$/i;

class Walk implements FoundImages {
  readonly images = new ImagePaths();
  readonly unusable = new Set<number>();
  /** Files whose names do not tell what they are. */
  readonly #unknown: { folder: number; name: string }[] = [];
  /** Images that are called like a picture of this program's. */
  readonly #pictures: { folder: number; name: string }[] = [];
  readonly #root: string;
  readonly #survey: Survey;
  readonly #limit: number;

  constructor(root: string, { survey, limit }: { survey: Survey; limit: number }) {
    this.#root = root;
    this.#survey = survey;
    this.#limit = limit;
  }

  /** Walks through the folder `path`, which is empty or ends with a slash, and those below. `above` are those above it. */
  async visit(path: string, above: ReadonlySet<string>): Promise<void> {
    if (this.images.length >= this.#limit) return;
    const found = await entriesBelow(`${this.#root}/${path}`.replace(/(.)\/$/, "$1"), above);
    if (found === null) return;
    const name = path.slice(0, -1);
    if (found === "unreadable") {
      return this.#survey.leaveOut({ name, kind: "folder", reason: "it cannot be read" });
    }
    if (path !== "" && isOutput(found.entries)) {
      return this.#survey.leaveOut({ name, kind: "folder", reason: "written by this program" });
    }
    const folder = this.images.folder(path), below = new Set(above).add(found.real);
    for (const entry of found.entries) if (!entry.isDirectory) this.#file(folder, entry);
    for (const { name, isDirectory } of found.entries) {
      if (!isDirectory) continue;
      const reason = skippedFolder(name);
      if (reason === null) await this.visit(`${path}${name}/`, below);
      else this.#survey.leaveOut({ name: path + name, kind: "folder", reason });
    }
  }

  #file(folder: number, { name, isFile, isBroken }: Entry): void {
    const path = this.images.folders[folder].path + name;
    if (isBroken) return this.#survey.leaveOut({ name: path, kind: "link", reason: "it leads nowhere" });
    if (!isFile) return this.#survey.leaveOut({ name: path, kind: "device" });
    const judged = kindOfName(name);
    if (judged.kind === "image") {
      if (this.#limit === Infinity && PICTURES.test(name)) this.#pictures.push({ folder, name });
      else this.images.add(folder, name);
    } else if (judged.kind === "unknown") this.#unknown.push({ folder, name });
    else if ("reason" in judged) {
      this.#survey.leaveOut({ name: path, kind: countedAs(name), reason: judged.reason });
      if (judged.kind === "unreadable image") this.unusable.add(folder);
    }
  }

  /** Adds those files that are images by their first bytes, where the names do not tell. */
  async judgeUnknown(): Promise<void> {
    const pathOf = (file: { folder: number; name: string }) =>
      this.images.folders[file.folder].path + file.name;
    for (const file of this.#pictures) {
      const head = await headOf(`${this.#root}/${pathOf(file)}`).catch(() => new Uint8Array(0));
      if (!isMarkedPng(head)) this.images.add(file.folder, file.name);
      else this.#survey.leaveOut({ name: pathOf(file), kind: ".png", reason: "written by this program" });
    }
    const judged = sniffed(this.#unknown, {
      extensionOf: ({ name }) => extensionOf(name),
      readHead: (file) => headOf(`${this.#root}/${pathOf(file)}`),
    });
    for await (const { file, reason } of judged) {
      if (reason === null) this.images.add(file.folder, file.name);
      else {
        const why = reason === "no image" ? null : reason;
        this.#survey.leaveOut({ name: pathOf(file), kind: countedAs(file.name), reason: why });
      }
    }
  }
}

/** The first bytes of a file. */
async function headOf(path: string): Promise<Uint8Array> {
  using file = await Deno.open(path);
  const bytes = new Uint8Array(Math.max(KIND_BYTES, MARK_BYTES));
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
