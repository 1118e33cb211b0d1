/**
 * The images of a run that could not be used, listed in bad_images.jsonl.
 *
 * @module
 */
import { join } from "node:path";
import { UserError } from "../base/errors.ts";
import { writeFileAtomic } from "../io/atomic.ts";

/** An image that could not be used, and why. */
export interface BadImage {
  index: number;
  key: string;
  reason: string;
}

/** What the list is of. */
export interface BadImagesOptions {
  /** Whether to continue the list of a resumed run. */
  resume: boolean;
  log: (line: string) => void;
  /** The name of the source. */
  source: string;
  /** More images than this end the run. */
  max: number;
  /** What happens to them, for messages. */
  verb: string;
}

/** This many are logged; the others are only in the file. */
const LOGGED = 5;

/** The bad images of a run, each listed once, in however many epochs it occurs. */
export class BadImages implements AsyncDisposable {
  readonly #path: string;
  readonly #options: BadImagesOptions;
  readonly #found = new Map<number, BadImage>();
  #written = 0;

  private constructor(path: string, options: BadImagesOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** Opens the list of the run in `out`. */
  static async open(out: string, options: BadImagesOptions): Promise<BadImages> {
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

  /** The number of images in the list. */
  get count(): number {
    return this.#found.size;
  }

  /**
   * Adds an image.
   *
   * @throws {UserError} if there are too many.
   */
  readonly add = (bad: BadImage): void => {
    if (this.#found.has(bad.index)) return;
    this.#found.set(bad.index, bad);
    const { log, verb, max, source } = this.#options;
    if (this.count <= LOGGED) {
      const more = this.count === LOGGED ? ` The following ones are only listed in ${this.#path}.` : "";
      log(`${verb} ${bad.key}: ${bad.reason}.${more}`);
    }
    if (this.count > max) {
      throw new UserError(
        `Cannot go on with "${source}": ${this.count} images cannot be used, such as ${bad.key}: ${bad.reason}; at most ` +
          `${max} are allowed (--max-bad). All are listed in ${this.#path}. Check --data, or raise --max-bad.`,
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

  /** Writes the file, also where an error ends the run. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush().catch(() => {}); // the error that ended the run is the one to report
  }
}
