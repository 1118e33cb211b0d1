/**
 * The layout of a TIFF's image and the positions of its strips or tiles, read from its tags and checked before anything is
 * allocated.
 *
 * @module
 */
import type { Directory } from "./directory.ts";
import { checkSize, MAX_PIXELS } from "./format.ts";
import { codecs, compressionText, isFax, JPEG, WEBP, ZSTD } from "./tiff_codecs.ts";

/** The layout of the image, by its tags. */
export interface Layout {
  width: number;
  height: number;
  littleEndian: boolean;
  /** Bits per sample, up to 64. */
  bits: number;
  /** 1 for unsigned integers, 2 for signed ones, 3 for floating point. */
  format: number;
  /** Samples per pixel. */
  samples: number;
  compression: number;
  /** The meaning of samples: 0 and 1 gray, 2 RGB, 3 palette indices, 5 CMYK, 6 YCbCr. */
  photometric: number;
  /** 2 if samples are differences from the previous pixel, 3 if so and split into planes of bytes. */
  predictor: number;
  /** Whether the lowest bit of a byte comes first. */
  lowestBitFirst: boolean;
  /** Whether fax lines may refer to the previous one. */
  twoDimensional: boolean;
  /** Whether each strip or tile holds one channel. */
  planar: boolean;
  /** The extra sample: 1 for premultiplied alpha, 2 for straight alpha, otherwise ignored. */
  alpha: number;
  /** All red, then all green, then all blue values, 16 bits each. */
  palette: number[];
  /** The tables that JPEG parts share. */
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
  /** Lines in its bytes; fewer in the last strip. */
  rows: number;
  /** The channel of its first sample. */
  plane: number;
  bytes: Uint8Array;
}

/** Bytes per line of a strip or tile. */
export function lineBytes({ part, planar, samples, bits }: Layout): number {
  return Math.ceil(part.width * (planar ? 1 : samples) * bits / 8);
}

/** Samples per color, by photometric interpretation. */
export const COLOR_SAMPLES: Record<number, number> = { 0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3 };

/** Reads the tags. Throws an Error if they contradict each other or are not supported. */
export function readLayout(directory: Directory): Layout {
  const first = (tag: number) => directory.values(tag)?.[0];
  const width = first(256) ?? 0, height = first(257) ?? 0;
  checkSize(width, height);
  const samples = first(277) ?? 1, depths = directory.values(258) ?? [1], photometric = first(262) ?? 1;
  const formats = directory.values(339) ?? [1];
  const extra = directory.values(338) ?? [], colors = COLOR_SAMPLES[photometric];
  const tiled = directory.values(322) !== undefined;
  const part = tiled
    ? { width: first(322) ?? 0, height: first(323) ?? 0 }
    : { width, height: Math.min(first(278) ?? height, height) };
  const layout: Layout = {
    width,
    height,
    littleEndian: directory.littleEndian,
    bits: depths[0],
    format: formats[0] === 4 ? 1 : formats[0], // 4: undefined
    samples,
    compression: first(259) ?? 1,
    photometric,
    predictor: first(317) ?? 1,
    lowestBitFirst: first(266) === 2,
    twoDimensional: ((first(292) ?? 0) & 1) === 1,
    planar: first(284) === 2 && samples > 1,
    // Like Pillow, take an undeclared fourth sample as alpha.
    alpha: samples <= colors || photometric === 5 ? 0 : extra[0] ?? (photometric === 2 ? 2 : 0),
    palette: photometric === 3 ? directory.values(320) ?? [] : [],
    jpegTables: directory.values(347) && new Uint8Array(directory.values(347)!),
    part,
  };
  const unsupported = unsupportedPart(layout, { depths, formats });
  if (unsupported) throw new Error(`it is a TIFF with ${unsupported}, which is not supported: convert it`);
  if (samples < colors) throw new Error(`it is a damaged TIFF: ${samples} samples per pixel are not a color`);
  if (photometric === 3 && layout.palette.length < 3 << layout.bits) {
    throw new Error("it is a damaged TIFF: its palette is too short");
  }
  checkSize(part.width, part.height, tiled ? "its tile size" : "its strip size");
  return layout;
}

/** Floating-point depths, and those of signed integers. */
const FLOAT_BITS = [16, 32, 64], SIGNED_BITS = [8, 16, 32];

