/**
 * What the pictures share: SVG as text.
 *
 * @module
 */

/** Text for use between tags and in attributes. */
export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]!);
}

/** About how wide `text` is in a font of `size` pixels: sans-serif letters are this wide at the most, on the average. */
export function textWidth(text: string, size: number): number {
  return 0.62 * size * text.length;
}

/** `text` or its beginning, at most `length` characters. */
export function shortened(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/** A picture of `width` × `height` pixels on white. */
export function svg(
  { width, height, title }: { width: number; height: number; title: string },
  body: string[],
): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
    `font-family="DejaVu Sans, Verdana, Helvetica, Arial, sans-serif" fill="#222222">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...body,
    "</svg>",
    "",
  ].join("\n");
}

/** A line of text; `turn` turns it about its place, in degrees. */
export function label(
  text: string,
  { x, y, size = 12, anchor = "start", turn = 0, colour }: {
    x: number;
    y: number;
    size?: number;
    anchor?: "start" | "middle" | "end";
    turn?: number;
    colour?: string;
  },
): string {
  const place = turn
    ? `transform="translate(${round(x)} ${round(y)}) rotate(${turn})"`
    : `x="${round(x)}" y="${round(y)}"`;
  return `<text ${place} font-size="${round(size)}" text-anchor="${anchor}" dominant-baseline="central"${
    colour ? ` fill="${colour}"` : ""
  }>${escaped(text)}</text>`;
}

/** Hundredths of a pixel are fine enough, and equal on all machines. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}
