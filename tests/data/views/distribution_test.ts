/**
 * The distributions of the drawn parameters, by hypothesis tests: the recipe's distribution must not be rejected, and one
 * slightly off must be. Seeds are fixed. A change of the draws that keeps their distributions fails here with probability
 * 1e-3 for each test; then choose another seed.
 */
import { type Box, drawView, jitterOperations, type ViewParameters } from "../../../data/views/draw.ts";
import { recipes, type ViewRecipe } from "../../../data/views/recipe.ts";
import { keyedRandom, permutation, type Random } from "../../../src/base/random.ts";
import { assert, assertEquals } from "../../assert.ts";
import { correlation, frequencies, LEVEL, rate, sameDistribution, uniform } from "./statistics.ts";

const N = 20_000;
/** Side of a square image so large that rounding to pixels does not matter. */
const SIDE = 1_000_000;

type View = Required<ViewRecipe>;

const draws = (view: ViewRecipe, { v = 0, epoch = 0, seed = 0 } = {}) =>
  Array.from(
    { length: N },
    (_, i) => drawView(view, { width: SIDE, height: SIDE, size: 224 }, keyedRandom(seed, epoch, i, v)),
  );

/**
 * Area, ratio and position of crops, each transformed to be uniform in [0, 1] if the crops are distributed as `range` says.
 *
 * A try has uniform area a and log-ratio in ±L, and fits a square image if |log-ratio| ≤ −ln a. So a has a density
 * proportional to min(L, −ln a), and the log-ratio is uniform within these bounds.
 */
function cropScores(crops: Box[], range: View["crop"]): Record<string, number[]> {
  const half = Math.log(range.ratio[1]), corner = Math.exp(-half);
  assert(Math.abs(half + Math.log(range.ratio[0])) < 1e-9, "the ratios must be symmetric");
  // The integral of min(half, −ln x) from 0 to a.
  const integral = (a: number) =>
    a <= corner ? half * a : half * corner + a - a * Math.log(a) - corner + corner * Math.log(corner);
  const [low, high] = range.area.map(integral);
  const scores: Record<string, number[]> = { area: [], ratio: [], top: [], left: [] };
  for (const { top, left, width, height } of crops) {
    const area = width * height / SIDE ** 2, bound = Math.min(half, -Math.log(area));
    scores.area.push((integral(area) - low) / (high - low));
    // A crop of nearly the whole image has no choice of ratio.
    if (bound > 1e-4) scores.ratio.push((Math.log(width / height) + bound) / (2 * bound));
    scores.top.push((top + .5) / (SIDE - height + 1));
    scores.left.push((left + .5) / (SIDE - width + 1));
  }
  return scores;
}

/** By quantity, the distance of `all` from the distribution of `view`, in units of the critical value. */
function judge(all: ViewParameters[], view: ViewRecipe): Record<string, number> {
  const count = (hit: (p: ViewParameters) => boolean) => all.filter(hit).length;
  const { jitter, blur, solarize, crop } = view;
  const found: Record<string, number> = {
    flip: rate(count((p) => p.flip), N, view.flip ?? 0),
    jitter: rate(count((p) => p.jitter !== null), N, jitter?.p ?? 0),
    grayscale: rate(count((p) => p.grayscale), N, view.grayscale ?? 0),
    blur: rate(count((p) => p.blur !== null), N, blur?.p ?? 0),
    solarize: rate(count((p) => p.solarize !== null), N, solarize?.p ?? 0),
  };
  const within = (values: number[], [low, high]: readonly number[]) =>
    uniform(values.map((x) => (x - low) / (high - low)));
  const jitters = all.flatMap((p) => p.jitter ?? []);
  if (jitter && jitters.length) {
    for (const name of jitterOperations) {
      const s = jitter[name];
      found[name] = within(
        jitters.map((j) => j[name]),
        name === "hue" ? [-s, s] : [Math.max(0, 1 - s), 1 + s],
      );
    }
    const orders = new Map<string, number>();
    for (const { order } of jitters) orders.set(order.join(), (orders.get(order.join()) ?? 0) + 1);
    assert(orders.size <= 24, "an order is not a permutation");
    const counts = [...orders.values(), ...Array(24 - orders.size).fill(0)];
    found.order = frequencies(counts, Array(24).fill(1 / 24));
  }
  const sigmas = all.flatMap((p) => p.blur?.sigma ?? []);
  if (blur && sigmas.length) found.sigma = within(sigmas, blur.sigma);
  if (crop) {
    for (const [name, scores] of Object.entries(cropScores(all.map((p) => p.crop), crop))) {
      found[name] = uniform(scores);
    }
  }
  return found;
}

