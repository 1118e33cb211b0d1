/**
 * The images of a run that could not be used or that its options leave out, listed in bad_images.jsonl.
 *
 * @module
 */
import { join } from "node:path";
import type { BadImage } from "../../data/pipeline.ts";
import type { World } from "../distributed/world.ts";
import { UserError } from "../base/errors.ts";
import { writeFileAtomic } from "../io/atomic.ts";

export type { BadImage };

/** What the list is of. */
export interface BadImagesOptions {
  /** Whether to continue the list of a resumed run. */
  resume: boolean;
  log: (line: string) => void;
  /** The name of the source. */
  source: string;
  /** More bad images than this end the run. Those that are left out do not count. */
  max: number;
  /** Whether the list is written; rank 0 writes that of all ranks. */
  writes?: boolean;
  /** What happens to bad images, for messages. */
  verb: string;
}

/** This many are logged; the others are only in the file. */
const LOGGED = 5;

/** The images that a run does not use, each listed once, in however many epochs it occurs. */
export class BadImages implements AsyncDisposable {
  readonly #path: string;
  readonly #options: BadImagesOptions;
  readonly #found = new Map<number, BadImage>();
  #leftOut = 0;
  #written = 0;
  /** How many of them rank 0 knows. */
  #told = 0;

  private constructor(path: string, options: BadImagesOptions) {
    this.#path = path;
    this.#options = { writes: true, ...options };
  }

  /** Opens the list of the run in `out`. */
  static async open(out: string, options: BadImagesOptions): Promise<BadImages> {
    const path = join(out, "bad_images.jsonl");
    const images = new BadImages(path, options);
    if (options.resume) {
      const text = await Deno.readTextFile(path).catch(() => "");
      for (const line of text.split("\n").filter(Boolean)) {
        const { index, key, reason, left_out } = JSON.parse(line);
        images.#keep({ index, key, reason, ...left_out && { leftOut: true } });
      }
      images.#written = images.#found.size;
    }
    return images;
  }

  /** The number of bad images. */
  get count(): number {
    return this.#found.size - this.#leftOut;
  }

  /** The number of images that the options leave out. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /**
   * Adds an image.
   *
   * @throws {UserError} if too many are bad.
   */
  readonly add = (bad: BadImage): void => {
    if (this.#found.has(bad.index)) return;
    this.#keep(bad);
    const { log, verb, max, source } = this.#options, listed = this.#found.size;
    if (listed <= LOGGED) {
      const more = listed === LOGGED ? ` The following ones are only listed in ${this.#path}.` : "";
      log(`${bad.leftOut ? "Left out" : verb} ${bad.key}: ${bad.reason}.${more}`);
    }
    if (!bad.leftOut && this.count > max) {
      throw new UserError(
        `Cannot go on with "${source}": ${this.count} images cannot be used, such as ${bad.key}: ${bad.reason}; at most ` +
          `${max} are allowed (--max-bad). All are listed in ${this.#path}. Check --data, or raise --max-bad.`,
      );
    }
  };

  #keep(bad: BadImage): void {
    this.#found.set(bad.index, bad);
    this.#leftOut += Number(bad.leftOut ?? false);
  }

  /** Adds the images that other ranks found to the list of rank 0. */
  async join(world: World): Promise<void> {
    const own = world.rank === 0 ? [] : [...this.#found.values()].slice(this.#told);
    this.#told = this.#found.size;
    const all = await world.texts("the bad images", JSON.stringify(own));
    if (world.rank === 0) all.flatMap((text) => JSON.parse(text) as BadImage[]).forEach(this.add);
  }

  /** Writes the file if there is something new. */
  async flush(): Promise<void> {
    if (this.#written === this.#found.size || !this.#options.writes) return;
    const { source } = this.#options;
    const lines = [...this.#found.values()].sort((a, b) => a.index - b.index).map(({ leftOut, ...bad }) =>
      JSON.stringify({ source, ...bad, ...leftOut && { left_out: true } }) + "\n"
    );
    await writeFileAtomic(this.#path, [new TextEncoder().encode(lines.join(""))]);
    this.#written = this.#found.size;
  }

  /** Writes the file, also where an error ends the run. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush().catch(() => {}); // the error that ended the run is the one to report
  }
}
