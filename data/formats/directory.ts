/**
 * The tag directory of TIFF and BigTIFF files and of EXIF blocks in other files (TIFF 6.0, section 2).
 *
 * @module
 */
import { ascii, viewOf } from "./format.ts";

/** Bytes of the unsigned integer types: BYTE, SHORT, LONG, UNDEFINED, IFD, LONG8, IFD8. */
const WIDTHS: Record<number, number> = { 1: 1, 3: 2, 4: 4, 7: 1, 13: 4, 16: 8, 18: 8 };

/** The first directory of `bytes`, which begin like a TIFF file; `kind` names the file in errors. */
export class Directory {
  readonly littleEndian: boolean;
  /** Bytes of an offset or a count: 8 in a BigTIFF. */
  readonly #word: 4 | 8;
  #view: DataView;
  #kind: string;
  /** The byte at which the entry of a tag begins. */
  #entries = new Map<number, number>();

  constructor(bytes: Uint8Array, kind: string) {
    this.#kind = kind;
    this.littleEndian = ascii(bytes, 0, 2) === "II";
    this.#view = viewOf(bytes);
    if (bytes.length < 8) throw new Error(`it is a truncated ${kind}: it ends within its header`);
    this.#word = this.#integer(2, 2) === 43 ? 8 : 4;
    if (this.#word === 8 && (bytes.length < 16 || this.#integer(4, 2) !== 8)) {
      throw new Error(`it is a damaged ${kind}: its header does not say 64-bit offsets`);
    }
    const start = this.#integer(this.#word, this.#word), countWidth = this.#word === 8 ? 8 : 2;
    const first = start + countWidth, size = 4 + 2 * this.#word; // tag and type, count, value
    const count = first <= bytes.length ? this.#integer(start, countWidth) : Infinity;
    if (first + size * count > bytes.length) {
      throw new Error(`it is a truncated ${kind}: it ends within its directory`);
    }
    for (let at = first + size * (count - 1); at >= first; at -= size) {
      this.#entries.set(this.#integer(at, 2), at);
    }
  }

  /** The values of `tag`; undefined if there is no such tag. Throws an Error if they are not integers. */
  values(tag: number): number[] | undefined {
    const entry = this.#entries.get(tag), word = this.#word;
    if (entry === undefined) return undefined;
    const width = WIDTHS[this.#integer(entry + 2, 2)];
    const count = this.#integer(entry + 4, word);
    if (!width || count === 0) {
      throw new Error(`it is a damaged ${this.#kind}: tag ${tag} is not a list of integers`);
    }
    const field = entry + 4 + word, at = width * count <= word ? field : this.#integer(field, word);
    if (at + width * count > this.#view.byteLength) {
      throw new Error(`it is a truncated ${this.#kind}: it ends within the values of tag ${tag}`);
    }
    return Array.from({ length: count }, (_, i) => this.#integer(at + width * i, width));
  }

  /** Whether there is an entry of `tag`, of whatever type. */
  has(tag: number): boolean {
    return this.#entries.has(tag);
  }

  #integer(at: number, width: number): number {
    const little = this.littleEndian, view = this.#view;
    if (width === 1) return view.getUint8(at);
    if (width === 2) return view.getUint16(at, little);
    return width === 4 ? view.getUint32(at, little) : Number(view.getBigUint64(at, little));
  }
}
