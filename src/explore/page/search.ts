/** The search for keys. */
import { type ListContext, rowButton } from "./details.ts";
import { byId, element } from "./element.ts";
import { countText } from "./explored.ts";

/** Keys that are listed. */
const LISTED = 20;

/** Lists the keys that hold the text of the field. Arrow keys go through them, Enter selects the first, Escape closes. */
export function setUpSearch(context: ListContext): void {
  const field = byId<HTMLInputElement>("search"), panel = byId("results");
  const close = () => panel.hidden = true;
  const own: ListContext = {
    ...context,
    choose(row) {
      close();
      context.choose(row);
    },
  };
  const buttons = () => [...panel.querySelectorAll<HTMLButtonElement>("button")];
  field.addEventListener("input", () => {
    const found = matchesOf(context.explored, field.value);
    panel.hidden = field.value === "";
    panel.replaceChildren(
      element("p", { className: "note" }, textOf(found.length)),
      ...found.slice(0, LISTED).map((row) => rowButton(row, { note: "", context: own })),
    );
    byId("status").textContent = field.value === "" ? "" : textOf(found.length);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !panel.hidden) buttons()[0]?.click();
  });
  const box = byId("search-box");
  box.addEventListener("keydown", (event) => {
    const list = buttons(), at = list.indexOf(document.activeElement as HTMLButtonElement);
    if (event.key === "Escape") {
      close();
      field.focus();
    } else if (event.key === "ArrowDown") list[Math.min(at + 1, list.length - 1)]?.focus();
    else if (event.key === "ArrowUp") (at > 0 ? list[at - 1] : field).focus();
    else return;
    event.preventDefault();
  });
  box.addEventListener("focusout", ({ relatedTarget }) => {
    if (!box.contains(relatedTarget as Node | null)) close();
  });
}

const textOf = (count: number) =>
  count > LISTED
    ? `${countText(count, "key")} match; the first ${LISTED} are listed.`
    : `${countText(count, "key matches", "keys match")}.`;

/** The rows whose keys hold `text`, in either case; those that are shown as this text first. */
function matchesOf({ keys, prefix }: ListContext["explored"], text: string): number[] {
  const wanted = text.toLowerCase(), whole: number[] = [], part: number[] = [];
  if (wanted === "") return [];
  for (const [row, key] of keys.entries()) {
    const found = key.toLowerCase();
    if (found === wanted || found.slice(prefix.length) === wanted) whole.push(row);
    else if (found.includes(wanted)) part.push(row);
  }
  return [...whole, ...part];
}
