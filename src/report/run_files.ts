/**
 * Reads the files of a run, again and again while it goes on.
 *
 * @module
 */
import { join, sep } from "node:path";
import { toCamelCase } from "../io/snake_case.ts";

/** The files of the run in a folder. Nothing that lies outside it is read, wherever links in it point. */
export class RunFiles {
  readonly folder: string;
  /** Files that rarely change, as they were at their last change. */
  readonly #known = new Map<string, { version: string; bytes: Uint8Array<ArrayBuffer> }>();
  /** Files that grow: how far they were read, and the lines so far. */
  readonly #growing = new Map<string, { ino: number | null; size: number; lines: unknown[] }>();
  #root: string | null = null;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** The bytes of the file `name`; null if there is none. */
  async bytes(name: string): Promise<Uint8Array<ArrayBuffer> | null> {
    const path = await this.#inside(name);
    if (path === null) return null;
    const { mtime, size } = await Deno.stat(path), version = `${mtime?.getTime()} ${size}`;
    const known = this.#known.get(name);
    if (known?.version === version) return known.bytes;
    const bytes = await Deno.readFile(path);
    this.#known.set(name, { version, bytes });
    return bytes;
  }

  /** The content of the JSON file `name`, with its keys in camelCase unless `keys` are to stay; null if it cannot be read. */
  async json<T>(
    name: string,
    { keys = "camelCase" }: { keys?: "camelCase" | "as they are" } = {},
  ): Promise<T | null> {
    const bytes = await this.bytes(name);
    try {
      const value = bytes && JSON.parse(new TextDecoder().decode(bytes));
      return (keys === "camelCase" ? toCamelCase(value) : value) as T | null;
    } catch {
      return null; // a run of another version, or of a machine that lost power
    }
  }

  /** The records in the file `name`, a JSON object per line, with their keys in camelCase. Only new lines are read. */
  async records<T>(name: string): Promise<readonly T[]> {
    const path = await this.#inside(name);
    if (path === null) return [];
    using file = await Deno.open(path);
    const { ino, size } = await file.stat();
    let known = this.#growing.get(name) ?? { ino, size: 0, lines: [] };
    // A resumed run writes a new file, without the lines after its checkpoint.
    if (size < known.size || ino !== known.ino) known = { ino, size: 0, lines: [] };
    await file.seek(known.size, Deno.SeekMode.Start);
    const fresh = await readUpTo(file, size - known.size), end = fresh.lastIndexOf(10) + 1;
    for (const line of new TextDecoder().decode(fresh.subarray(0, end)).split("\n").filter(Boolean)) {
      try {
        known.lines.push(toCamelCase(JSON.parse(line)));
      } catch { /* cut by a loss of power; a resumed run drops it */ }
    }
    this.#growing.set(name, { ino, size: known.size + end, lines: known.lines });
    return known.lines as T[];
  }

  /** A text that changes with the files `names`. */
  async fingerprint(names: readonly string[]): Promise<string> {
    const stats = await Promise.all(names.map(async (name) => {
      const path = await this.#inside(name), stat = path && await Deno.stat(path).catch(() => null);
      return stat ? `${stat.mtime?.getTime()} ${stat.size}` : "-";
    }));
    return stats.join(",");
  }

  /** The path of the file `name`; null if there is none in this folder. */
  async #inside(name: string): Promise<string | null> {
    try {
      this.#root ??= await Deno.realPath(this.folder);
      const path = await Deno.realPath(join(this.folder, name));
      return path.startsWith(this.#root + sep) && (await Deno.stat(path)).isFile ? path : null;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  }
}

async function readUpTo(file: Deno.FsFile, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const count = await file.read(bytes.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}
