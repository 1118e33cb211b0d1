/**
 * An entry in the list of a zip archive.
 *
 * @module
 */
import { crc32 } from "node:zlib";

/** An entry as the list of entries tells it. */
export interface ZipEntry {
  /** Its name, with slashes between folders. */
  name: string;
  /** How it is compressed. */
  method: number;
  encrypted: boolean;
  /** Whether it is a symbolic link: its content is a path. */
  isLink: boolean;
  /** CRC-32 of the content. */
  crc: number;
  compressedSize: number;
  size: number;
  /** Where its own header begins. */
  offset: number;
}

const SIGNATURE = 0x02014b50, HEADER = 46;
const ENCRYPTED = 1, UTF8 = 1 << 11;
const UNIX = 3, FILE_TYPE = 0xf000, LINK = 0xa000;

/** The entry at `at`, and where it ends. Null if there is none, or if `bytes` end before it does. */
export function zipEntryAt(bytes: Uint8Array, at: number): { entry: ZipEntry; end: number } | null {
  if (at + HEADER > bytes.length) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  if (view.getUint32(0, true) !== SIGNATURE) return null;
  const short = (offset: number) => view.getUint16(offset, true),
    long = (offset: number) => view.getUint32(offset, true);
  const nameEnd = at + HEADER + short(28), extraEnd = nameEnd + short(30), end = extraEnd + short(32);
  if (end > bytes.length) return null;
  const rawName = bytes.subarray(at + HEADER, nameEnd), extra = bytes.subarray(nameEnd, extraEnd);
  const sizes = { size: long(24), compressedSize: long(20), offset: long(42) };
  readLarge(extra, sizes);
  const entry = {
    name: nameOf(rawName, extra, (short(8) & UTF8) !== 0).replaceAll("\\", "/"),
    method: short(10),
    encrypted: (short(8) & ENCRYPTED) !== 0,
    isLink: short(4) >> 8 === UNIX && (short(40) & FILE_TYPE) === LINK,
    crc: long(16),
    ...sizes,
  };
  return { entry, end };
}

/** The content of the extra field `id`; null if there is none. Damaged fields are passed over. */
function extraField(extra: Uint8Array, id: number): DataView | null {
  for (let at = 0; at + 4 <= extra.length;) {
    const view = new DataView(extra.buffer, extra.byteOffset + at, extra.length - at);
    const size = view.getUint16(2, true);
    if (4 + size > view.byteLength) return null;
    if (view.getUint16(0, true) === id) return new DataView(extra.buffer, extra.byteOffset + at + 4, size);
    at += 4 + size;
  }
  return null;
}

/** Replaces the numbers that need more than 32 bits, which the extra field 1 holds in this order. */
function readLarge(extra: Uint8Array, sizes: { size: number; compressedSize: number; offset: number }): void {
  const missing = (["size", "compressedSize", "offset"] as const).filter((name) =>
    sizes[name] === 0xffffffff
  );
  if (missing.length === 0) return;
  const field = extraField(extra, 1);
  missing.forEach((name, i) => {
    if (field && 8 * i + 8 <= field.byteLength) sizes[name] = Number(field.getBigUint64(8 * i, true));
  });
}

const strict = new TextDecoder("utf-8", { fatal: true }), tolerant = new TextDecoder();

/** The upper half of code page 437, the encoding of names without another mark. */
const CP437 =
  "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀" +
  "αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ ";

function nameOf(raw: Uint8Array, extra: Uint8Array, isUtf8: boolean): string {
  // Info-ZIP writes the name in UTF-8 into the field 0x7075, valid for the name with this CRC-32.
  const unicode = extra.length > 0 && !isUtf8 ? extraField(extra, 0x7075) : null;
  if (unicode && unicode.byteLength > 5 && unicode.getUint32(1, true) === crc32(raw)) {
    return tolerant.decode(new Uint8Array(unicode.buffer, unicode.byteOffset + 5, unicode.byteLength - 5));
  }
  if (isUtf8) return tolerant.decode(raw);
  try {
    return strict.decode(raw); // without the mark too, as macOS writes it
  } catch {
    return Array.from(raw, (byte) => byte < 128 ? String.fromCharCode(byte) : CP437[byte - 128]).join("");
  }
}
