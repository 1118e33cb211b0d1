// What the encoder makes of held-out images: nearest neighbors and a map; and views of training images.
import { color, colorOf, COLORS, element, figure, percentage } from "./dom.js";

/** A picture of image `i` on the sheet of `run`. */
function thumbnail(run, i, { className = "", note = "" } = {}) {
  const { images } = run, rows = Math.ceil(images.keys.length / images.columns);
  const column = i % images.columns, row = Math.floor(i / images.columns);
  const part = (at, of) => of > 1 ? `${100 * at / (of - 1)}%` : "0";
  const node = element("span", {
    className: `thumbnail ${run.sheetClass} ${className}`,
    role: "img",
    title: nameOf(run, i) + note,
    "aria-label": nameOf(run, i) + note,
  });
  node.style.backgroundSize = `${100 * images.columns}% ${100 * rows}%`;
  node.style.backgroundPosition = `${part(column, images.columns)} ${part(row, rows)}`;
  if (images.side < 48) node.classList.add("small");
  return node;
}

const labelOf = ({ images }, i) => images.labels[i] < 0 ? null : images.classes[images.labels[i]];
const nameOf = (run, i) => `${run.images.keys[i]}${labelOf(run, i) === null ? "" : ` (${labelOf(run, i)})`}`;

/** Some held-out images, each with its nearest by today's encoder and by the one before training. */
export function neighborStrips(run) {
  const { images, initial, latest } = run, today = latest ?? initial;
  if (!images || !today || !run.pictures.sheet || images.keys.length < 2) return [];
  const isLabeled = images.labels.some((label) => label >= 0);
  const before = new Map((initial?.neighbors ?? []).map((one) => [one.image, one]));
  const strip = (image, { nearest, cosines }, label) =>
    element(
      "div",
      { className: "strip" },
      element("span", { className: "when" }, label),
      nearest.map((other, k) => {
        const className = isLabeled && images.labels[other] === images.labels[image] ? "same" : "";
        return thumbnail(run, other, { className, note: `, cosine ${figure(cosines[k])}` });
      }),
    );
  const items = today.neighbors.map((now) => {
    const was = before.get(now.image), label = latest ? `step ${figure(latest.step)}` : "untrained";
    return element(
      "li",
      {},
      element(
        "figure",
        {},
        thumbnail(run, now.image),
        element("figcaption", {}, labelOf(run, now.image) ?? ""),
      ),
      element(
        "div",
        {},
        strip(now.image, now, label),
        latest && was ? strip(now.image, was, "before") : null,
      ),
    );
  });
  const meaning = latest && initial
    ? "Each image with the eight nearest of the held-out images: by the encoder as it is, and below as it was before training."
    : "Each image with the eight nearest of the held-out images.";
  const outline = isLabeled ? " Those of its class are outlined." : "";
  return [
    element("h2", {}, "Nearest neighbors"),
    element("p", {}, meaning + outline),
    element("ul", { className: "strips" }, items),
  ];
}

/** Shapes of points, for more classes than colors. */
const SHAPES = 4;

function drawPoint(context, { x, y, r, shape }) {
  context.beginPath();
  if (shape === 1) context.rect(x - r, y - r, 2 * r, 2 * r);
  else if (shape > 1) {
    const up = shape === 2 ? -1.3 : 1.3;
    context.moveTo(x, y + up * r);
    context.lineTo(x + 1.2 * r, y - up * r * 0.7);
    context.lineTo(x - 1.2 * r, y - up * r * 0.7);
    context.closePath();
  } else context.arc(x, y, r, 0, 2 * Math.PI);
  context.fill();
}

