/** The panel of one image: the image, what is known of it, and its neighbors. */
import { byId, element } from "./element.ts";
import { type Explored, labelOf } from "./explored.ts";
import type { DrawThumbnail } from "./thumbnail.ts";

/** What all lists of images need. */
export interface ListContext {
  explored: Explored;
  thumbnail: DrawThumbnail;
  /** Selects an image. */
  choose(row: number): void;
}

/** A button that selects a row, with its thumbnail, its key and a note. */
export function rowButton(
  row: number,
  { note, context: { explored, thumbnail, choose } }: { note: string; context: ListContext },
): HTMLButtonElement {
  const key = explored.keys[row], label = labelOf(explored, row);
  const about = [label, note].filter((text) => text !== null && text !== "").join(", ");
  return element(
    "button",
    { type: "button", className: "row", title: key, onclick: () => choose(row) },
    ...explored.thumbnails ? [thumbnail(row)] : [],
    element(
      "span",
      { className: "texts" },
      element("span", { className: "key" }, key.slice(explored.prefix.length)),
      element("span", { className: "note" }, about),
    ),
  );
}

/** Shows `row`; returns what is said of it. */
export function showDetails(row: number, context: ListContext): string {
  const { explored, thumbnail } = context, { k, neighbors, cosines, outliers, clusters } = explored;
  const label = labelOf(explored, row), group = groupOf(explored, row);
  const rank = outliers.reduce((above, score) => above + Number(score > outliers[row]), 1);
  const facts: [string, string][] = [
    ...label === null ? [] : [["label", label] as [string, string]],
    ["cluster", `${clusters[row] + 1}`],
    [
      "outlier score",
      `${outliers[row].toFixed(4)}, rank ${rank.toLocaleString("en-US")} of ${
        outliers.length.toLocaleString("en-US")
      }`,
    ],
    ...group < 0 ? [] : [["near-duplicates", `group ${group + 1}`] as [string, string]],
    ["row", `${explored.numbers?.[row] ?? row}`],
  ];
  byId("image-heading").textContent = explored.keys[row];
  byId("image-facts").replaceChildren(...facts.flatMap(([name, text]) => [
    element("dt", {}, name),
    element("dd", {}, text),
  ]));
  const picture = byId("image-picture");
  picture.replaceChildren(...explored.thumbnails ? [thumbnail(row)] : []);
  picture.ariaLabel = explored.keys[row];
  byId("neighbors").replaceChildren(...Array.from({ length: k }, (_, j) => {
    const note = `cosine ${cosines[row * k + j].toFixed(4)}`;
    return element("li", {}, rowButton(neighbors[row * k + j], { note, context }));
  }));
  byId("image").hidden = false;
  byId("no-image").hidden = true;
  return `${explored.keys[row]}${label === null ? "" : `, ${label}`}. ${k} neighbors are listed.`;
}

function groupOf({ duplicates: { groups } }: Explored, row: number): number {
  return groups.findIndex((members) => members.some(([member]) => member === row));
}
