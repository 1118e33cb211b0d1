/**
 * The journal of files that are being written: what they are of, and after each row group how many bytes are whole. Its lines
 * are JSON.
 *
 * @module
 */
import type { Position } from "../../data/order.ts";
import { UserError } from "../base/errors.ts";
import { fileError } from "../io/file_error.ts";
import type { Json } from "./embedding_rows.ts";

/** What decides all bytes of the files, by name; names are shown to users. */
export type Identity = Readonly<Record<string, Json>>;

/** What is known before the first row. */
export interface Beginning {
  identity: Identity;
  /** Rows of each group but the last. */
  groupRows: number;
}

/** The state after a row group. */
export interface Entry {
  /** Rows so far. */
  rows: number;
  /** Where to go on in the source. */
  next: Position;
  /** Bytes of each piece of each file. */
  sizes: number[][];
  /** What the formats note of this group, by file. */
  notes: Json[];
  /** Images without a row so far, and the bytes of their list. */
  bad: { count: number; leftOut: number; bytes: number };
}

const VERSION = 1;

/** An open journal, which is locked for other processes. Disposing of it closes the file, which stays. */
export class Journal implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #entries: Entry[] = [];
  #finished = false;

  private constructor(readonly path: string, file: Deno.FsFile) {
    this.#file = file;
  }

  /**
   * Opens the journal `path`, or makes a new one.
   *
   * @throws {UserError} if another process has it open.
   */
  static async open(path: string): Promise<Journal> {
    try {
      const file = await Deno.open(path, { create: true, read: true, write: true });
      try {
        if (!await isLocked(file)) {
          throw new UserError(
            `Cannot write to "${path}": another process writes these embeddings. Wait for it, or give another --out.`,
          );
        }
        return new Journal(path, file);
      } catch (error) {
        file.close();
        throw error;
      }
    } catch (error) {
      throw fileError(path, error);
    }
  }

  /** Reads what is there; null if that is nothing. The last line is left out if it is not whole. */
  async read(): Promise<Beginning | null> {
    await this.#file.seek(0, Deno.SeekMode.Start);
    const bytes = new Uint8Array(await new Response(readAll(this.#file)).arrayBuffer());
    const end = bytes.lastIndexOf("\n".charCodeAt(0)) + 1;
    await this.#file.truncate(end);
    await this.#file.seek(0, Deno.SeekMode.End);
    const lines = new TextDecoder().decode(bytes.subarray(0, end)).split("\n").slice(0, -1);
    if (lines.length === 0) return null;
    const [{ version, ...beginning }, ...entries] = lines.map((line) => JSON.parse(line));
    if (version !== VERSION) {
      throw new UserError(
        `Cannot continue "${this.path}": it is of another version of this program. Add --restart to begin anew.`,
      );
    }
    this.#finished = entries.at(-1)?.finished === true;
    this.#entries.push(...entries.slice(0, this.#finished ? -1 : undefined));
    return beginning;
  }

  /** Begins anew, with nothing in it but `beginning`. */
  async begin(beginning: Beginning): Promise<void> {
    this.#entries.length = 0;
    this.#finished = false;
    await this.#file.truncate(0);
    await this.#file.seek(0, Deno.SeekMode.Start);
    await this.#append({ version: VERSION, ...beginning });
  }

  /** The row groups that were written. */
  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** Whether all files are complete, and only have to be renamed. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Adds a row group, whose bytes must be on disk. */
  async add(entry: Entry): Promise<void> {
    await this.#append(entry);
    this.#entries.push(entry);
  }

  /** Notes that all files are complete. */
  async finish(): Promise<void> {
    await this.#append({ finished: true });
    await this.#file.syncData();
    this.#finished = true;
  }

  async #append(line: unknown): Promise<void> {
    const bytes = new TextEncoder().encode(`${JSON.stringify(line)}\n`);
    for (let written = 0; written < bytes.length;) {
      written += await this.#file.write(bytes.subarray(written));
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** Locks `file` unless another process has. File systems without locks are trusted. */
async function isLocked(file: Deno.FsFile): Promise<boolean> {
  try {
    return await file.tryLock(true);
  } catch (error) {
    if ((error as { code?: string }).code === undefined) throw error;
    return true;
  }
}

async function* readAll(file: Deno.FsFile): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const buffer = new Uint8Array(1 << 16);
  for (let read; (read = await file.read(buffer)) !== null;) yield buffer.slice(0, read);
}