/** The map of the last evaluation: a canvas whose points show their images. */
export function embeddingMap(run) {
  const { images, initial, latest } = run, encoder = latest ?? initial;
  if (!images || !encoder || !run.pictures.sheet) return [];
  const { x, y, shares } = encoder.map, n = x.length;
  if (n < 3) return [];
  const canvas = element("canvas", { tabIndex: 0, role: "img" });
  canvas.setAttribute("aria-label", `Map of ${n} held-out images. The arrow keys go from image to image.`);
  const tip = element("div", { className: "tip", hidden: true });
  const bounds = (values) => ({
    low: Math.min(...values),
    span: Math.max(...values) - Math.min(...values) || 1,
  });
  const across = bounds(x), down = bounds(y);
  let chosen = null, places = [];
  const draw = () => {
    const side = canvas.clientWidth, context = canvas.getContext("2d"), edge = 16;
    if (!side) return;
    canvas.width = canvas.height = Math.round(side * devicePixelRatio);
    context.scale(devicePixelRatio, devicePixelRatio);
    const at = (value, { low, span }) => edge + (value - low) / span * (side - 2 * edge);
    places = x.map((_, i) => [at(x[i], across), side - at(y[i], down)]);
    context.globalAlpha = 0.85;
    places.forEach(([left, top], i) => {
      const label = images.labels[i];
      context.fillStyle = label < 0 ? color("--series-0") : colorOf(label);
      drawPoint(context, {
        x: left,
        y: top,
        r: 4,
        shape: label < 0 ? 0 : Math.floor(label / COLORS) % SHAPES,
      });
    });
    if (chosen === null) return;
    context.globalAlpha = 1;
    context.strokeStyle = color("--text");
    context.lineWidth = 2;
    context.beginPath();
    context.arc(...places[chosen], 7, 0, 2 * Math.PI);
    context.stroke();
  };
  const choose = (i) => {
    chosen = i;
    tip.hidden = i === null;
    if (i !== null) {
      tip.replaceChildren(thumbnail(run, i), element("span", {}, nameOf(run, i)));
      const [left, top] = places[i], side = canvas.clientWidth;
      tip.style.left = `${Math.max(0, Math.min(left + 12, side - tip.offsetWidth))}px`;
      tip.style.top = top > side / 2 ? `${top - tip.offsetHeight - 12}px` : `${top + 12}px`;
    }
    draw();
  };
  canvas.addEventListener("pointermove", ({ offsetX, offsetY }) => {
    let nearest = null, least = 20 ** 2;
    places.forEach(([left, top], i) => {
      const far = (left - offsetX) ** 2 + (top - offsetY) ** 2;
      if (far < least) [nearest, least] = [i, far];
    });
    choose(nearest);
  });
  canvas.addEventListener("pointerleave", () => choose(null));
  canvas.addEventListener("blur", () => choose(null));
  canvas.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    choose(((chosen ?? (by > 0 ? -1 : n)) + by + n) % n);
  });
  new ResizeObserver(draw).observe(canvas);
  redraws.add(draw);
  const share = (k) => percentage(100 * shares[k]);
  const text =
    `${n} held-out images, ${
      encoder.step === 0 ? "before training" : `at step ${figure(encoder.step)}`
    }, on the first two principal components of their ` +
    `features, with ${share(0)} and ${share(1)} of the variance. Point at one to see its image.`;
  const classes = images.classes.map((name, label) => ({ name, label })).filter(({ label }) =>
    images.labels.includes(label)
  );
  const legend = classes.length < 2 || classes.length > COLORS * SHAPES ? null : element(
    "ul",
    { className: "legend" },
    classes.map(({ name, label }) =>
      element(
        "li",
        {},
        element("i", {
          className: `mark color-${label % COLORS} shape-${Math.floor(label / COLORS) % SHAPES}`,
        }),
        name,
      )
    ),
  );
  return [
    element("h2", {}, "Map of the embeddings"),
    element("p", {}, text),
    element("div", { className: "map" }, element("div", { className: "plane" }, canvas, tip), legend),
  ];
}

/** What to draw anew when colors change. */
export const redraws = new Set();

/** A strip of training views. */
export function viewStrip(run) {
  const { views } = run.pictures;
  if (!views) return [];
  const picture = element("img", {
    className: "views",
    src: views,
    alt: "Training images, and below each its two views",
  });
  // Small views at twice their size.
  picture.onload = () => {
    if (picture.naturalWidth >= 500) return;
    picture.classList.add("small");
    picture.width = 2 * picture.naturalWidth;
  };
  return [
    element("h2", {}, "Training views"),
    element("p", {}, "Some training images (top row) and the two views that the first epoch makes of each."),
    picture,
  ];
}
