// Plots over steps: one for each figure, with the curves of all runs.
/* global uPlot */
import { color, colorOf, COLORS, element, figure, percentage, words } from "./dom.js";
import { remember } from "./memory.js";

const inPercent = { scale: 100, unit: "%", text: percentage };

/** The fields of metrics.jsonl and evaluations.jsonl in each plot, and horizontal lines to compare with. */
const PLOTS = [
  { title: "Loss", series: [["steps", "loss", "loss"]] },
  {
    title: "Accuracy on held-out images",
    ...inPercent,
    series: [["evaluations", "knn", "kNN"], ["evaluations", "probe", "linear probe"]],
    lines: ({ knn }) => knn ? [[knn.untrained, "untrained"], [knn.rawPixels, "raw pixels"]] : [],
  },
  {
    title: "Effective rank (RankMe)",
    unit: "dimensions",
    series: [["evaluations", "rankme", "features"], ["evaluations", "rankmeProjections", "projections"]],
  },
  {
    title: "Spread of the projections (z_std)",
    series: [["steps", "zStd", "z_std"], ["evaluations", "zStd", "held-out images"]],
    lines: ({ projection }) => [
      [1 / Math.sqrt(projection), `1/√${projection}: even`],
      [0.1 / Math.sqrt(projection), "collapse"],
    ],
  },
  {
    title: "Neighbors that stay between evaluations",
    ...inPercent,
    series: [["evaluations", "neighborStability", "of the nearest"]],
  },
  { title: "Gradient norm", series: [["steps", "gradNorm", "gradient norm"]] },
  { title: "Cosine of online and target weights", series: [["steps", "targetCosine", "cosine"]] },
  { title: "Learning rate", series: [["steps", "lr", "lr"]] },
  { title: "Decay rate of the target (τ)", series: [["steps", "tau", "τ"]] },
  { title: "Loss scale", series: [["steps", "lossScale", "loss scale"]] },
  { title: "Skipped steps", unit: "steps", series: [["steps", "skippedSteps", "since the last record"]] },
  { title: "Images a second", unit: "images/s", series: [["steps", "imagesPerSecond", "images/s"]] },
  { title: "Waiting for data", ...inPercent, series: [["steps", "dataWait", "data wait"]] },
];

/** Fields that no plot above has get one of their own; these have none. */
const UNPLOTTED = ["epoch", "verdictSince"];

/** The plots that `runs` have values for. */
function plotsOf(runs) {
  const known = new Set([...PLOTS.flatMap(({ series }) => series.map(([, field]) => field)), ...UNPLOTTED]);
  const fields = new Set(runs.flatMap(({ evaluations }) => Object.keys(evaluations)));
  const others = [...fields].filter((field) => !known.has(field)).map((field) => (
    {
      title: words(field)[0].toUpperCase() + words(field).slice(1),
      series: [["evaluations", field, words(field)]],
    }
  ));
  const has = ({ series }) =>
    series.some(([kind, field]) => runs.some((run) => run[kind][field]?.x.length > 0));
  return [...PLOTS, ...others].filter(has);
}

/** The curves of a plot: of one run a color for each series, of several a color for each run. */
function curvesOf({ series, scale = 1 }, runs) {
  return runs.flatMap((run, r) =>
    series.flatMap(([kind, field, label], s) => {
      const values = run[kind][field];
      if (!values?.x.length) return [];
      return [{
        x: values.x,
        y: values.y.map((y) => y === null ? null : y * scale),
        label: runs.length > 1 ? `${run.name}: ${label}` : label,
        color: runs.length > 1 ? r : s,
        dash: runs.length > 1 && s > 0 ? [6, 4] : undefined,
        isSparse: kind === "evaluations",
      }];
    })
  );
}

/** The steps that all plots show; null for all steps. */
let zoom = null;
/** All steps of the runs. */
let everything = { min: 0, max: 1 };
/** The plots on the page, by their titles. */
export const charts = new Map();

export function setZoom(to) {
  zoom = to;
  for (const chart of charts.values()) chart.applyZoom();
  document.querySelector("#zoom").hidden = zoom === null;
  if (zoom) {
    const [from, end] = [zoom.min, zoom.max].map((step) => Math.round(step).toLocaleString("en-US"));
    document.querySelector("#zoom span").textContent = `Steps ${from} to ${end}`;
  }
  remember("zoom", zoom);
}

/** Width of the axis's numbers. */
function axisSize(u, values) {
  u.ctx.font = u.axes[1].font[0];
  const widths = (values ?? []).map((text) => u.ctx.measureText(text ?? "").width / devicePixelRatio);
  return Math.ceil(14 + Math.max(20, ...widths));
}

const FONT = "12px system-ui, sans-serif";

/** Options of uPlot for the plot `definition` with these curves. */
function chartOptions({ unit }, { curves, width, lines, hover }) {
  const axis = {
    font: FONT,
    labelFont: FONT,
    stroke: () => color("--muted"),
    grid: { stroke: () => color("--grid"), width: 1 },
    ticks: { stroke: () => color("--grid"), width: 1, size: 4 },
  };
  const compact = (_, splits) => splits.map((v) => v === null ? null : figure(v));
  return {
    width,
    height: 220,
    legend: { show: false },
    scales: {
      x: { time: false },
      y: { range: (_, low, high) => padded([low, high, ...lines().map(([y]) => y)]) },
    },
    axes: [
      { ...axis, label: "step", labelSize: 18, size: 28, space: 60, values: compact },
      { ...axis, label: unit, labelSize: unit ? 18 : 0, size: axisSize, values: compact },
    ],
    series: [
      { label: "step" },
      ...curves.map((curve) => ({
        label: curve.label,
        stroke: () => colorOf(curve.color),
        width: 1.5,
        dash: curve.dash,
        spanGaps: true,
        points: { show: curve.isSparse || curve.x.length === 1, size: 5, fill: () => colorOf(curve.color) },
      })),
    ],
    cursor: {
      sync: {
        key: "steps",
        setSeries: false,
        scales: ["x", null],
        filters: { pub: (type) => type === "mousemove" },
      },
      drag: { x: true, y: false, setScale: false },
      dataIdx: (u, s, i) => nearestValue(u.data[s], i),
      bind: { dblclick: () => () => setZoom(null) },
    },
    hooks: {
      draw: [(u) => drawLines(u, lines())],
      setCursor: [hover],
      setSelect: [(u) => {
        const { left, width } = u.select;
        if (width < 5) return;
        u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
        setZoom({ min: u.posToVal(left, "x"), max: u.posToVal(left + width, "x") });
      }],
    },
  };
}

