/**
 * A canvas for rectangles, images and text in a font of 5 × 7 pixels.
 *
 * @module
 */
import png from "npm:imagescript@1.3.1/png/node.js";
import font from "npm:oled-font-5x7@1.0.3";
import type { Box } from "../../data/views/draw.ts";
import type { DecodedImage } from "../../data/views/resize.ts";
import type { Color } from "./colors.ts";

/** Side in pixels of a pixel of the font. */
const DOT = 2;
/** Width of a character with the space after it, and its height without the space below it. */
export const CHARACTER = { width: (font.width + 1) * DOT, height: (font.height + 1) * DOT } as const;

/** The font draws these letters too high by one of its pixels. */
const HANGING = "gpqy";

/** A picture that starts white. */
export class Canvas {
  readonly width: number;
  readonly height: number;
  /** [height, width, 4]: red, green, blue and 255. */
  readonly data: Uint8Array;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.data = new Uint8Array(width * height * 4).fill(255);
  }

  /** Fills `box`, clipped to the picture. */
  fill(box: Box, color: Color): void {
    const top = Math.max(0, box.top), bottom = Math.min(this.height, box.top + box.height);
    const left = Math.max(0, box.left), right = Math.min(this.width, box.left + box.width);
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) this.data.set(color, (y * this.width + x) * 4);
    }
  }

  /** Draws the border of `box`, two pixels wide, inside it. */
  outline({ top, left, height, width }: Box, color: Color): void {
    const line = 2;
    this.fill({ top, left, height: line, width }, color);
    this.fill({ top: top + height - line, left, height: line, width }, color);
    this.fill({ top, left, height, width: line }, color);
    this.fill({ top, left: left + width - line, height, width: line }, color);
  }

  /** Draws `image` with each pixel as a square of `scale` pixels; it must fit. */
  image(image: DecodedImage, { top, left, scale }: { top: number; left: number; scale: number }): void {
    const { width, height, data } = image;
    for (let y = 0; y < height * scale; y++) {
      for (let x = 0; x < width * scale; x++) {
        const from = (Math.floor(y / scale) * width + Math.floor(x / scale)) * 4;
        const to = ((top + y) * this.width + left + x) * 4;
        for (let c = 0; c < 3; c++) this.data[to + c] = data[from + c];
      }
    }
  }

  /** Writes `text` on one line. Characters that the font lacks become question marks. */
  text(text: string, { top, left }: { top: number; left: number }, color: Color): void {
    [...text].forEach((character, i) => {
      const found = font.lookup.indexOf(character);
      const glyph = (found < 0 ? font.lookup.indexOf("?") : found) * font.width;
      const down = HANGING.includes(character) ? DOT : 0;
      for (let column = 0; column < font.width; column++) {
        for (let row = 0; row < font.height; row++) {
          if (!(font.fontData[glyph + column] >> row & 1)) continue;
          const x = left + i * CHARACTER.width + column * DOT;
          this.fill({ top: top + down + row * DOT, left: x, height: DOT, width: DOT }, color);
        }
      }
    });
  }

  /** The picture as a PNG file. */
  png(): Uint8Array<ArrayBuffer> {
    const { width, height, data } = this;
    return new Uint8Array(png.encode(data, { width, height, channels: 4, level: 6 }));
  }
}