const rejected = (found: Record<string, number>) => Object.keys(found).filter((name) => !(found[name] <= 1));

for (const { name, views } of Object.values(recipes)) {
  views.forEach((view, v) => {
    Deno.test(`drawView() draws ${name}, view ${v + 1}, with the distributions of the recipe, at p = ${LEVEL}`, () => {
      const found = judge(draws(view, { v }), view);
      assertEquals(rejected(found), [], JSON.stringify(found));
      // All quantities of the recipe were tested.
      const { crop, jitter, blur } = view;
      assertEquals(Object.keys(found).length, 5 + (crop ? 4 : 0) + (jitter ? 5 : 0) + (blur ? 1 : 0));
    });
  });
}

const paper: View = { ...recipes.byol.views[1] as View, blur: { p: .5, sigma: [.1, 2] } };

const right = draws(paper);

/** Views that are slightly off, and the quantities that must be rejected; no other may be. */
const wrongViews: [what: string, view: ViewRecipe, seen: string[]][] = [
  ["no mistake", paper, []],
  ["flip .48 for .5", { ...paper, flip: .48 }, ["flip"]],
  ["jitter .75 for .8", { ...paper, jitter: { ...paper.jitter, p: .75 } }, ["jitter"]],
  ["brightness .37 for .4", { ...paper, jitter: { ...paper.jitter, brightness: .37 } }, ["brightness"]],
  ["contrast .43 for .4", { ...paper, jitter: { ...paper.jitter, contrast: .43 } }, ["contrast"]],
  ["saturation .4 for .2", { ...paper, jitter: { ...paper.jitter, saturation: .4 } }, ["saturation"]],
  ["hue .09 for .1", { ...paper, jitter: { ...paper.jitter, hue: .09 } }, ["hue"]],
  ["gray .22 for .2", { ...paper, grayscale: .22 }, ["grayscale"]],
  ["blur .53 for .5", { ...paper, blur: { p: .53, sigma: [.1, 2] } }, ["blur"]],
  ["sigma from 0 for .1", { ...paper, blur: { p: .5, sigma: [0, 2] } }, ["sigma"]],
  ["solarize .18 for .2", { ...paper, solarize: { p: .18, threshold: .5 } }, ["solarize"]],
  ["area from .1 for .08", { ...paper, crop: { ...paper.crop, area: [.1, 1] } }, ["area"]],
  ["ratio to 1.4 for 1.33", { ...paper, crop: { ...paper.crop, ratio: [1 / 1.4, 1.4] } }, ["area", "ratio"]],
];

for (const [what, view, seen] of wrongViews) {
  Deno.test(`the tests reject a slightly wrong distribution: ${what}`, () => {
    // Another distribution of the crop takes more or fewer tries, which changes its other draws.
    assertEquals(rejected(judge(draws(view), paper)), seen);
  });
}

/** torchvision's RandomResizedCrop.get_params, with optional mistakes. */
function naiveCrop(
  { width, height, area, ratio }: { width: number; height: number; area: number[]; ratio: number[] },
  random: Random,
  { tries = 10, logRatio = true, sideNotArea = false, centered = false, fallBack = true } = {},
): Box {
  const round = (x: number) => Math.abs(x % 1) === .5 ? 2 * Math.round(x / 2) : Math.round(x);
  for (let i = 0; i < tries || !fallBack; i++) {
    const share = sideNotArea
      ? random.between(Math.sqrt(area[0]), Math.sqrt(area[1])) ** 2
      : random.between(area[0], area[1]);
    const r = logRatio
      ? Math.exp(random.between(Math.log(ratio[0]), Math.log(ratio[1])))
      : random.between(ratio[0], ratio[1]);
    const w = round(Math.sqrt(share * width * height * r)), h = round(Math.sqrt(share * width * height / r));
    if (w > width || h > height) continue;
    const top = random.integer(height - h + 1), left = random.integer(width - w + 1);
    const middle = { top: Math.floor((height - h) / 2), left: Math.floor((width - w) / 2) };
    return { ...(centered ? middle : { top, left }), height: h, width: w };
  }
  const w = Math.min(width, round(height * ratio[1])), h = Math.min(height, round(width / ratio[0]));
  return { top: Math.floor((height - h) / 2), left: Math.floor((width - w) / 2), height: h, width: w };
}

