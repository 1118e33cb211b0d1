/**
 * The picture of a confusion matrix.
 *
 * @module
 */
import { label, round, shortened, svg, textWidth } from "./svg.ts";

/** Of more classes there is no picture: their names could not be read. */
export const MOST_CLASSES = 100;
/** Characters of a name that are shown. */
const NAME = 18;
/** The colours of the shares 0 … 1: the map "cividis", which people see alike whatever their sight of colours, from white on. */
const STOPS = [[255, 255, 255], [202, 189, 108], [124, 123, 120], [52, 77, 108], [0, 34, 78]];

function colourOf(share: number): { fill: string; text: string } {
  const at = Math.min(Math.max(share, 0), 1) * (STOPS.length - 1),
    low = Math.min(Math.floor(at), STOPS.length - 2);
  const mixed = STOPS[low].map((c, i) => Math.round(c + (STOPS[low + 1][i] - c) * (at - low)));
  return {
    fill: `#${mixed.map((c) => c.toString(16).padStart(2, "0")).join("")}`,
    text: share > 0.4 ? "#ffffff" : "#222222",
  };
}

/**
 * A confusion matrix as SVG: a row for each class of the samples, a column for what they were taken for, each row's shares
 * in per cent as numbers where there is room, and as colours.
 *
 * @param counts How many samples of the class of the row were taken for that of the column.
 * @throws {RangeError} if there are more than {@linkcode MOST_CLASSES} classes, or the counts have another shape.
 */
export function confusionSvg(
  counts: readonly (readonly number[])[],
  { classes, title }: { classes: readonly string[]; title: string },
): string {
  const n = classes.length;
  if (n < 1 || n > MOST_CLASSES || counts.length !== n || counts.some((row) => row.length !== n)) {
    throw new RangeError(
      `Cannot draw a confusion matrix as it must be square with 1 to ${MOST_CLASSES} classes: ${counts.length} rows of ` +
        `${counts[0]?.length} for ${n} classes`,
    );
  }
  const cell = n <= 12 ? 44 : n <= 30 ? 26 : 13, font = n <= 30 ? 12 : 10;
  const names = classes.map((name) => shortened(name, NAME));
  const room = Math.max(...names.map((name) => textWidth(name, font))) + 10;
  const left = room + 34, top = room + 70, side = n * cell, scale = { x: left + side + 28, width: 16 };
  // The scale of colours is of a fixed height, and so is the title of a width.
  const height = top + Math.max(side, 200) + 24;
  const width = Math.max(scale.x + scale.width + 60, textWidth(title, 14) + 40);
  const body = [
    label(title, { x: 20, y: 22, size: 14 }),
    label("taken for", { x: left + side / 2, y: 48, size: 13, anchor: "middle" }),
    label("class", { x: 16, y: top + side / 2, size: 13, anchor: "middle", turn: -90 }),
  ];
  names.forEach((name, k) => {
    const middle = (k + 0.5) * cell;
    body.push(
      label(name, { x: left - 6, y: top + middle, size: font, anchor: "end" }),
      label(name, { x: left + middle, y: top - 6, size: font, turn: -90 }),
    );
  });
  counts.forEach((row, i) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    row.forEach((count, j) => {
      const share = total ? count / total : 0, { fill, text } = colourOf(share);
      const x = left + j * cell, y = top + i * cell;
      body.push(
        `<rect x="${round(x)}" y="${
          round(y)
        }" width="${cell}" height="${cell}" fill="${fill}" stroke="#dddddd" ` +
          `stroke-width="0.5"/>`,
      );
      const per = Math.round(100 * share);
      if (cell >= 26 && per > 0) {
        const size = cell >= 40 ? 13 : 10;
        body.push(
          label(`${per}`, { x: x + cell / 2, y: y + cell / 2, size, anchor: "middle", colour: text }),
        );
      }
    });
  });
  const bars = 50, tall = Math.min(Math.max(side, 200), 300);
  for (let i = 0; i < bars; i++) {
    const y = top + (bars - 1 - i) * tall / bars;
    body.push(
      `<rect x="${scale.x}" y="${round(y)}" width="${scale.width}" height="${
        round(tall / bars + 0.5)
      }" fill="${colourOf((i + 0.5) / bars).fill}"/>`,
    );
  }
  body.push(
    `<rect x="${scale.x}" y="${top}" width="${scale.width}" height="${tall}" fill="none" stroke="#888888"/>`,
    ...[0, 25, 50, 75, 100].map((per) =>
      label(`${per}`, { x: scale.x + scale.width + 6, y: top + tall * (1 - per / 100), size: 11 })
    ),
    label("% of the class", {
      x: scale.x + scale.width + 44,
      y: top + tall / 2,
      size: 11,
      anchor: "middle",
      turn: -90,
    }),
  );
  return svg({ width: Math.ceil(width), height: Math.ceil(height), title }, body);
}
