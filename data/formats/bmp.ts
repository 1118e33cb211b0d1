/**
 * BMP and DIB, as Windows and OS/2 write them.
 *
 * The libraries do not suffice: see docs/dependencies.md.
 *
 * @module
 */
import { type BmpLayout, JPEG, PNG, readBmpLayout, RGB } from "./bmp_header.ts";
import { unpackRuns } from "./bmp_runs.ts";
import { checkSize, type Format, viewOf } from "./format.ts";
import { jpeg } from "./jpeg.ts";
import { png } from "./png.ts";
import { collectRows } from "./rows.ts";

/** BMP of 1 … 32 bits: palettes, bit fields, run lengths, alpha; also with a JPEG or PNG inside. */
export const bmp: Format = {
  name: "BMP",
  readHeader(bytes) {
    const layout = readBmpLayout(bytes), { width, height, compression, start } = layout;
    if (compression === JPEG) return jpeg.readHeader(bytes.subarray(start));
    if (compression === PNG) return png.readHeader(bytes.subarray(start));
    checkSize(width, height);
    const packed = bytes.subarray(start);
    const line = compression === RGB ? Math.ceil(layout.bits * width / 32) * 4 : layout.bits / 8 * width;
    if (compression === RGB) {
      const needed = line * (height - 1) + Math.ceil(layout.bits * width / 8);
      if (packed.length < needed) {
        throw new Error(`it is a truncated BMP: ${needed - packed.length} bytes are missing`);
      }
    }
    const rows = () => {
      // Runs of 4 bits are unpacked to a byte a pixel.
      if (compression === RGB) return rowsOf(packed, { layout, line });
      const bits = Math.max(8, layout.bits), unpacked = unpackRuns(packed, layout);
      return rowsOf(unpacked, { layout: { ...layout, bits }, line: bits / 8 * width });
    };
    return {
      width,
      height,
      opaque: !layout.masks[3],
      rows,
      decode: () => collectRows(rows(), { width, height }),
    };
  },
};

/** The rows of `bytes` as RGBA, from top to bottom; `line` bytes lie between rows. */
function* rowsOf(
  bytes: Uint8Array,
  { layout, line }: { layout: BmpLayout; line: number },
): Generator<Uint8Array> {
  const { width, height, isTopDown, bits } = layout;
  const row = new Uint8Array(4 * width);
  const convert = bits <= 8
    ? fromPalette(layout)
    : bits === 24
    ? fromBlueGreenRed
    : fromMasks(layout, hasAlpha(bytes, layout));
  for (let y = 0; y < height; y++) {
    const start = line * (isTopDown ? y : height - 1 - y);
    convert(bytes.subarray(start, start + line), row);
    yield row;
  }
}

type Convert = (line: Uint8Array, row: Uint8Array) => void;

function fromBlueGreenRed(line: Uint8Array, row: Uint8Array): void {
  for (let i = 0, o = 0; o < row.length; i += 3, o += 4) {
    row[o] = line[i + 2];
    row[o + 1] = line[i + 1];
    row[o + 2] = line[i];
    row[o + 3] = 255;
  }
}

/** Numbers beyond the palette are black, as in browsers. */
function fromPalette({ palette, bits }: BmpLayout): Convert {
  const colors = new Uint8Array(4 << bits), mask = (1 << bits) - 1;
  palette.forEach((color, i) => colors.set(color, 4 * i));
  for (let i = 3; i < colors.length; i += 4) colors[i] = 255;
  const words = new Uint32Array(colors.buffer);
  return (line, row) => {
    const out = new Uint32Array(row.buffer);
    for (let x = 0, bit = 0; x < out.length; x++, bit += bits) {
      out[x] = words[line[bit >> 3] >> (8 - bits - (bit & 7)) & mask];
    }
  };
}

/** Like Pillow, scales n bits to 8 as floor(255 · value / (2ⁿ − 1)). */
function fromMasks({ masks, bits }: BmpLayout, withAlpha: boolean): Convert {
  const tables = masks.map((mask, c) => {
    if (mask === 0 || (c === 3 && !withAlpha)) {
      return { mask: 0, shift: 0, most: 1, missing: c === 3 ? 255 : 0 };
    }
    const shift = 31 - Math.clz32(mask & -mask);
    return { mask, shift, most: mask >>> shift, missing: 0 };
  });
  return (line, row) => {
    const view = viewOf(line);
    for (let i = 0, o = 0; o < row.length; i += bits / 8) {
      const pixel = bits === 16 ? view.getUint16(i, true) : view.getUint32(i, true);
      for (const { mask, shift, most, missing } of tables) {
        row[o++] = Math.floor(255 * ((pixel & mask) >>> shift) / most) + missing;
      }
    }
  };
}

/** Whether any pixel has an alpha above 0: programs that know no alpha leave zeros, which browsers take as opaque. */
function hasAlpha(bytes: Uint8Array, { masks: [, , , alpha], bits }: BmpLayout): boolean {
  const view = viewOf(bytes), step = bits / 8;
  if (!alpha) return false;
  for (let i = 0; i + step <= bytes.length; i += step) {
    if ((bits === 16 ? view.getUint16(i, true) : view.getUint32(i, true)) & alpha) return true;
  }
  return false;
}
