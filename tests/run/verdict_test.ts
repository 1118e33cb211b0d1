/** Verdicts on planted sequences of features, as evaluations would find them. */
import type { Verdict } from "../../src/config/callbacks.ts";
import { sharedNeighbors } from "../../src/eval/neighbors.ts";
import { rankMe, spreadOf } from "../../src/eval/spectrum.ts";
import { LearningWatch } from "../../src/run/learning_watch.ts";
import { judge } from "../../src/run/verdict.ts";
import { assert, assertClose, assertEquals } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";

const N = 120, DIMS = 16, D = 8, K = 10;

/** The neighbors of the rows of `features`, by comparing all. */
function neighborsOf(features: Float32Array): number[][] {
  const rows = Array.from({ length: N }, (_, i) => features.subarray(i * DIMS, (i + 1) * DIMS));
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, d) => sum + x * b[d], 0);
  const lengths = rows.map((row) => Math.sqrt(dot(row, row)) || 1);
  return rows.map((row, i) => {
    const cosines = rows.map((other, j) => dot(row, other) / lengths[i] / lengths[j]);
    return [...rows.keys()].filter((j) => j !== i).sort((a, b) => cosines[b] - cosines[a] || a - b).slice(
      0,
      K,
    );
  });
}

/** A state of a planted encoder: features and projections. */
interface Planted {
  features: Float32Array<ArrayBuffer>;
  projections: Float32Array<ArrayBuffer>;
}

/** Noise of its own for each name. */
const noise = (name: string, n: number) => Float32Array.from(hashSigned(name, n));
const mixed = (a: Float32Array, b: Float32Array, share: number) =>
  Float32Array.from(a, (value, i) => (1 - share) * value + share * b[i]);

const start = noise("start", N * DIMS), end = noise("end", N * DIMS), even = noise("even", N * D);
/** Projections about one point, `width` from it. */
const about = (width: number, name = "even") =>
  noise(name, N * D).map((value, i) => width * value + (i % D === 0 ? 1 : 0));

/** The verdicts on evaluations after steps 10, 20, … */
function verdicts(
  states: Planted[],
): { verdict: Verdict | null; since: number | null; said: string | null }[] {
  const watch = new LearningWatch({ projection: D });
  watch.begin(neighborsOf(start));
  return states.map(({ features, projections }, i) => {
    const figures = { step: 10 * (i + 1), epoch: i + 1, knn: null, probe: null };
    const projected = { features: projections, dims: D };
    const measured = {
      rankme: rankMe({ features, dims: DIMS }),
      rankmeProjections: rankMe(projected),
      zStd: spreadOf(projected),
    };
    const { record, advice } = watch.observe({ ...figures, ...measured }, neighborsOf(features));
    return { verdict: record.verdict, since: record.verdictSince, said: advice };
  });
}

const named = (found: ReturnType<typeof verdicts>) => found.map(({ verdict }) => verdict);

Deno.test("an encoder whose features move on is changing, from the second evaluation on", () => {
  const found = verdicts([0.15, 0.3, 0.45, 0.6, 0.75].map((share) => ({
    features: mixed(start, end, share),
    projections: even,
  })));
  assertEquals(named(found), [null, ...Array(4).fill("changing")]);
  assertEquals(found.map(({ since }) => since), [null, 20, 20, 20, 20]);
  assertEquals(found.map(({ said }) => said !== null), [false, true, false, false, false]);
});

Deno.test("an encoder that comes to rest is flat since the evaluation after which little changed", () => {
  const found = verdicts([0.2, 0.4, 0.5, 0.502, 0.504, 0.505].map((share) => ({
    features: mixed(start, end, share),
    projections: even,
  })));
  assertEquals(named(found), [null, "changing", "changing", "changing", "flat", "flat"]);
  assertEquals(found.map(({ since }) => since), [null, 20, 20, 20, 40, 40]);
  assert(/stop/.test(found[4].said!), found[4].said!);
});

Deno.test("features of pure noise are never flat", () => {
  const found = verdicts(Array.from({ length: 6 }, (_, i) => ({
    features: noise(`noise ${i}`, N * DIMS),
    projections: noise(`projected ${i}`, N * D),
  })));
  assertEquals(named(found), [null, ...Array(5).fill("changing")]);
});

Deno.test("projections that narrow are degrading, then collapsed; noise in their width is neither", () => {
  const moving = (i: number) => mixed(start, end, 0.12 * (i + 1));
  const narrowing = [0.9, 0.6, 0.4, 0.27, 0.18, 0.1, 0.05, 0.03].map((width, i) => ({
    features: moving(i),
    projections: about(width),
  }));
  const found = verdicts(narrowing), words = named(found);
  assertEquals(words.slice(0, 4), [null, "changing", "changing", "degrading"]);
  assertEquals(found[3].since, 10);
  assertEquals(words.at(-1), "collapsed");
  assert(/--predictor/.test(found.find(({ verdict }) => verdict === "collapsed")!.said!));
  const noisy = [0.9, 0.7, 0.95, 0.72, 0.9, 0.75, 0.92].map((width, i) => ({
    features: moving(i),
    projections: about(width, `width ${i}`),
  }));
  assertEquals(named(verdicts(noisy)), [null, ...Array(6).fill("changing")]);
});

