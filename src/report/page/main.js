// The page: shows its data, and renews itself while a run goes on.
import { COLORS, element, renew } from "./dom.js";
import { details, overview } from "./facts.js";
import { recall } from "./memory.js";
import { embeddingMap, neighborStrips, redraws, viewStrip } from "./pictures.js";
import { charts, setZoom, showPlots } from "./plots.js";

/** Milliseconds between two looks at the file of a run that goes on, and until a look is given up. */
const LOOK_EVERY = 10_000, LOOK_FOR = 30_000;

let runs = [];
/** The versions of the pictures in the style sheet. */
let shownPictures = null;

/** Shows `fresh`, the data of the runs. Pictures that are left out are those that the page has. */
function show(fresh) {
  const known = new Map(runs.map((run) => [run.folder, run]));
  runs = fresh.map((run, r) => ({
    ...run,
    pictures: run.pictures.sheet || run.pictures.views
      ? run.pictures
      : known.get(run.folder)?.pictures ?? run.pictures,
    sheetClass: `sheet-${r}`,
    swatch: fresh.length > 1 ? r % COLORS + 1 : 0,
  }));
  const training = runs.filter(({ state }) => state?.state === "training").length;
  document.title = `${runs.map(({ name }) => name).join(", ")}${training > 0 ? " – training" : ""}`;
  const versions = runs.map(({ pictures }) => pictures.version).join(",");
  if (shownPictures !== versions) {
    shownPictures = versions;
    const style = new CSSStyleSheet();
    const rules = runs.map(({ pictures: { sheet } }, r) =>
      sheet ? `.sheet-${r} { background-image: url("${sheet}") }` : ""
    );
    style.replaceSync(rules.join("\n"));
    document.adoptedStyleSheets = [style];
  }
  runs.forEach(showRun);
  showPlots(document.querySelector("#plots"), runs);
}

/** The parts of the page that belong to one run; each is made anew only if what it shows has changed. */
function showRun(run, r) {
  const part = (name, parent) => {
    const id = `${name}-${r}`, found = document.getElementById(id);
    if (found) return found;
    const node = element("section", { id, className: name });
    document.querySelector(parent).append(node);
    return node;
  };
  const { state, steps, evaluation, verdict, knn, images, initial, latest, pictures: { version } } = run;
  const minute = Math.floor(Date.now() / 60_000);
  renew(
    part("overview", "#runs"),
    [state, steps.loss, evaluation, verdict, knn, minute],
    () => overview(run),
  );
  const more = part("more", "#more"), inside = `#${more.id}`;
  if (runs.length > 1) {
    renew(part("title", inside), run.name, () => element("h2", { className: "run" }, run.name));
  }
  renew(part("neighbors", inside), [images, initial, latest, version], () => neighborStrips(run));
  renew(part("embeddings", inside), [images, initial, latest, version], () => embeddingMap(run));
  renew(part("viewstrip", inside), version, () => viewStrip(run));
  renew(
    part("details", inside),
    [run.options, run.data, run.bad, run.leftOut, state?.warnings],
    () => details(run),
  );
}

/** Reads the file of this page again, in a frame: a page from a disk may read nothing else. */
function lookAgain() {
  const frame = element("iframe", {
    hidden: true,
    src: `${location.href.split(/[?#]/)[0]}?data`,
    title: "renewal",
  });
  const end = () => {
    removeEventListener("message", receive);
    clearTimeout(timer);
    frame.remove();
    scheduleLook();
  };
  const receive = ({ source, data }) => {
    if (source !== frame.contentWindow || !Array.isArray(data?.runs)) return;
    show(data.runs);
    end();
  };
  const timer = setTimeout(end, LOOK_FOR);
  addEventListener("message", receive);
  document.body.append(frame);
}

function scheduleLook() {
  if (runs.some(({ state }) => state?.state === "training")) setTimeout(lookAgain, LOOK_EVERY);
}

/** Takes the news of the server that sent this page. */
function listen() {
  const known = runs.map(({ pictures: { version } }) => version).join(",");
  const events = new EventSource(`events?pictures=${encodeURIComponent(known)}`);
  const lost = document.querySelector("#lost");
  events.onopen = () => lost.hidden = true;
  events.onmessage = ({ data }) => show(JSON.parse(data));
  events.onerror = () => lost.hidden = false;
}

const given = JSON.parse(document.querySelector("#data").textContent);
if (parent !== window) parent.postMessage({ runs: given }, "*");
else {
  show(given);
  setZoom(recall("zoom"));
  document.querySelector("#zoom button").addEventListener("click", () => setZoom(null));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const chart of charts.values()) chart.redraw();
    for (const draw of redraws) draw();
  });
  if (document.documentElement.dataset.live) listen();
  else scheduleLook();
}
