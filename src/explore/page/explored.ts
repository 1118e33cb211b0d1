/** The data of the page, decoded. */
import type { Bytes, PageData } from "./page_data.ts";

/** A map of all images. */
export interface MapData {
  name: string;
  axes: readonly [string, string];
  points: Float32Array;
}

/** What the page shows. */
export interface Explored {
  title: string;
  facts: PageData["facts"];
  keys: string[];
  /** The beginning that all keys share, up to a slash: lists leave it out. */
  prefix: string;
  numbers: Uint32Array | null;
  labels: { names: string[]; of: Int32Array } | null;
  clusters: Uint8Array;
  outliers: Float32Array;
  maps: MapData[];
  k: number;
  neighbors: Uint32Array;
  cosines: Float32Array;
  duplicates: PageData["duplicates"];
  thumbnails: (Omit<NonNullable<PageData["thumbnails"]>, "has"> & { has: Uint8Array }) | null;
}

export function decodeBytes(text: Bytes): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

const floats = (text: Bytes) => new Float32Array(decodeBytes(text).buffer);
const integers = (text: Bytes) => new Uint32Array(decodeBytes(text).buffer);

/** The data in the element `id`. */
export function readExplored(id: string): Explored {
  const data: PageData = JSON.parse(document.getElementById(id)!.textContent!);
  const { labels, near, thumbnails } = data;
  return {
    title: data.title,
    facts: data.facts,
    keys: data.keys,
    prefix: prefixOf(data.keys),
    numbers: data.numbers === null ? null : integers(data.numbers),
    labels: labels && { names: labels.names, of: new Int32Array(decodeBytes(labels.of).buffer) },
    clusters: decodeBytes(data.clusters),
    outliers: floats(data.outliers),
    maps: data.maps.map(({ name, axes, points }) => ({ name, axes, points: floats(points) })),
    k: near.k,
    neighbors: integers(near.neighbors),
    cosines: floats(near.cosines),
    duplicates: data.duplicates,
    thumbnails: thumbnails && { ...thumbnails, has: decodeBytes(thumbnails.has) },
  };
}

function prefixOf([first, ...others]: readonly string[]): string {
  let { length } = first;
  for (const key of others) while (!key.startsWith(first.slice(0, length))) length--;
  return first.slice(0, first.lastIndexOf("/", length - 1) + 1);
}

/** The name of the class of a row; null without one. */
export function labelOf({ labels }: Explored, row: number): string | null {
  return labels && labels.of[row] >= 0 ? labels.names[labels.of[row]] : null;
}

/** A count in words, such as "1,234 images". */
export function countText(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
}
