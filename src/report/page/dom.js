// Elements and texts. Whatever comes from a run is set as text, never as markup.

/** An element with properties (`data-*` and `aria-*` as attributes) and children; null children are left out. */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

/** Replaces the content of `node` by what `build` makes, if `content` is not what it was made from before. */
export function renew(node, content, build) {
  const key = JSON.stringify(content) ?? "";
  if (node.madeFrom === key) return;
  node.madeFrom = key;
  node.replaceChildren(...[build()].flat().filter((child) => child !== null));
  node.hidden = node.childElementCount === 0;
}

/** A number with about four digits. */
export function figure(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en-US");
  return size < 1e-3 && size > 0 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

/** A share of 0 … 100 in percent. */
export const percentage = (value) =>
  `${value >= 99.95 || value < 0.05 ? Math.round(value) : value.toFixed(1)} %`;

const plural = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;

/** Seconds as two units: "2 h 5 min". */
export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds)), days = Math.floor(s / 86400), hours = Math.floor(s / 3600) % 24;
  const minutes = Math.floor(s / 60) % 60;
  if (days > 0) return `${plural(days, "day")} ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${s % 60} s` : `${s} s`;
}

export const bytes = (n) => n >= 1e9 ? `${(n / 1e9).toFixed(1)} GB` : `${Math.round(n / 1e6)} MB`;

/** "rankmeProjections" as words: "rankme projections". */
export const words = (name) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** The value of a color of the style sheet, which depends on the scheme. */
export const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The colors of runs, series and classes: palettes that color-blind people tell apart. */
export const COLORS = 6;
export const colorOf = (i) => color(`--series-${i % COLORS}`);