/** Draws with the wrong kind of distribution. */
const wrongDraws: [
  what: string,
  change: (p: ViewParameters, i: number) => Partial<ViewParameters>,
  seen: string[],
][] = [
  ["ratio uniform, not log-uniform", (_, i) => ({ crop: square(i, { logRatio: false }) }), ["ratio"]],
  ["side uniform, not area", (_, i) => ({ crop: square(i, { sideNotArea: true }) }), ["area"]],
  ["center, not any position", (_, i) => ({ crop: square(i, { centered: true }) }), ["top", "left"]],
  ["no mistake", (_, i) => ({ crop: square(i, {}) }), []],
  [
    "order by an unfair shuffle",
    ({ jitter }, i) => ({ jitter: jitter && { ...jitter, order: unfairShuffle(keyedRandom(7, i)) } }),
    ["order"],
  ],
  [
    "order by a fair shuffle",
    ({ jitter }, i) => ({ jitter: jitter && { ...jitter, order: [...permutation(4, keyedRandom(7, i))] } }),
    [],
  ],
  [
    "sigma log-uniform, not uniform",
    ({ blur }) => ({ blur: blur && { ...blur, sigma: .1 * 20 ** ((blur.sigma - .1) / 1.9) } }),
    ["sigma"],
  ],
  [
    "factors uniform in their logarithm",
    ({ jitter }) => ({ jitter: jitter && { ...jitter, brightness: 1.4 ** ((jitter.brightness - 1) / .4) } }),
    ["brightness"],
  ],
];

function square(i: number, mistakes: Parameters<typeof naiveCrop>[2]): Box {
  const image = { width: SIDE, height: SIDE, area: [.08, 1], ratio: [3 / 4, 4 / 3] };
  return naiveCrop(image, keyedRandom(8, i), mistakes);
}

