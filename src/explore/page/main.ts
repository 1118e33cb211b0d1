/** The page: what is shown, and what the controls do. */
import { type Coloring, coloringOf, type ColorName, colorNames, repeatNote, type Theme } from "./colors.ts";
import { type ListContext, showDetails } from "./details.ts";
import { byId, element } from "./element.ts";
import { countText, readExplored } from "./explored.ts";
import { fillLists } from "./lists.ts";
import { PointMap } from "./map.ts";
import { csvOf, save } from "./save_keys.ts";
import { setUpSearch } from "./search.ts";
import { thumbnailsOf } from "./thumbnail.ts";

const explored = readExplored("data"), { keys, maps } = explored;
const thumbnail = thumbnailsOf(explored);
const dark = matchMedia("(prefers-color-scheme: dark)");
const themeOf = (): Theme => dark.matches ? "dark" : "light";

const colorField = byId<HTMLSelectElement>("color"), mapField = byId<HTMLSelectElement>("map-name");
const lassoButton = byId<HTMLButtonElement>("lasso"), saveButton = byId<HTMLButtonElement>("save");
const clearButton = byId<HTMLButtonElement>("clear");

/** The image whose details are shown; the images of a lasso; the class that is shown alone. */
let chosen: number | null = null, lassoed: number[] = [], alone: number | null = null;
let coloring: Coloring = colors();

function colors(): Coloring {
  return coloringOf(explored, {
    name: (colorField.value || colorNames(explored)[0]) as ColorName,
    theme: themeOf(),
  });
}

const say = (text: string) => byId("status").textContent = text;

function choose(row: number, { fromMap = false } = {}): void {
  chosen = row;
  lassoed = [];
  map?.select([row], { show: !fromMap });
  say(showDetails(row, context));
  showSelection();
  if (!fromMap) byId("image-heading").focus();
}

const context: ListContext = { explored, thumbnail, choose };
const map = createMap();

function createMap(): PointMap | null {
  try {
    return new PointMap(byId<HTMLCanvasElement>("map"), {
      rows: keys.length,
      events: {
        onClick: (row) => choose(row, { fromMap: true }),
        onLasso(rows) {
          lassoed = rows;
          say(`${countText(rows.length, "image")} selected.`);
          showSelection();
        },
        onDeselect() {
          lassoed = [];
          showSelection();
        },
        onHover: showHover,
      },
    });
  } catch (error) {
    // Search, lists and neighbors work without it.
    console.warn(error);
    byId("map").hidden = true;
    byId("no-map").hidden = false;
    return null;
  }
}

/** The rows that would be saved: those of the lasso, else those of the class that is shown alone. */
function selected(): number[] {
  if (lassoed.length > 0 || alone === null) return lassoed;
  return [...keys.keys()].filter((row) => coloring.of[row] === alone);
}

function showSelection(): void {
  const count = selected().length;
  saveButton.hidden = clearButton.hidden = count === 0;
  saveButton.textContent = `Save ${countText(count, "key")} as CSV`;
}

function showHover(hover: { row: number; x: number; y: number } | null): void {
  const tip = byId("tip");
  tip.hidden = hover === null;
  if (!hover) return;
  tip.replaceChildren(
    ...explored.thumbnails ? [thumbnail(hover.row)] : [],
    element("span", { className: "key" }, keys[hover.row].slice(explored.prefix.length)),
  );
  const { clientWidth, clientHeight } = byId("stage");
  // Away from the nearer edge, so that it is never cut.
  tip.style.left = `${Math.max(4, Math.min(hover.x + 12, clientWidth - tip.offsetWidth - 4))}px`;
  const below = hover.y + 12 + tip.offsetHeight < clientHeight;
  tip.style.top = `${below ? hover.y + 12 : Math.max(4, hover.y - 12 - tip.offsetHeight)}px`;
}

function showLegend(): void {
  const { legend, scale } = coloring, list = byId("legend");
  if (scale) {
    const bar = element("span", { className: "scale" });
    bar.style.background = `linear-gradient(to right, ${coloring.colors.join(", ")})`;
    list.replaceChildren(element("li", {}, scale[0], bar, scale[1]));
  } else {
    list.replaceChildren(...legend.map(({ name, color, rows, index }) => {
      const swatch = element("span", { className: "swatch" });
      swatch.style.background = color;
      const button = element(
        "button",
        { type: "button", title: name, onclick: () => showAlone(alone === index ? null : index) },
        swatch,
        element("span", { className: "name" }, name),
        element("span", { className: "count" }, rows.toLocaleString("en-US")),
      );
      button.ariaPressed = `${alone === index}`;
      return element("li", {}, button);
    }));
  }
  byId("legend-note").textContent = scale ? "" : repeatNote(coloring);
}

function showAlone(index: number | null): void {
  const hadFocus = byId("legend").contains(document.activeElement);
  alone = index;
  lassoed = [];
  showLegend();
  map?.show(index === null ? null : selected());
  showSelection();
  if (hadFocus) byId("legend").querySelector<HTMLButtonElement>("[aria-pressed=true], button")?.focus();
  say(index === null ? "All images are shown." : `${countText(selected().length, "image")} shown alone.`);
}

/** Draws the map anew, for another arrangement, other colors or another theme. */
async function draw(): Promise<void> {
  coloring = colors();
  alone = null;
  showLegend();
  showSelection();
  const shown = maps[mapField.selectedIndex];
  byId("axes").textContent = `${shown.axes[0]} × ${shown.axes[1]}`;
  await map?.draw(shown, { coloring, theme: themeOf() });
  map?.show(null);
  if (chosen !== null) map?.select([chosen]);
}

function setUp(): void {
  document.title = `${explored.title} – explorer`;
  byId("title").textContent = explored.title;
  byId("count").textContent = countText(keys.length, "image");
  byId("facts").replaceChildren(...explored.facts.flatMap(([name, text]) => [
    element("dt", {}, name),
    element("dd", {}, text),
  ]));
  colorField.replaceChildren(...colorNames(explored).map((name) => element("option", { value: name }, name)));
  mapField.replaceChildren(...maps.map(({ name }) => element("option", {}, name)));
  document.body.classList.toggle("has-thumbnails", explored.thumbnails !== null);
  colorField.addEventListener("change", draw);
  mapField.addEventListener("change", draw);
  dark.addEventListener("change", draw);
  lassoButton.addEventListener("click", () => {
    const on = lassoButton.ariaPressed !== "true";
    lassoButton.ariaPressed = `${on}`;
    if (map) map.lasso = on;
  });
  saveButton.addEventListener("click", () => save(csvOf(explored, selected()), "keys.csv"));
  clearButton.addEventListener("click", () => {
    lassoed = [];
    map?.select(chosen === null ? [] : [chosen]);
    showAlone(null);
  });
  byId("nearer").addEventListener("click", () => map?.zoom(1.4));
  byId("farther").addEventListener("click", () => map?.zoom(1 / 1.4));
  byId("reset").addEventListener("click", () => map?.reset());
  setUpSearch(context);
  fillLists(context);
}

setUp();
await draw();
document.body.dataset.ready = "true";