/** The first property of `layout` that is not supported, for a message. */
function unsupportedPart(
  { compression, photometric, bits, format, samples, predictor, planar }: Layout,
  { depths, formats }: { depths: number[]; formats: number[] },
): string | undefined {
  const isPicture = compression === JPEG || compression === WEBP;
  if (photometric === 32803 || photometric === 34892) return "raw data of a camera's sensor";
  if (!isPicture && !codecs[compression] || isFax(compression) && (bits !== 1 || samples !== 1)) {
    return compressionText(compression);
  }
  if (COLOR_SAMPLES[photometric] === undefined) return `photometric interpretation ${photometric}`;
  if (photometric === 6 && (!isPicture || planar)) return "YCbCr colors outside JPEG compression";
  if (isPicture && photometric === 3 || photometric === 5 && (compression === WEBP || isPicture && planar)) {
    return "this compression of CMYK or palette colors";
  }
  if (isPicture && !planar && samples !== COLOR_SAMPLES[photometric] && compression === JPEG) {
    return "JPEG compression with alpha";
  }
  if (depths.some((depth) => depth !== bits)) return `samples of ${depths.join(", ")} bits`;
  if (formats.some((other) => other !== formats[0])) return "samples of several kinds";
  const isKnown = format === 1
    ? bits <= 16 || bits === 24 || bits === 32
    : format === 2
    ? SIGNED_BITS.includes(bits)
    : format === 3 && FLOAT_BITS.includes(bits);
  if (format > 3) return "complex samples";
  if (!isKnown || bits === 0 || (bits !== 8 && isPicture)) {
    return `${format === 3 ? "floating-point " : ""}samples of ${bits} bits`;
  }
  if (format !== 1 && (isPicture || photometric === 3)) return "colors that are not unsigned integers";
  if (bits > 8 && photometric === 3) return `a ${bits}-bit palette`;
  if (samples > 8) return `${samples} samples per pixel`;
  const isWhole = bits % 8 === 0 && bits !== 24;
  const isKnownPredictor = predictor === 1 || predictor === 2 && isWhole || predictor === 3 && format === 3;
  if (!isKnownPredictor) return `predictor ${predictor} for ${bits}-bit samples`;
}

/** The largest expansion of a byte by a codec: LZW's longest string; a block of zstd has 128 KiB in four bytes. */
const MAX_EXPANSION: Record<number, number> = { 1: 1, [ZSTD]: 1 << 15 };
const OTHER_MAX_EXPANSION = 4096;

/** Whether a part of `length` bytes may hold so many lines. A line of fax takes a bit at least. */
function mayHold(layout: Layout, { length, rows }: { length: number; rows: number }): boolean {
  const { compression } = layout;
  if (isFax(compression)) return rows <= 8 * length;
  return lineBytes(layout) * rows <= (MAX_EXPANSION[compression] ?? OTHER_MAX_EXPANSION) * length;
}

/** Finds the strips or tiles. Throws an Error if one is missing or too short for its pixels. */
export function findParts(
  bytes: Uint8Array,
  { directory, layout }: { directory: Directory; layout: Layout },
): Part[] {
  const { width, height, part, planar, samples, compression } = layout;
  const tiled = directory.values(322) !== undefined, kind = tiled ? "tile" : "strip";
  const across = Math.ceil(width / part.width), down = Math.ceil(height / part.height);
  if (across * part.width * down * part.height > MAX_PIXELS) {
    throw new Error(
      `its ${across * down} tiles of ${part.width}×${part.height} pixels are too large for the image`,
    );
  }
  const count = across * down * (planar ? samples : 1);
  if (compression !== 1 && lineBytes(layout) * part.height > 4 * MAX_PIXELS) {
    throw new Error(`its ${kind}s have more than ${4 * MAX_PIXELS / 1e6} MB each`);
  }
  const offsets = directory.values(tiled ? 324 : 273) ?? [], lengths = directory.values(tiled ? 325 : 279);
  if (offsets.length < count) {
    throw new Error(`it is a damaged TIFF: it has ${offsets.length} of ${count} ${kind}s`);
  }
  return Array.from({ length: count }, (_, i) => {
    const cell = i % (across * down), top = Math.floor(cell / across) * part.height;
    const rows = tiled ? part.height : Math.min(part.height, height - top);
    const start = offsets[i], end = start + (lengths ? lengths[i] ?? 0 : bytes.length - start);
    const name = `${kind} ${i + 1} of ${count}`;
    if (end > bytes.length) throw new Error(`it is a truncated TIFF: it ends within ${name}`);
    if (codecs[compression] && !mayHold(layout, { length: end - start, rows })) {
      throw new Error(`it is a damaged TIFF: ${name} is too short for its pixels`);
    }
    return {
      name,
      left: cell % across * part.width,
      top,
      rows,
      plane: Math.floor(i / (across * down)),
      bytes: bytes.subarray(start, end),
    };
  });
}
