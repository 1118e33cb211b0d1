/**
 * The detection of collapse on curves of real runs, z_std as a fraction of 1/√D: shapes, resnet8, views of 16 px in batches
 * of 32 and projections of 32 dimensions; batches of 64 with the default 32 px and 128 dimensions.
 */
import { type Collapse, type CollapseState, HEALTHY, nextCollapseState } from "../../src/run/collapse.ts";
import { assert, assertEquals } from "../assert.ts";

const D = 32;

/** The curve through [step, spread] points, linear in between, for `steps` steps. */
function curve(points: readonly (readonly [step: number, spread: number])[], steps: number): number[] {
  return Array.from({ length: steps }, (_, i) => {
    const step = i + 1, next = points.findIndex(([at]) => at >= step);
    if (next < 0) return points[points.length - 1][1];
    if (next === 0) return points[0][1];
    const [[a, from], [b, to]] = [points[next - 1], points[next]];
    return from + (to - from) * (step - a) / (b - a);
  });
}

/** The state after these spreads. */
function watch(spreads: readonly number[], { from = HEALTHY, first = 0 } = {}): CollapseState {
  return spreads.reduce<CollapseState>(
    (state, spread, i) =>
      nextCollapseState(state, { step: first + i + 1, zStd: spread / Math.sqrt(D), loss: 0.002 }, D),
    from,
  );
}

const seen = (spreads: readonly number[]): Collapse | null => watch(spreads).collapse;

// deno-fmt-ignore
const healthy = {
  byol: [[1, .733], [3, .744], [8, .761], [20, .693], [40, .586], [80, .571], [100, .652], [150, .576]],
  simclr: [[1, .733], [5, .581], [8, .399], [15, .321], [30, .445], [60, .542], [100, .586], [150, .618]],
  "simclr, batch 64": [[1, .794], [3, .559], [5, .389], [8, .248], [15, .313], [40, .414], [80, .531], [120, .541]],
  "tau = 1": [[1, .733], [8, .751], [20, .716], [40, .705], [100, .71]],
  "target none, with predictor": [[1, .733], [8, .751], [30, .623], [60, .545], [120, .602], [150, .543]],
} as const;

// deno-fmt-ignore
const collapsing = {
  "no predictor, ema": [[1, .733], [3, .671], [5, .454], [8, .221], [15, .1], [20, .066], [40, .028], [80, .019], [150, .019]],
  "no predictor, none": [[1, .734], [5, .439], [8, .193], [15, .111], [20, .079], [40, .019], [120, .012], [150, .015]],
  "no predictor, batch 64": [[1, .794], [3, .503], [5, .217], [8, .112], [10, .09], [20, .058], [60, .034], [120, .031]],
  "no predictor, shared": [[1, .733], [5, .313], [8, .141], [15, .082], [20, .053], [40, .013], [150, .009]],
} as const;

for (const [name, points] of Object.entries(healthy)) {
  Deno.test(`nextCollapseState() finds ${name} healthy`, () => assertEquals(seen(curve(points, 3000)), null));
}

for (const [name, points] of Object.entries(collapsing)) {
  Deno.test(`nextCollapseState() detects the collapse of ${name} within 100 steps`, () => {
    const spreads = curve(points, 400), onset = spreads.findIndex((spread) => spread < 0.1) + 1;
    const { step, evidence } = seen(spreads)!;
    assert(step >= onset + 40 && step <= onset + 100, `seen at ${step}, begun at ${onset}`);
    assert(/^z_std is 0\.00\d+, [\d.]+ % of the 0\.18 of an even spread/.test(evidence), evidence);
    assert(evidence.includes("below 10 % of it for 50 steps, at a loss of 0.0020"), evidence);
  });
}

Deno.test("nextCollapseState() detects a late collapse within 500 steps and keeps it", () => {
  const spreads = curve([...healthy.byol, [2000, 0.6], [2300, 0.05], [2400, 0.03], [3000, 0.03]], 3000);
  const onset = spreads.findIndex((spread) => spread < 0.1) + 1, collapse = seen(spreads)!;
  assert(collapse.step - onset < 500, `${collapse.step} after ${onset}`);
  assertEquals(watch([...spreads, ...Array(300).fill(0.7)]).collapse, collapse);
});

Deno.test("nextCollapseState() takes neither a short dip nor a recovering one for a collapse", () => {
  const dip = (
    steps: number,
  ) => [...Array(100).fill(0.6), ...Array(steps).fill(0.05), ...Array(100).fill(0.6)];
  assertEquals(seen(dip(49)), null);
  assertEquals(seen(dip(50))?.step, 150);
  // Below for some eighty steps, and rising all the time.
  const rising = curve([[1, 0.7], [10, 0.01], [90, 0.095], [120, 0.3], [200, 0.7]], 400);
  assert(rising.filter((spread) => spread < 0.1).length > 75, "it is not below for long");
  assertEquals(seen(rising), null);
  // Two short dips do not add up.
  assertEquals(seen([...dip(30), ...dip(30)]), null);
});

Deno.test("nextCollapseState() compares with 1/√D and ignores NaN", () => {
  const zStd = 0.05 / Math.sqrt(32);
  const after = (zStd: number, D: number) => {
    let state = HEALTHY;
    for (let step = 1; step <= 60; step++) state = nextCollapseState(state, { step, zStd, loss: 1 }, D);
    return state.collapse?.step ?? null;
  };
  assertEquals([after(zStd, 32), after(zStd, 256), after(0, 32), after(NaN, 32)], [50, null, 50, null]);
});

Deno.test("nextCollapseState() finds the same from a state kept as JSON", () => {
  const spreads = curve(collapsing["no predictor, ema"], 150);
  for (const at of [1, 30, 63, 100]) {
    const kept: CollapseState = JSON.parse(JSON.stringify(watch(spreads.slice(0, at))));
    assertEquals(watch(spreads.slice(at), { from: kept, first: at }), watch(spreads));
  }
});

Deno.test("nextCollapseState() detects a collapse that recovers only a little", () => {
  const rebound = seen([...Array(19).fill(0.7), ...Array(20).fill(0.01), ...Array(500).fill(0.03)]);
  assert(rebound !== null && rebound.step <= 39 + 100, `seen at ${rebound?.step}`);
  const afterZero = seen([...Array(29).fill(0.7), 0, ...Array(500).fill(1e-4)]);
  assert(afterZero !== null && afterZero.step <= 30 + 100, `seen at ${afterZero?.step}`);
});
