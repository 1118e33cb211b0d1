/**
 * Raw pixels as PPM files, the simplest lossless format that the decoder reads.
 *
 * @module
 */

/** How the pixels of an image lie in a file. */
export interface PixelLayout {
  width: number;
  height: number;
  /** Planes of one byte a pixel: three of red, green and blue, or one of gray. */
  planes: 1 | 3;
  /** Whether the pixels of a column follow one another; otherwise those of a row. */
  columns?: boolean;
}

/** The image of `pixels`, whose planes follow one another, as a PPM file. */
export function toPpm(
  pixels: Uint8Array,
  { width, height, planes, columns = false }: PixelLayout,
): Uint8Array {
  const header = new TextEncoder().encode(`P6\n${width} ${height}\n255\n`), size = width * height;
  const ppm = new Uint8Array(header.length + 3 * size);
  ppm.set(header);
  for (let y = 0, at = header.length; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      const pixel = columns ? x * height + y : y * width + x;
      for (let c = 0; c < 3; c++) ppm[at + c] = pixels[(planes === 1 ? 0 : c * size) + pixel];
    }
  }
  return ppm;
}
