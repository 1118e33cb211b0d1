/**
 * The colors of all pictures, distinguishable for color-blind people.
 *
 * @module
 */

/** 8-bit red, green and blue. */
export type Color = readonly [number, number, number];

/** Okabe and Ito's palette without its yellow, which is too faint on white. */
export const okabeIto = {
  blue: "#0072b2",
  vermillion: "#d55e00",
  green: "#009e73",
  purple: "#cc79a7",
  skyBlue: "#56b4e9",
  orange: "#e69f00",
  black: "#000000",
} as const;

/** The palette for classes, in order. */
export const classColors: readonly string[] = Object.values(okabeIto);

/** Gray for what has no class. */
export const NO_CLASS = "#999999";

/** Lines and labels that stay in the background. */
export const MUTED = "#555555";

/** Colors of the fractions 0, ¼, ½, ¾ and 1: the map "cividis", starting at white. */
export const fractionColors = ["#ffffff", "#cabd6c", "#7c7b78", "#344d6c", "#00224e"] as const;

/** Fractions above this are dark enough to need white text. */
export const DARK_FRACTION = 0.4;

/** Colors of the sheet of views; `views` are those of the two views' headings and crops. */
export const sheetColors: Readonly<Record<"ink" | "faint" | "red", Color> & { views: readonly Color[] }> = {
  ink: [30, 30, 30],
  faint: [175, 175, 175],
  red: [190, 0, 0],
  views: [[220, 100, 0], [0, 100, 220]],
};