/** Each element swapped with any: some orders are more frequent than others. */
function unfairShuffle(random: Random): number[] {
  const order = [0, 1, 2, 3];
  for (let i = 0; i < 4; i++) {
    const j = random.integer(4);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

for (const [what, change, seen] of wrongDraws) {
  Deno.test(`the tests reject the wrong kind of distribution: ${what}`, () => {
    const found = judge(right.map((p, i) => ({ ...p, ...change(p, i) })), paper);
    for (const name of seen) assert(found[name] > 1, `${name} was not rejected: ${JSON.stringify(found)}`);
    if (!seen.length) assertEquals(rejected(found), [], JSON.stringify(found));
  });
}

interface Crops {
  cases: {
    width: number;
    height: number;
    area: [number, number];
    ratio: [number, number];
    boxes: number[];
  }[];
}
const golden: Crops = JSON.parse(
  await Deno.readTextFile(new URL("../../golden/crops.json", import.meta.url)),
);

for (const { boxes, ...image } of golden.cases) {
  const { width, height, area, ratio } = image;
  const theirs: Box[] = [];
  for (let i = 0; i < boxes.length; i += 4) {
    const [top, left, height, width] = boxes.slice(i, i + 4);
    theirs.push({ top, left, height, width });
  }
  const fallBack = naiveCrop(image, keyedRandom(0), { tries: 0 });
  const isFallBack = (box: Box) =>
    Object.entries(fallBack).every(([side, x]) => box[side as keyof Box] === x);
  const share = theirs.filter(isFallBack).length / theirs.length;
  const compare = (ours: Box[]) => {
    const of = (value: (box: Box) => number) => sameDistribution(ours.map(value), theirs.map(value));
    // Both shares have an error: the difference of two binomials.
    const mine = ours.filter(isFallBack).length / ours.length;
    const error = Math.sqrt(Math.max(share * (1 - share), 1e-4) * (1 / ours.length + 1 / theirs.length));
    return {
      width: of((box) => box.width),
      height: of((box) => box.height),
      area: of((box) => box.width * box.height),
      ratio: of((box) => Math.round(1e6 * box.width / box.height)),
      top: of((box) => box.top),
      left: of((box) => box.left),
      // The critical value of a normal distribution at p = 1e-3, two-sided.
      fallBack: Math.abs(mine - share) / error / 3.2905,
    };
  };
  const sample = (mistakes: Parameters<typeof naiveCrop>[2]) =>
    Array.from({ length: N }, (_, i) => naiveCrop(image, keyedRandom(4, i), mistakes));

  Deno.test(`drawView() crops ${width} × ${height} px with torchvision's distribution, at p = ${LEVEL}`, () => {
    const view = { crop: { area, ratio } };
    const ours = Array.from(
      { length: N },
      (_, i) => drawView(view, { width, height, size: 32 }, keyedRandom(3, 0, i, 0)).crop,
    );
    const found = compare(ours);
    assertEquals(rejected(found), [], JSON.stringify(found));
    assertEquals(rejected(compare(sample({}))), [], "the naive crop is rejected");
    const narrow = Math.max(width / height, height / width) > 2;
    assertEquals(share > .1, narrow, `retries must matter: the fallback has a share of ${share}`);
  });

  Deno.test(`the tests reject mistakes in crops of ${width} × ${height} px`, () => {
    // Few ratios fit a tall image, too few for two thousand boxes to tell these distributions apart.
    if (width > height) {
      assert(rejected(compare(sample({ logRatio: false }))).includes("ratio"), "uniform ratio");
    }
    assert(rejected(compare(sample({ sideNotArea: true }))).includes("area"), "uniform side");
    assert(rejected(compare(sample({ centered: true }))).includes("left"), "centered");
    assert(rejected(compare(sample({ tries: 1 }))).includes("area"), "one try");
    if (share < .1) return;
    assert(rejected(compare(sample({ tries: 8 }))).includes("fallBack"), "eight tries");
    assert(rejected(compare(sample({ fallBack: false }))).includes("fallBack"), "no fallback");
  });
}

/** Every quantity as a column of numbers, whether or not its operation applies. */
function columns(keys: { v?: number; epoch?: number; seed?: number }): Record<string, number[]> {
  const all = draws({
    ...paper,
    grayscale: .5,
    jitter: { ...paper.jitter, p: 1 },
    blur: { ...paper.blur, p: 1 },
    solarize: { ...paper.solarize, p: .5 },
  }, keys);
  const of = (value: (p: ViewParameters) => number) => all.map(value);
  const { area, top, left } = cropScores(all.map((p) => p.crop), paper.crop);
  return {
    flip: of((p) => Number(p.flip)),
    first: of((p) => p.jitter!.order[0]),
    last: of((p) => p.jitter!.order[3]),
    ...Object.fromEntries(jitterOperations.map((name) => [name, of((p) => p.jitter![name])])),
    grayscale: of((p) => Number(p.grayscale)),
    sigma: of((p) => p.blur!.sigma),
    solarize: of((p) => Number(p.solarize !== null)),
    area,
    ratio: of((p) => Math.log(p.crop.width / p.crop.height)),
    top,
    left,
  };
}

/**
 * The names of dependent quantities. The critical value is that of a normal distribution, two-sided, at 1e-3 for all pairs
 * together (up to 200 of them: 5e-6 each).
 */
function dependent(a: Record<string, number[]>, b: Record<string, number[]>): string[] {
  const found: string[] = [];
  for (const [x, left] of Object.entries(a)) {
    for (const [y, right] of Object.entries(b)) {
      if (left !== right && Math.abs(correlation(left, right)) > 4.565) found.push(`${x} ${y}`);
    }
  }
  return found;
}

Deno.test("drawView() draws independent quantities within a view and across views, epochs, seeds and images", () => {
  const one = columns({});
  // Two elements of one permutation are dependent.
  assertEquals(dependent(one, one), ["first last", "last first"]);
  for (const keys of [{ v: 1 }, { epoch: 1 }, { seed: 1 }, { v: 1, epoch: 1 }]) {
    assertEquals(dependent(one, columns(keys)), [], JSON.stringify(keys));
  }
  const next = Object.fromEntries(Object.entries(one).map(([name, x]) => [name, [...x.slice(1), x[0]]]));
  assertEquals(dependent(one, next), []);
});

Deno.test("the tests detect dependence if both views share one value in twenty", () => {
  const one = columns({}), other = columns({ v: 1 });
  for (const [name, x] of Object.entries(other)) {
    const common = x.map((value, i) => i % 20 === 0 ? one[name][i] : value);
    assert(dependent({ [name]: one[name] }, { [name]: common }).length === 1, name);
  }
});
