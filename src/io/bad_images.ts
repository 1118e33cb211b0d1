/**
 * The images that a run passed over, named in `bad_images.jsonl`.
 *
 * @module
 */
import { join } from "node:path";
import { writeFileAtomic } from "./atomic.ts";

/** An image that could not be used, and why. */
export interface BadImage {
  index: number;
  key: string;
  reason: string;
}

/** So many are told as they come; the others are only in the file. */
const TOLD = 5;

/** The images that a run passed over, each counted once however many epochs meet it. */
export class BadImages {
  readonly #path: string;
  readonly #log: (line: string) => void;
  readonly #found = new Map<number, BadImage>();
  #written = 0;

  private constructor(path: string, log: (line: string) => void) {
    this.#path = path;
    this.#log = log;
  }

  /** The record of the run in `out`; a resumed run goes on with what it had found. */
  static async open(
    out: string,
    { resume, log }: { resume: boolean; log: (line: string) => void },
  ): Promise<BadImages> {
    const path = join(out, "bad_images.jsonl");
    const images = new BadImages(path, log);
    if (resume) {
      const text = await Deno.readTextFile(path).catch(() => "");
      for (const line of text.split("\n").filter(Boolean)) {
        const bad: BadImage = JSON.parse(line);
        images.#found.set(bad.index, bad);
      }
      images.#written = images.#found.size;
    }
    return images;
  }

  /** How many images there are. */
  get count(): number {
    return this.#found.size;
  }

  /** Notes an image. */
  readonly add = (bad: BadImage): void => {
    if (this.#found.has(bad.index)) return;
    this.#found.set(bad.index, bad);
    if (this.count <= TOLD) {
      const more = this.count === TOLD ? ` Further ones are only named in ${this.#path}.` : "";
      this.#log(`Skipped ${bad.key}: ${bad.reason}.${more}`);
    }
  };

  /** Writes the file if there is something new. */
  async flush(): Promise<void> {
    if (this.#written === this.count) return;
    const lines = [...this.#found.values()].sort((a, b) => a.index - b.index).map((bad) =>
      JSON.stringify(bad) + "\n"
    );
    await writeFileAtomic(this.#path, [new TextEncoder().encode(lines.join(""))]);
    this.#written = this.count;
  }
}