/** The range of a y axis: the values with some room. */
function padded(values) {
  const known = values.filter((value) => Number.isFinite(value));
  if (known.length === 0) return [0, 1];
  const low = Math.min(...known), high = Math.max(...known);
  const room = (high - low) * 0.06 || Math.abs(high) * 0.05 || 0.5;
  return [low >= 0 ? Math.max(0, low - room) : low - room, high + room];
}

/** The index of the value nearest to index `i`: curves have values at steps of their own. */
function nearestValue(values, i) {
  for (let far = 0; far < values.length; far++) {
    if (values[i - far] !== null && values[i - far] !== undefined) return i - far;
    if (values[i + far] !== null && values[i + far] !== undefined) return i + far;
  }
  return i;
}

function drawLines(u, lines) {
  const { ctx, bbox: { left, width } } = u;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = color("--muted");
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.lineWidth = devicePixelRatio;
  ctx.textAlign = "right";
  ctx.textBaseline = "bottom";
  for (const [value, label] of lines) {
    const y = Math.round(u.valToPos(value, "y", true));
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(left + width, y);
    ctx.stroke();
    ctx.fillText(label, left + width - 4 * devicePixelRatio, y - 2 * devicePixelRatio);
  }
  ctx.restore();
}

/** A plot on the page. */
function createChart(definition) {
  const box = element("div", { className: "plot" }), readout = element("p", { className: "readout" });
  const node = element("section", { className: "card" }, element("h3", {}, definition.title), box, readout);
  let curves = [], lines = [], u = null;
  const values = new Map(), text = (value) => value === null ? "–" : (definition.text ?? figure)(value);
  const hover = () => {
    const at = u?.cursor.idxs, isOver = at && u.cursor.left >= 0;
    curves.forEach((curve, c) => {
      const data = u.data[c + 1], i = isOver ? at[c + 1] : nearestValue(data, data.length - 1);
      const where = isOver && i !== null ? ` at step ${figure(u.data[0][i])}` : "";
      values.get(curve.label).textContent = `${text(i === null ? null : data[i])}${where}`;
    });
  };
  const data = () => uPlot.join(curves.map(({ x, y }) => [x, y]));
  const make = () => {
    u?.destroy();
    values.clear();
    readout.replaceChildren(...curves.map((curve) => {
      const value = element("b"),
        swatch = element("i", { className: `swatch color-${curve.color % COLORS}` });
      if (curve.dash) swatch.classList.add("dashed");
      values.set(curve.label, value);
      return element("span", {}, swatch, `${curve.label} `, value);
    }));
    const options = chartOptions(definition, {
      curves,
      width: box.clientWidth || 300,
      lines: () => lines,
      hover,
    });
    u = new uPlot(options, data(), box);
    u.root.setAttribute("role", "img");
    u.root.setAttribute("aria-label", definition.title);
  };
  const chart = {
    node,
    get u() {
      return u;
    },
    update(runs) {
      const shape = JSON.stringify(curves.map(({ label }) => label));
      curves = curvesOf(definition, runs);
      const scale = definition.scale ?? 1, all = runs.length > 1 ? [] : runs;
      lines = all.flatMap((run) => (definition.lines?.(run) ?? []).map(([y, label]) => [y * scale, label]));
      if (!u || JSON.stringify(curves.map(({ label }) => label)) !== shape) make();
      else u.setData(data(), false);
      chart.applyZoom();
    },
    applyZoom() {
      if (!u) return;
      const { min, max } = zoom ?? everything;
      u.setScale("x", { min, max });
      hover();
    },
    resize() {
      if (u && box.clientWidth && box.clientWidth !== u.width) {
        u.setSize({ width: box.clientWidth, height: u.height });
      }
    },
    redraw: () => u?.redraw(false, true),
  };
  new ResizeObserver(chart.resize).observe(box);
  return chart;
}

/** Shows the plots of `runs` in `node`: those that are there are renewed, and keep the zoom. */
export function showPlots(node, runs) {
  const steps = runs.flatMap((run) => [run.steps, run.evaluations].flatMap((kind) => Object.values(kind)))
    .flatMap(({ x }) => [x[0], x.at(-1)]).filter((step) => step !== undefined);
  everything = { min: Math.min(...steps, Infinity), max: Math.max(...steps, -Infinity) };
  if (!(everything.min < everything.max)) everything = { min: (steps[0] ?? 1) - 1, max: (steps[0] ?? 0) + 1 };
  for (const definition of plotsOf(runs)) {
    if (!charts.has(definition.title)) {
      const chart = createChart(definition);
      charts.set(definition.title, chart);
      node.append(chart.node);
    }
    charts.get(definition.title).update(runs);
  }
  node.querySelector(".empty")?.remove();
  if (charts.size === 0) node.append(element("p", { className: "empty" }, "No step has been logged yet."));
}
