/**
 * The images that a run passed over, named in `bad_images.jsonl`.
 *
 * @module
 */
import { join } from "node:path";
import { UserError } from "../base/errors.ts";
import { writeFileAtomic } from "./atomic.ts";

/** An image that could not be used, and why. */
export interface BadImage {
  index: number;
  key: string;
  reason: string;
}

/** What the record is of. */
export interface BadImagesOptions {
  /** Go on with what a run had found. */
  resume: boolean;
  log: (line: string) => void;
  /** What the source is called. */
  source: string;
  /** More than so many end the run. */
  most: number;
  /** What is done about them, to say so. */
  verb: string;
}

/** So many are told as they come; the others are only in the file. */
const TOLD = 5;

/** The images that a run passed over, each counted once however many epochs meet it. */
export class BadImages implements AsyncDisposable {
  readonly #path: string;
  readonly #options: BadImagesOptions;
  readonly #found = new Map<number, BadImage>();
  #written = 0;

  private constructor(path: string, options: BadImagesOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** The record of the run in `out`; a resumed run goes on with what it had found. */
  static async open(
    out: string,
    options: BadImagesOptions,
  ): Promise<BadImages> {
    const path = join(out, "bad_images.jsonl");
    const images = new BadImages(path, options);
    if (options.resume) {
      const text = await Deno.readTextFile(path).catch(() => "");
      for (const line of text.split("\n").filter(Boolean)) {
        const { index, key, reason }: BadImage = JSON.parse(line);
        images.#found.set(index, { index, key, reason });
      }
      images.#written = images.#found.size;
    }
    return images;
  }

  /** How many images there are. */
  get count(): number {
    return this.#found.size;
  }

  /** Notes an image. Throws a UserError if there are too many. */
  readonly add = (bad: BadImage): void => {
    if (this.#found.has(bad.index)) return;
    this.#found.set(bad.index, bad);
    const { log, verb, most, source } = this.#options;
    if (this.count <= TOLD) {
      const more = this.count === TOLD ? ` Further ones are only named in ${this.#path}.` : "";
      log(`${verb} ${bad.key}: ${bad.reason}.${more}`);
    }
    if (this.count > most) {
      throw new UserError(
        `Cannot go on with ${source}: expected no more than ${most} images that cannot be used (--max-bad): found ` +
          `${this.count}, such as ${bad.key}: ${bad.reason}. All are named in ${this.#path}. Check --data, or raise ` +
          `--max-bad.`,
      );
    }
  };

  /** Writes the file if there is something new. */
  async flush(): Promise<void> {
    if (this.#written === this.count) return;
    const lines = [...this.#found.values()].sort((a, b) => a.index - b.index).map((bad) =>
      JSON.stringify({ source: this.#options.source, ...bad }) + "\n"
    );
    await writeFileAtomic(this.#path, [new TextEncoder().encode(lines.join(""))]);
    this.#written = this.count;
  }

  /** Writes the file also where an error ends the run, as when there are too many. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush().catch(() => {}); // that other error is the one to tell
  }
}
