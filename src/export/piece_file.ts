/**
 * A file that grows piece by piece under a temporary name.
 *
 * @module
 */
import { fileError } from "../io/file_error.ts";

/** What is added to the name of a file that is not finished. */
export const PART_SUFFIX = ".part";

/** An open file that grows. Disposing of it closes the file, which stays. */
export class PieceFile implements Disposable {
  readonly #file: Deno.FsFile;
  #size: number;

  private constructor(readonly path: string, file: Deno.FsFile, size: number) {
    this.#file = file;
    this.#size = size;
  }

  /**
   * Opens the file that becomes `path`, and keeps its first `size` bytes.
   *
   * @throws {UserError} if it has fewer.
   */
  static async open(path: string, size: number): Promise<PieceFile> {
    try {
      const file = await Deno.open(path + PART_SUFFIX, { create: true, read: true, write: true });
      try {
        const { size: found } = await file.stat();
        if (found < size) {
          throw new Error(`Cannot continue "${path + PART_SUFFIX}": ${found} of ${size} bytes are there.`);
        }
        await file.truncate(size);
        await file.seek(0, Deno.SeekMode.End);
        return new PieceFile(path, file, size);
      } catch (error) {
        file.close();
        throw error;
      }
    } catch (error) {
      throw fileError(path, error);
    }
  }

  /** Its bytes. */
  get size(): number {
    return this.#size;
  }

  /** Appends `bytes`. */
  async append(bytes: Uint8Array): Promise<void> {
    await this.#write(bytes);
    this.#size += bytes.length;
  }

  /** Appends what `other` has. */
  async appendFile(other: PieceFile): Promise<void> {
    using file = await Deno.open(other.path + PART_SUFFIX);
    const buffer = new Uint8Array(1 << 20);
    for (let read; (read = await file.read(buffer)) !== null;) await this.append(buffer.subarray(0, read));
  }

  /** Replaces its first bytes. */
  async overwrite(bytes: Uint8Array): Promise<void> {
    await this.#file.seek(0, Deno.SeekMode.Start);
    await this.#write(bytes);
    await this.#file.seek(0, Deno.SeekMode.End);
  }

  /** Drops what follows its first `size` bytes. */
  async truncate(size: number): Promise<void> {
    await this.#file.truncate(size);
    await this.#file.seek(0, Deno.SeekMode.End);
    this.#size = size;
  }

  /** Waits until its bytes are on disk. */
  async sync(): Promise<void> {
    await this.#file.syncData();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      written += await this.#file.write(bytes.subarray(written));
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}