Deno.test("projections at one point, on one line or not finite have collapsed", () => {
  const line = Float32Array.from({ length: N * D }, (_, i) => (Math.floor(i / D) % 2 ? 1 : -1) * (1 + i % D));
  for (const projections of [new Float32Array(N * D).fill(0.5), line, about(0.02), even.map(() => NaN)]) {
    const narrow = { features: start, projections }, wide = { features: start, projections: even };
    const found = verdicts([narrow, narrow, wide, narrow]);
    assertEquals(named(found), [null, "collapsed", "flat", "flat"]);
    assertEquals([found[1].since, found[2].since], [10, 20]);
  }
});

Deno.test("judge() needs two evaluations for flat and for collapsed", () => {
  const at = (step: number, neighborStability: number | null, zStd = 0.3) => ({
    ...{ step, neighborStability, zStd, rankmeProjections: 5 },
  });
  assertEquals(judge(at(10, 0.99), [], D), null);
  assertEquals(judge(at(20, 0.99), [at(10, null)], D), null);
  assertEquals(judge(at(20, 0.84), [at(10, 0.99)], D)?.verdict, "changing");
  assertEquals(judge(at(20, 0.99), [at(10, 0.84)], D)?.verdict, "changing");
  assertEquals(judge(at(20, 0.85), [at(10, 0.85)], D), { verdict: "flat", since: 10 });
  // 1/√8 is 0.354: a tenth of it.
  assertEquals(judge(at(10, null, 0.01), [], D), null);
  assertEquals(judge(at(20, null, 0.0353), [at(10, null, 0.0354)], D), null);
  assertEquals(judge(at(20, null, 0.0353), [at(10, null, 0.0353)], D), { verdict: "collapsed", since: 10 });
});

Deno.test("LearningWatch goes on from its state and history as if it had not stopped", () => {
  const states = [0.2, 0.4, 0.5, 0.502, 0.504].map((share) => mixed(start, end, share));
  const measured = (i: number) => ({
    ...{ step: i, epoch: i, knn: null, probe: null, rankme: 5, rankmeProjections: 5, zStd: 0.3 },
  });
  const whole = new LearningWatch({ projection: D });
  whole.begin(neighborsOf(start));
  const records = states.map((features, i) => whole.observe(measured(i), neighborsOf(features)).record);
  for (const stop of [0, 1, 3]) {
    const first = new LearningWatch({ projection: D });
    first.begin(neighborsOf(start));
    for (let i = 0; i < stop; i++) first.observe(measured(i), neighborsOf(states[i]));
    const kept = JSON.parse(JSON.stringify({ state: first.state, history: records.slice(0, stop) }));
    const second = new LearningWatch({ projection: D }, kept);
    assertEquals(second.verdict, first.verdict);
    const rest = states.slice(stop).map((features, i) =>
      second.observe(measured(stop + i), neighborsOf(features)).record
    );
    assertEquals(rest, records.slice(stop));
    assertEquals(second.state, whole.state);
  }
  const fewer = whole.observe(measured(5), neighborsOf(start).slice(1)).record;
  assertEquals([fewer.neighborStability, fewer.verdict], [null, null], "an image less");
});

Deno.test("a run with too few held-out images has no verdict, whatever their rank", () => {
  const watch = new LearningWatch({ projection: D });
  const one = { epoch: 1, knn: null, probe: null, rankme: 1, rankmeProjections: 1, zStd: 0 };
  watch.begin([]);
  for (let step = 1; step < 6; step++) {
    const { record, advice } = watch.observe({ ...one, step }, []);
    assertEquals([record.verdict, record.verdictSince, advice, watch.verdict], [null, null, null, null]);
  }
});

Deno.test("sharedNeighbors() is the share that both have, whatever their order", () => {
  assertEquals(sharedNeighbors([[1, 2, 3], [0, 2, 3]], [[3, 4, 1], [3, 2, 0]]), 5 / 6);
  assertEquals(sharedNeighbors([[], []], [[], []]), 1);
});

Deno.test("spreadOf() is 1/√D for even directions, and 0 for one or none", () => {
  const rows = [[3, 0], [0, -2], [-1, 0], [0, 5]].flat();
  assertClose("even", [spreadOf({ features: Float32Array.from(rows), dims: 2 })], [Math.SQRT1_2], {
    absolute: 1e-7,
  });
  assertClose("one", [spreadOf({ features: Float32Array.of(1, 2, 2, 4, 0.5, 1), dims: 2 })], [0], {
    absolute: 1e-7,
  });
  assertEquals(spreadOf({ features: Float32Array.of(1, NaN), dims: 2 }), 0);
});
