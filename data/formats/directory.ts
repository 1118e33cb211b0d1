/**
 * The tag directory of TIFF files and of EXIF blocks in other files (TIFF 6.0, section 2).
 *
 * @module
 */
import { ascii, viewOf } from "./format.ts";

/** Bytes of the integer types: BYTE, SHORT, LONG, UNDEFINED. */
const WIDTHS: Record<number, number> = { 1: 1, 3: 2, 4: 4, 7: 1 };

/** The first directory of `bytes`, which begin like a TIFF file; `kind` names the file in errors. */
export class Directory {
  readonly littleEndian: boolean;
  #view: DataView;
  #kind: string;
  /** The byte at which the entry of a tag begins. */
  #entries = new Map<number, number>();

  constructor(bytes: Uint8Array, kind: string) {
    this.#kind = kind;
    if (bytes.length < 8) throw new Error(`it is a truncated ${kind}: it ends within its header`);
    this.littleEndian = ascii(bytes, 0, 2) === "II";
    this.#view = viewOf(bytes);
    const start = this.#view.getUint32(4, this.littleEndian);
    const count = start + 2 <= bytes.length ? this.#view.getUint16(start, this.littleEndian) : Infinity;
    if (start + 2 + 12 * count > bytes.length) {
      throw new Error(`it is a truncated ${kind}: it ends within its directory`);
    }
    for (let at = start + 2 + 12 * (count - 1); at > start; at -= 12) {
      this.#entries.set(this.#view.getUint16(at, this.littleEndian), at);
    }
  }

  /** The values of `tag`; undefined if there is no such tag. Throws an Error if they are not integers. */
  values(tag: number): number[] | undefined {
    const entry = this.#entries.get(tag);
    if (entry === undefined) return undefined;
    const little = this.littleEndian, view = this.#view;
    const width = WIDTHS[view.getUint16(entry + 2, little)];
    const count = view.getUint32(entry + 4, little);
    if (!width || count === 0) {
      throw new Error(`it is a damaged ${this.#kind}: tag ${tag} is not a list of integers`);
    }
    const at = width * count <= 4 ? entry + 8 : view.getUint32(entry + 8, little);
    if (at + width * count > view.byteLength) {
      throw new Error(`it is a truncated ${this.#kind}: it ends within the values of tag ${tag}`);
    }
    return Array.from(
      { length: count },
      (_, i) =>
        width === 1
          ? view.getUint8(at + i)
          : width === 2
          ? view.getUint16(at + 2 * i, little)
          : view.getUint32(at + 4 * i, little),
    );
  }
}
