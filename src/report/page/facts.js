// What is known of a run, in words and numbers.
import { bytes, duration, element, figure, percentage } from "./dom.js";

const STATES = {
  training: "training",
  done: "finished",
  stopped: "stopped: it can be resumed",
  collapsed: "stopped by a collapse",
  failed: "failed",
};

/** A run without news for this long may have ended without a word. */
const SILENT_MS = 180_000;

const last = (series) => series?.y.at(-1) ?? null;

/** A list of facts; those without a value are left out. */
function factList(facts) {
  const known = facts.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return element(
    "dl",
    {},
    known.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))),
  );
}

function heading(run) {
  const { state } = run, name = state?.state ?? "training";
  const badge = element("span", { className: `badge ${name}` }, STATES[name] ?? name);
  return element(
    "h1",
    {},
    run.swatch ? element("i", { className: `swatch color-${run.swatch - 1}` }) : null,
    `${run.name} `,
    badge,
  );
}

/** State, progress and rates. */
export function overview(run) {
  const { state, steps, evaluation } = run, wait = last(steps.dataWait), loss = last(steps.loss);
  const step = state?.step ?? steps.loss?.x.at(-1) ?? 0, total = state?.total ?? null;
  const share = total ? step / total : 0, isTraining = state?.state === "training";
  const silent = isTraining ? Date.now() - state.written : 0;
  const share100 = (value) => value === null || value === undefined ? null : percentage(100 * value);
  return [
    heading(run),
    total === null ? null : element("progress", { max: 1, value: share, "aria-label": "Progress" }),
    factList([
      [
        "Progress",
        total === null
          ? null
          : `step ${figure(step)} of ${figure(total)} (${Math.floor(100 * share)}\u00a0%)`,
      ],
      ["Time left", isTraining && state.secondsLeft !== null ? `about ${duration(state.secondsLeft)}` : null],
      ["Loss", loss === null ? null : figure(loss)],
      ["kNN accuracy", share100(run.knn?.trained ?? evaluation?.knn)],
      [
        "Before, raw pixels",
        run.knn ? `${share100(run.knn.untrained)}, ${share100(run.knn.rawPixels)}` : null,
      ],
      ["Effective rank", evaluation ? figure(evaluation.rankme) : null],
      ["Speed", steps.imagesPerSecond ? `${figure(last(steps.imagesPerSecond))} images/s` : null],
      ["Waiting for data", share100(wait)],
      ["GPU memory", state ? bytes(state.gpuBytes) : null],
      ["Adapter", run.adapter],
      ["As of", state?.written ? new Date(state.written).toLocaleString() : null],
    ]),
    ...learning(run),
    state?.message ? element("p", { className: "alarm" }, state.message) : null,
    silent > SILENT_MS
      ? element(
        "p",
        { className: "alarm" },
        `No news for ${duration(silent / 1000)}: the process may have ended. Continue it by --resume.`,
      )
      : null,
    ...collapse(state),
  ].filter((node) => node !== null);
}

/** Whether the run still learns. */
const learning = ({ verdict }) =>
  verdict
    ? [
      element("p", { className: "verdict" }, element("b", {}, `Learning: ${verdict.text}. `), verdict.advice),
    ]
    : [];

function collapse(state) {
  if (!state?.collapse) return [];
  const { step, evidence, remedy } = state.collapse;
  return [element(
    "div",
    { className: "alarm" },
    element("b", {}, `The run has collapsed at step ${figure(step)}.`),
    element("p", {}, `What tells it: ${evidence}.`),
    element("p", {}, remedy),
  )];
}

function table(head, rows) {
  const cells = (tag, row) => element("tr", {}, row.map((cell) => element(tag, {}, cell)));
  return element(
    "div",
    { className: "wide" },
    element(
      "table",
      {},
      element("thead", {}, cells("th", head)),
      element("tbody", {}, rows.map((row) => cells("td", row))),
    ),
  );
}

const shown = (value) => typeof value === "string" ? value : value === null ? "none" : JSON.stringify(value);

/** Options, data, images that are not used, warnings. */
export function details({ options, data, bad, leftOut, state }) {
  const warnings = state?.warnings ?? [];
  const unused = (title, groups) =>
    groups.length === 0 ? [] : [
      element("h3", {}, title),
      table(
        ["Images", "Reason", "Such as"],
        groups.map(({ count, reason, keys }) => [figure(count), reason, keys.join(", ")]),
      ),
    ];
  return [
    ...warnings.length === 0 ? [] : [
      element("h2", {}, "Warnings"),
      element("ul", { className: "warnings" }, warnings.map((line) => element("li", {}, line))),
    ],
    element("h2", {}, "Options"),
    options.length === 0 ? element("p", {}, "All options are at their defaults.") : table(
      ["Option", "Value", "Default"],
      options.map(({ name, value, otherwise }) => [name, shown(value), shown(otherwise)]),
    ),
    ...data ? [element("h2", {}, "Data"), dataFacts(data)] : [],
    ...unused("Images that could not be used", bad),
    ...unused("Left out", leftOut),
  ];
}

function dataFacts({ source, images, unlabeled, classCount, parts }) {
  const part = ({ name, images }) => `${images === null ? "an unknown number" : figure(images)} ${name}`;
  return factList([
    ["Source", source],
    ["Images", images === null ? "unknown until read" : figure(images)],
    ["Without a label", unlabeled ? figure(unlabeled) : null],
    ["Classes", classCount ? figure(classCount) : null],
    ["Used", parts.map(part).join(", ")],
  ]);
}
