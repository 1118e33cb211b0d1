/**
 * The headers of Netpbm's formats: P1 … P6, and P7, which is PAM.
 *
 * @module
 */

/** What a header says. */
export interface PnmLayout {
  width: number;
  height: number;
  /** Samples per pixel: gray, gray and alpha, RGB, RGB and alpha. */
  depth: number;
  /** The largest sample. */
  most: number;
  /** Samples are numbers in text, bytes (two for large ones), or bits. */
  coding: "text" | "bytes" | "bits";
  /** Whether 1 is black, as in bitmaps. */
  isInverted: boolean;
  /** Where the samples begin. */
  start: number;
}

/** Headers are short; comments may be long. */
const MAX_HEADER = 65536;

/** Reads the header. Throws an Error if it is damaged or not supported. */
export function readPnmLayout(bytes: Uint8Array): PnmLayout {
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, MAX_HEADER));
  const layout = text[1] === "7" ? readPam(text) : readClassic(text);
  const { width, height, most } = layout;
  if (![width, height, most].every((n) => n <= 0xffffffff)) {
    throw new Error("it is a damaged PNM: its size is no number");
  }
  if (most < 1 || most > 65535) {
    throw new Error(`it is a damaged PNM: its samples reach ${most}, not 1 … 65535`);
  }
  return layout;
}

const GAP = String.raw`(?:\s|#[^\n\r]*[\n\r])+`;
const SIZE = String.raw`${GAP}(\d+)${GAP}(\d+)`;
/** One white space ends the header, after any comments. */
const END = String.raw`(?:[^\S\n\r]*#[^\n\r]*(?=[\n\r]))?\s`;
const BITMAP = new RegExp(`^P[14]${SIZE}${END}`), MAP = new RegExp(`^P[2356]${SIZE}${GAP}(\\d+)${END}`);

function readClassic(text: string): PnmLayout {
  const kind = Number(text[1]), isBitmap = kind === 1 || kind === 4;
  const match = (isBitmap ? BITMAP : MAP).exec(text);
  if (!match) {
    const what = isBitmap ? "width and height" : "width, height and the largest sample";
    throw new Error(`it is a damaged PNM: ${what} must follow P${kind}`);
  }
  const [width, height, most = 1] = match.slice(1).map(Number);
  return {
    width,
    height,
    depth: kind === 3 || kind === 6 ? 3 : 1,
    most,
    coding: kind <= 3 ? "text" : isBitmap ? "bits" : "bytes",
    isInverted: isBitmap,
    start: match[0].length,
  };
}

/** Samples per pixel by the tuple type. */
const DEPTHS: Record<string, number> = {
  BLACKANDWHITE: 1,
  GRAYSCALE: 1,
  BLACKANDWHITE_ALPHA: 2,
  GRAYSCALE_ALPHA: 2,
  RGB: 3,
  RGB_ALPHA: 4,
};

function readPam(text: string): PnmLayout {
  const end = /^ENDHDR[^\S\n]*\n/m.exec(text);
  if (!end) throw new Error("it is a damaged PAM: its header does not end");
  const fields = new Map<string, string>();
  for (const line of text.slice(2, end.index).split("\n")) {
    const [, name, value] = /^\s*([A-Z]+)\s+(.*?)\s*$/.exec(line) ?? [];
    // Several lines of the tuple type are one, says the specification; so they name none that is known.
    if (name) {
      fields.set(name, name === "TUPLTYPE" && fields.has(name) ? `${fields.get(name)} ${value}` : value);
    }
  }
  const number = (name: string) => {
    const value = fields.get(name) ?? "";
    if (!/^\d+$/.test(value)) throw new Error(`it is a damaged PAM: ${name} is missing or no number`);
    return Number(value);
  };
  const depth = number("DEPTH"), type = fields.get("TUPLTYPE");
  if (type ? DEPTHS[type] === undefined : depth < 1 || depth > 4) {
    throw new Error(
      `it is a PAM of ${
        type ? `type ${type}` : `${depth} samples per pixel`
      }, which is not supported: convert it`,
    );
  }
  if (type && depth !== DEPTHS[type]) {
    throw new Error(`it is a damaged PAM: ${type} has ${depth} samples per pixel`);
  }
  return {
    width: number("WIDTH"),
    height: number("HEIGHT"),
    depth,
    most: number("MAXVAL"),
    coding: "bytes",
    isInverted: false,
    start: end.index + end[0].length,
  };
}
