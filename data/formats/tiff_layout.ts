/**
 * What the tags of a TIFF say of its picture and where its strips or tiles are, checked before anything is allocated.
 *
 * @module
 */
import type { Directory } from "./directory.ts";
import { checkSize, MAX_PIXELS } from "./format.ts";
import { codecs } from "./tiff_codecs.ts";

/** The compression whose parts are JPEG files. */
export const JPEG = 7;

/** What the tags say of the picture. */
export interface Layout {
  width: number;
  height: number;
  littleEndian: boolean;
  /** Bits a sample: 1, 2, 4, 8 or 16. */
  bits: number;
  /** Samples a pixel. */
  samples: number;
  compression: number;
  /** What the samples are: 0 and 1 grey, 2 RGB, 3 places in the palette, 5 inks, 6 YCbCr. */
  photometric: number;
  /** 2 if samples are differences from the pixel before. */
  predictor: number;
  /** Whether each strip or tile has samples of one kind only. */
  planar: boolean;
  /** What follows the colour: 1 for a transparency that colours are multiplied by, 2 for one that they are not. */
  alpha: number;
  /** Red, then green, then blue of all places, 16 bits. */
  palette: number[];
  /** What JPEG parts share. */
  jpegTables: Uint8Array | undefined;
  /** Size of a full strip or tile. */
  part: { width: number; height: number };
}

/** A strip or tile. */
export interface Part {
  /** For messages. */
  name: string;
  left: number;
  top: number;
  /** Lines that its bytes hold: fewer in the last strip. */
  rows: number;
  /** The first of its samples. */
  plane: number;
  bytes: Uint8Array;
}

/** Bytes of a line of a strip or tile. */
export function lineBytes({ part, planar, samples, bits }: Layout): number {
  return Math.ceil(part.width * (planar ? 1 : samples) * bits / 8);
}

/** Samples of a colour, by what they are. */
const COLOURS: Record<number, number> = { 0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3 };

/** Reads the tags. Throws an Error if they contradict each other, or ask for what is not supported. */
export function readLayout(directory: Directory): Layout {
  const first = (tag: number) => directory.values(tag)?.[0];
  const width = first(256) ?? 0, height = first(257) ?? 0;
  checkSize(width, height);
  const samples = first(277) ?? 1, depths = directory.values(258) ?? [1], photometric = first(262) ?? 1;
  const extra = directory.values(338) ?? [], colours = COLOURS[photometric];
  const tiled = directory.values(322) !== undefined;
  const part = tiled
    ? { width: first(322) ?? 0, height: first(323) ?? 0 }
    : { width, height: Math.min(first(278) ?? height, height) };
  const layout: Layout = {
    width,
    height,
    littleEndian: directory.littleEndian,
    bits: depths[0],
    samples,
    compression: first(259) ?? 1,
    photometric,
    predictor: first(317) ?? 1,
    planar: first(284) === 2 && samples > 1,
    // Pillow too takes a fourth sample without explanation for transparency.
    alpha: samples <= colours || photometric === 5 ? 0 : extra[0] ?? (photometric === 2 ? 2 : 0),
    palette: photometric === 3 ? directory.values(320) ?? [] : [],
    jpegTables: directory.values(347) && new Uint8Array(directory.values(347)!),
    part,
  };
  const unsupported = unsupportedPart(layout, {
    depths,
    format: first(339) ?? 1,
    fillOrder: first(266) ?? 1,
  });
  if (unsupported) throw new Error(`it is a TIFF with ${unsupported}, which cannot be read: convert it`);
  if (samples < colours) throw new Error(`it is a damaged TIFF: ${samples} samples a pixel are not a colour`);
  if (photometric === 3 && layout.palette.length < 3 << layout.bits) {
    throw new Error("it is a damaged TIFF: its palette is too short");
  }
  checkSize(part.width, part.height, tiled ? "its tile size" : "its strip size");
  return layout;
}

/** What of `layout` is not supported, for a message. */
function unsupportedPart(
  { compression, photometric, bits, samples, predictor, planar }: Layout,
  { depths, format, fillOrder }: { depths: number[]; format: number; fillOrder: number },
): string | undefined {
  if (compression !== JPEG && !codecs[compression]) return `compression ${compression}`;
  if (COLOURS[photometric] === undefined) return `colours of kind ${photometric}`;
  if (photometric === 6 && (compression !== JPEG || planar)) return "YCbCr colours that are not in a JPEG";
  if (compression === JPEG && ![0, 1, 2, 6].includes(photometric)) {
    return "a JPEG of inks or of places in a palette";
  }
  if (compression === JPEG && !planar && samples !== COLOURS[photometric]) return "a JPEG with transparency";
  if (depths.some((depth) => depth !== bits)) return `samples of ${depths.join(", ")} bits`;
  if (![1, 2, 4, 8, 16].includes(bits) || (bits !== 8 && compression === JPEG)) {
    return `samples of ${bits} bits`;
  }
  if (bits === 16 && photometric === 3) return "a palette of 16 bits";
  if (format !== 1 && format !== 4) return "samples that are signed or no whole numbers";
  if (fillOrder !== 1) return "its lowest bits first";
  if (samples > 8) return `${samples} samples a pixel`;
  if (predictor !== 1 && (predictor !== 2 || bits < 8)) return `predictor ${predictor} for ${bits} bits`;
}

/** No codec makes more than this of a byte: LZW's longest string. */
const MOST_FROM_A_BYTE = 4096;

/** Finds the strips or tiles. Throws an Error if they are missing, or too small for what they are to hold. */
export function findParts(
  bytes: Uint8Array,
  { directory, layout }: { directory: Directory; layout: Layout },
): Part[] {
  const { width, height, part, planar, samples, compression } = layout;
  const tiled = directory.values(322) !== undefined, kind = tiled ? "tile" : "strip";
  const across = Math.ceil(width / part.width), down = Math.ceil(height / part.height);
  if (across * part.width * down * part.height > MAX_PIXELS) {
    throw new Error(
      `its ${across * down} tiles of ${part.width}×${part.height} pixels are too large for its picture`,
    );
  }
  const count = across * down * (planar ? samples : 1);
  if (compression !== 1 && lineBytes(layout) * part.height > 4 * MAX_PIXELS) {
    throw new Error(`its ${kind}s hold more than ${4 * MAX_PIXELS / 1e6} MB each`);
  }
  const offsets = directory.values(tiled ? 324 : 273) ?? [], lengths = directory.values(tiled ? 325 : 279);
  if (offsets.length < count) {
    throw new Error(`it is a damaged TIFF: it has ${offsets.length} of ${count} ${kind}s`);
  }
  return Array.from({ length: count }, (_, i) => {
    const place = i % (across * down), top = Math.floor(place / across) * part.height;
    const rows = tiled ? part.height : Math.min(part.height, height - top);
    const start = offsets[i], end = start + (lengths ? lengths[i] ?? 0 : bytes.length - start);
    const name = `${kind} ${i + 1} of ${count}`;
    if (end > bytes.length) throw new Error(`it is a truncated TIFF: it ends before ${name} does`);
    const most = compression === 1 ? 1 : MOST_FROM_A_BYTE;
    if (compression !== JPEG && lineBytes(layout) * rows > most * (end - start)) {
      throw new Error(`it is a damaged TIFF: ${name} is too short for its pixels`);
    }
    return {
      name,
      left: place % across * part.width,
      top,
      rows,
      plane: Math.floor(i / (across * down)),
      bytes: bytes.subarray(start, end),
    };
  });
}
