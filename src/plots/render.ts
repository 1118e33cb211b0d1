/**
 * Plots as SVG files that need nothing else.
 *
 * @module
 */
import * as Plot from "npm:@observablehq/plot@0.6.17";
import { parseHTML } from "npm:linkedom@0.18.15";

/** The font of all plots, by what systems have. */
const FONT = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif";

/** The part of an element's interface that is used here: Deno's types have no DOM. */
interface PlotElement {
  attributes: Iterable<{ name: string; value: string }>;
  setAttribute(name: string, value: string): void;
}

/** A plot at its place in a picture. */
export interface PlacedPlot {
  x: number;
  y: number;
  options: Plot.PlotOptions;
}

/** A picture of one plot or several side by side, on white. */
export function renderPicture(
  plots: readonly PlacedPlot[],
  { width, height, title }: { width: number; height: number; title: string },
): string {
  const parts = plots.map(({ x, y, options }) => renderPlot(options, { x, y }));
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

/** The plot as an SVG element with these attributes. */
export function renderPlot(
  options: Plot.PlotOptions,
  attributes: Readonly<Record<string, string | number>> = {},
): string {
  // linkedom's types need DOM types, which Deno lacks.
  const { document } = parseHTML("<html></html>") as unknown as { document: undefined };
  const style = { fontFamily: FONT, ...options.style as Record<string, string> };
  const svg = Plot.plot({ ...options, style, document });
  // Its style sheet scales the plot to its column, which a plot within a picture must not do.
  svg.querySelector("style")?.remove();
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  for (const [name, value] of Object.entries(attributes)) svg.setAttribute(name, `${value}`);
  for (const element of svg.querySelectorAll("*")) roundNumbers(element);
  return svg.outerHTML;
}

/** Rounds the numbers in the attributes of `element`: hundredths of a pixel are fine enough, and equal on all machines. */
function roundNumbers(element: PlotElement): void {
  for (const { name, value } of element.attributes) {
    const rounded = value.replace(
      /-?\d+\.\d{3,}(e-\d+)?/g,
      (number: string) => `${Math.round(Number(number) * 100) / 100}`,
    );
    if (rounded !== value) element.setAttribute(name, rounded);
  }
}

/** Text for use between tags and in attributes. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]!);
}

/** About the width of `text` in pixels in a font of `size` pixels: sans-serif letters are at most this wide on average. */
export function textWidth(text: string, size: number): number {
  return 0.62 * size * text.length;
}

/** `text`, or its beginning in at most `length` characters. */
export function shortened(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
