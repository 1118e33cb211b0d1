/**
 * Writes embeddings to files of several formats at once. They grow as `FILE.part`, row group by row group, beside a journal;
 * after a kill they are continued from the last whole row group, and in the end they are renamed.
 *
 * @module
 */
import { basename } from "node:path";
import type { BadImage } from "../../data/collate.ts";
import type { Position } from "../../data/order.ts";
import { MachineError, messageOf, UserError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import { fileError } from "../io/file_error.ts";
import type { EmbeddingRows, EmbeddingsHeader, RowFormat } from "./embedding_rows.ts";
import { openRowFormat } from "./formats.ts";
import { type Entry, type Identity, Journal } from "./journal.ts";
import { expectNoParts, type Names, namesOf, publish } from "./part_names.ts";
import { PieceFile } from "./piece_file.ts";

/** Files to write, and what decides their bytes. */
export interface EmbeddingsWriterOptions extends EmbeddingsHeader {
  /** The files; the extension of each tells its format. */
  out: readonly string[];
  identity: Identity;
  /** Drops what an unfinished embedding left. */
  restart?: boolean;
  /** Rows of a group, at most; what was begun keeps its own. Default: 2,048. */
  groupRows?: number;
  /** Opens a piece; tests replace it. */
  openPiece?: typeof PieceFile.open;
}

/** Rows of a group, and bytes of its vectors at most. A group is a multiple of the batches. */
const GROUP_ROWS = 2048, GROUP_BYTES = 2 ** 24, BATCH_ROWS = 128;

/** Rows of a group of vectors of length `dims`. */
function groupRowsOf({ dims, groupRows = GROUP_ROWS }: EmbeddingsWriterOptions): number {
  const fitting = Math.floor(GROUP_BYTES / 4 / dims / BATCH_ROWS) * BATCH_ROWS;
  return Math.min(groupRows, Math.max(BATCH_ROWS, fitting));
}

/** A file with its pieces. */
interface OutFile {
  path: string;
  format: RowFormat;
  pieces: PieceFile[];
}

const START: Entry = {
  rows: 0,
  next: { epoch: 0, offset: 0 },
  sizes: [],
  notes: [],
  bad: { count: 0, leftOut: 0, bytes: 0 },
};

/** Writes embeddings. Dispose of it to close the files; unless it is finished, they can be continued. */
export class EmbeddingsWriter implements Disposable {
  readonly #journal: Journal;
  readonly #files: OutFile[];
  readonly #bad: PieceFile;
  /** The state after the last whole row group. */
  #last: Entry;
  #badCounts: { count: number; leftOut: number };
  #badLines: string[] = [];
  /** Rows of each group but the last. */
  readonly groupRows: number;

  private constructor(
    { journal, files, bad, last, groupRows }: {
      journal: Journal;
      files: OutFile[];
      bad: PieceFile;
      last: Entry;
      groupRows: number;
    },
  ) {
    this.#journal = journal;
    this.#files = files;
    this.#bad = bad;
    this.#last = last;
    this.#badCounts = last.bad;
    this.groupRows = groupRows;
  }

  /**
   * Opens the files, or continues them if they were begun with the same identity.
   *
   * @throws {UserError} if they were begun with another one.
   */
  static async open(options: EmbeddingsWriterOptions): Promise<EmbeddingsWriter | Finished> {
    const { out, restart = false, openPiece = PieceFile.open } = options;
    const identity = { ...options.identity, files: out.map((path) => basename(path)).sort() };
    const formats = await Promise.all(
      out.map(async (path) => ({ path, format: await openRowFormat(path, options) })),
    );
    const names = namesOf(formats), { journal: path } = names;
    const isNew = !await exists(path);
    if (isNew && !restart) await expectNoParts(names.pieces);
    using opened = new DisposableStack();
    const journal = opened.use(await Journal.open(path));
    const begun = await journal.read();
    if (journal.finished) {
      await publish(names);
      const isSame = begun !== null && differences(begun.identity, identity).length === 0;
      return isSame && !restart ? finishedOf(journal, names) : await EmbeddingsWriter.open(options);
    }
    const groupRows = begun && !restart ? begun.groupRows : groupRowsOf(options);
    if (begun && !restart) {
      expectSame(begun.identity, identity, { path, rows: journal.entries.at(-1)?.rows ?? 0 });
    } else await journal.begin({ identity, groupRows });

    const last = journal.entries.at(-1) ?? START;
    const files: OutFile[] = [];
    for (const [f, { path, format }] of formats.entries()) {
      const pieces: PieceFile[] = [];
      for (const [p, { suffix }] of format.pieces.entries()) {
        pieces.push(opened.use(await openPiece(path + suffix, last.sizes[f]?.[p] ?? 0)));
      }
      files.push({ path, format, pieces });
    }
    const bad = opened.use(await openPiece(names.bad, last.bad.bytes));
    opened.move();
    return new EmbeddingsWriter({ journal, files, bad, last, groupRows });
  }

  /** Rows in whole groups so far. */
  get rows(): number {
    return this.#last.rows;
  }

  /** Where to go on in the source. */
  get next(): Position {
    return this.#last.next;
  }

  /** Images without a row so far. */
  get bad(): { count: number; leftOut: number } {
    return this.#badCounts;
  }

  /** Where images without a row are listed. */
  get badPath(): string {
    return this.#bad.path;
  }

  /** Lists an image that has no row. */
  addBad({ index, key, reason, leftOut }: BadImage): void {
    const { count, leftOut: out } = this.#badCounts, isBad = leftOut === undefined;
    this.#badCounts = { count: count + Number(isBad), leftOut: out + Number(!isBad) };
    this.#badLines.push(`${JSON.stringify({ index, key, reason, ...leftOut && { left_out: true } })}\n`);
  }

  /**
   * Writes a group of rows, after which the source goes on at `next`.
   *
   * @throws {MachineError} if the disk is full or fails; whole groups are kept.
   */
  async write(rows: EmbeddingRows, next: Position): Promise<void> {
    await this.#whole(async () => {
      const notes = [], sizes = [];
      for (const { format, pieces } of this.#files) {
        if (this.#last.rows === 0) {
          for (const [p, bytes] of format.start().entries()) await pieces[p].append(bytes);
        }
        const { bytes, note } = format.encode(rows, pieces[0].size);
        for (const [p, part] of bytes.entries()) await pieces[p].append(part);
        for (const piece of pieces) await piece.sync();
        notes.push(note);
        sizes.push(pieces.map(({ size }) => size));
      }
      const bad = { ...this.#badCounts, bytes: await this.#writeBad() };
      const entry = { rows: this.#last.rows + rows.keys.length, next, sizes, notes, bad };
      await this.#journal.add(entry);
      this.#last = entry;
    });
  }

  /** Completes the files and gives them their names. Their former content is replaced. */
  async finish(): Promise<Finished> {
    await this.#whole(async () => {
      const { rows } = this.#last;
      for (const [f, { format, pieces }] of this.#files.entries()) {
        if (rows === 0) { for (const [p, bytes] of format.start().entries()) await pieces[p].append(bytes); }
        const notes = this.#journal.entries.map((entry) => entry.notes[f]);
        const { header, appended } = format.finish({ rows, notes, sizes: pieces.map(({ size }) => size) });
        for (const part of appended) {
          await (typeof part === "number" ? pieces[0].appendFile(pieces[part]) : pieces[0].append(part));
        }
        if (header) await pieces[0].overwrite(header);
        for (const piece of pieces) await piece.sync();
      }
      await this.#writeBad();
      await this.#journal.finish();
    });
    const names = namesOf(this.#files);
    await publish(names);
    return { ...finishedOf(this.#journal, names), ...this.#badCounts };
  }

  async #writeBad(): Promise<number> {
    await this.#bad.append(new TextEncoder().encode(this.#badLines.join("")));
    await this.#bad.sync();
    this.#badLines = [];
    return this.#bad.size;
  }

  /** Runs `work`, which writes; if it fails, the files are cut back to whole groups. */
  async #whole(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const { sizes, rows, bad } = this.#last;
      for (const [f, { pieces }] of this.#files.entries()) {
        for (const [p, piece] of pieces.entries()) await piece.truncate(sizes[f]?.[p] ?? 0).catch(() => {});
      }
      await this.#bad.truncate(bad.bytes).catch(() => {});
      const failure = fileError(this.#files[0].path, error);
      if (!(failure instanceof MachineError)) throw failure;
      const kept = `${
        rows.toLocaleString("en-US")
      } whole rows are kept: the same command continues after them.`;
      throw new MachineError(`${messageOf(failure)} ${kept}`, { cause: error });
    }
  }

  [Symbol.dispose](): void {
    this.#journal[Symbol.dispose]();
    this.#bad[Symbol.dispose]();
    for (const { pieces } of this.#files) for (const piece of pieces) piece[Symbol.dispose]();
  }
}

/** Files that are complete. */
export interface Finished {
  /** Rows in each file. */
  rows: number;
  /** Images without a row: bad ones, and those that the options leave out. */
  count: number;
  leftOut: number;
  /** Where these are listed, if there are any. */
  badPath: string;
  /** The files that were written. */
  paths: string[];
}

function finishedOf(journal: Journal, { pieces, bad: badPath }: Names): Finished {
  const { rows, bad: { count, leftOut } } = journal.entries.at(-1) ?? START;
  return { rows, count, leftOut, badPath, paths: pieces.filter(({ kept }) => kept).map(({ path }) => path) };
}

/** The names of what differs. */
function differences(a: Identity, b: Identity): string[] {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].filter((name) => JSON.stringify(a[name]) !== JSON.stringify(b[name]));
}

function expectSame(
  begun: Identity,
  identity: Identity,
  { path, rows }: { path: string; rows: number },
): void {
  const different = differences(begun, identity);
  if (different.length === 0) return;
  throw new UserError(
    `Cannot continue the embedding in "${path}": it has ${
      rows.toLocaleString("en-US")
    } rows of another one, which differs ` +
      `in ${different.join(", ")}. Repeat its command to finish it, or add --restart to drop it.`,
  );
}
