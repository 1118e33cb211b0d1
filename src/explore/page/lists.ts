/** Lists of images: near-duplicates, and those that are farthest out. */
import { type ListContext, rowButton } from "./details.ts";
import { byId, element } from "./element.ts";
import { countText } from "./explored.ts";

/** Entries that are added to a list at a time. */
const STEP = 30;
/** Members of a group that are shown. */
const MEMBERS = 24;

/** Fills the lists when they are opened first. */
export function fillLists(context: ListContext): void {
  const { explored: { duplicates: { groups, threshold }, outliers } } = context;
  const summary = groups.length === 0
    ? `No near-duplicates (cosine ≥ ${threshold})`
    : `Near-duplicates: ${countText(groups.length, "group")} (cosine ≥ ${threshold})`;
  byId("duplicates-summary").textContent = summary;
  onOpen("duplicates", (list) =>
    grow(list, groups.length, (i) => {
      const shown = groups[i].slice(0, MEMBERS), more = groups[i].length - shown.length;
      return element(
        "li",
        {},
        element("span", { className: "group" }, `Group ${i + 1}: ${countText(groups[i].length, "image")}`),
        ...shown.map(([row, cosine], j) =>
          rowButton(row, { note: j === 0 ? "first" : `cosine ${cosine.toFixed(4)}`, context })
        ),
        ...more > 0 ? [element("span", { className: "group" }, `and ${countText(more, "other")}`)] : [],
      );
    }));
  onOpen("outliers", (list) => {
    const order = Uint32Array.from(outliers.keys()).sort((a, b) => outliers[b] - outliers[a] || a - b);
    grow(list, order.length, (i) => {
      const note = `score ${outliers[order[i]].toFixed(4)}`;
      return element("li", {}, rowButton(order[i], { note, context }));
    });
  });
}

function onOpen(id: string, fill: (list: HTMLElement) => void): void {
  byId(id).addEventListener("toggle", () => fill(byId(`${id}-list`)), { once: true });
}

/** Adds the first entries of `count` to `list`, and a button for more. */
function grow(list: HTMLElement, count: number, entry: (i: number) => HTMLElement): void {
  let shown = 0;
  const more = element("button", { type: "button", className: "more", onclick: () => add() });
  const add = () => {
    const end = Math.min(count, shown + STEP), first = shown;
    for (; shown < end; shown++) list.append(entry(shown));
    // The keyboard goes on where the new entries begin.
    if (first > 0) list.children[first].querySelector("button")?.focus();
    more.textContent = `Show more of ${count.toLocaleString("en-US")}`;
    more.hidden = shown === count;
  };
  list.after(more);
  add();
}
