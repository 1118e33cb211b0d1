/**
 * Runs that are looked at while they go on: their page, and what is new of them. Files are read only while someone asks.
 *
 * @module
 */
import { renderPage } from "./page_html.ts";
import { type PageData, readPages, WATCHED } from "./page_data.ts";
import { RunFiles } from "./run_files.ts";

/** Milliseconds between two looks at the files. */
const LOOK_EVERY = 1000;

/** What there is to send of one look at the runs. Bytes are shared by all who get them. */
export interface Edition {
  number: number;
  /** Which pictures it has; who has the same ones needs them no more. */
  pictures: string;
  page: Uint8Array<ArrayBuffer>;
  /** An event with the data of the runs, with and without pictures. */
  whole: Uint8Array<ArrayBuffer>;
  light: Uint8Array<ArrayBuffer>;
}

/** Some runs, shown together. */
export class LiveRuns {
  readonly #files: RunFiles[];
  #edition: Edition | null = null;
  #fingerprint = "";
  #lookedAt = -Infinity;
  /** The look that is under way: all who ask meanwhile get its result. */
  #looking: Promise<Edition> | null = null;

  constructor(folders: readonly string[]) {
    this.#files = folders.map((folder) => new RunFiles(folder));
  }

  /**
   * The runs as they are, or were a second ago.
   *
   * @throws {UserError} if there is no run in one of the folders.
   */
  async now(): Promise<Edition> {
    if (this.#edition && performance.now() - this.#lookedAt < LOOK_EVERY) return this.#edition;
    this.#looking ??= this.#look().finally(() => this.#looking = null);
    return await this.#looking;
  }

  /** The next edition after `number`; null if there is none within `ms` milliseconds. */
  async after(number: number, { ms }: { ms: number }): Promise<Edition | null> {
    const end = performance.now() + ms;
    for (;;) {
      const edition = await this.now();
      if (edition.number > number) return edition;
      if (performance.now() >= end) return null;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
    }
  }

  async #look(): Promise<Edition> {
    const fingerprint = (await Promise.all(this.#files.map((files) => files.fingerprint(WATCHED)))).join(
      "\n",
    );
    if (!this.#edition || fingerprint !== this.#fingerprint) {
      this.#edition = editionOf(await readPages(this.#files), (this.#edition?.number ?? 0) + 1);
      this.#fingerprint = fingerprint;
    }
    this.#lookedAt = performance.now();
    return this.#edition;
  }
}

function editionOf(runs: PageData[], number: number): Edition {
  const encode = (text: string) => new TextEncoder().encode(text);
  const event = (data: PageData[]) => encode(`data: ${JSON.stringify(data)}\n\n`);
  const without = runs.map((run) => ({ ...run, pictures: { ...run.pictures, sheet: null, views: null } }));
  return {
    number,
    pictures: runs.map(({ pictures: { version } }) => version).join(","),
    page: encode(renderPage(runs, { live: true })),
    whole: event(runs),
    light: event(without),
  };
}
