import { assert, assertEquals } from "../assert.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";
import { newTape, placed } from "../ops/harness.ts";
import type { Kernel } from "../../src/gpu/kernel.ts";
import type { Tape } from "../../src/graph/tape.ts";
import { type Choice, pinned, type Target, targetOf, type Way } from "../../src/graph/target.ts";
import { type Decision, tune } from "../../src/graph/tuner.ts";

/** y[i] = i, after `n` rounds of work that no compiler can leave out. */
const kernel: Kernel = {
  name: "rounds",
  code: `
    struct Params { n: u32 }
    @group(0) @binding(0) var<storage, read_write> y: array<f32>;
    @group(0) @binding(1) var<uniform> params: Params;
    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
      var x = f32(id.x);
      for (var i = 0u; i < params.n; i++) { x = fract(x * 1.1 + 0.3); }
      y[id.x] = x;
    }`,
  bindings: { y: "read_write" },
  params: { n: "u32" },
};

const way = (
  n: number,
  { hopeless, text = kernel.code }: { hopeless?: boolean; text?: string } = {},
): Way => ({
  record: (tape, { y }) =>
    tape.dispatch({ ...kernel, code: text }, { tensors: { y }, params: { n }, grid: [64, 1, 1], flops: n }),
  hopeless,
});

const choiceOf = (ways: Record<string, Way>, name = "rounds"): Choice => ({
  name,
  tensors: { y: placed("y", [4096]) },
  ways,
});

/** What a trace that makes these choices gets, and what is in the cache then. */
async function decide(
  choices: Choice[],
  { seconds, known = new Map() }: { seconds?: number; known?: Map<string, Decision> } = {},
): Promise<{ picked: (string | undefined)[]; known: Map<string, Decision>; lines: string[] }> {
  const lines: string[] = [];
  const trace = (target: Target) => {
    const tape = newTape(target);
    for (const choice of choices) tape.choose(choice);
    return tape;
  };
  const pick = await tune(await sharedGpu(), trace, {
    cache: known,
    seconds,
    report: (line) => lines.push(line),
  });
  return { picked: choices.map(pick), known, lines };
}

Deno.test("tuner: takes the fastest way, whatever its place, and tells the times", onGpu, async () => {
  const { picked, known, lines } = await decide([
    choiceOf({ slow: way(4000), fast: way(100), middle: way(1000) }),
    choiceOf({ quick: way(50), slow: way(3000) }),
  ]);
  assertEquals(picked, ["fast", "quick"]);
  const [first] = [...known.values()].filter(({ way }) => way === "fast");
  assertEquals([first.choice, Object.keys(first.milliseconds)], ["rounds", ["slow", "fast", "middle"]]);
  assert(first.milliseconds.slow > 3 * first.milliseconds.fast, JSON.stringify(first));
  assertEquals(lines.length, 1);
});

Deno.test(
  "tuner: what is known is not timed again, until a kernel, a size or the ways change",
  onGpu,
  async () => {
    const ways = { slow: way(2000), fast: way(100) };
    const { known } = await decide([choiceOf(ways)], { seconds: 0 });
    const [[key, decision]] = known;
    // No time left: the default, until there is a GPU's time.
    const { software } = await sharedGpu();
    assertEquals(decision, {
      choice: "rounds",
      way: "slow",
      milliseconds: {},
      ...!software && { provisional: true },
    });
    known.set(key, { ...decision, way: "fast" });
    assertEquals(
      await decide([choiceOf(ways, "another name")], { known }).then(({ picked, lines }) => [picked, lines]),
      [
        ["fast"],
        [],
      ],
    );
    for (
      const changed of [
        { slow: way(2001), fast: way(100) } as Record<string, Way>,
        { slow: way(2000, { text: `${kernel.code} ` }), fast: way(100) },
        { slow: way(2000), other: way(100) },
      ]
    ) {
      const { picked, lines } = await decide([choiceOf(changed)], { seconds: 0, known: new Map(known) });
      assertEquals([picked, lines.length], [["slow"], 1]);
    }
  },
);

Deno.test("tuner: a hopeless way is never run, and a single one needs no timing", onGpu, async () => {
  const forbidden: Way = { ...way(1), hopeless: true };
  const { picked, known, lines } = await decide([
    choiceOf({ slow: way(500), fast: way(20), forbidden }),
    choiceOf({ only: way(30), forbidden }),
  ]);
  assertEquals([picked, known.size, lines.length], [["fast", undefined], 1, 1]);
  assert(!("forbidden" in [...known.values()][0].milliseconds));
});

Deno.test("a choice: the default, a pinned family, a name that is not there", () => {
  const ran: string[] = [];
  const noted = (name: string): Way => ({ record: (_: Tape) => void ran.push(name) });
  const choice = choiceOf({
    "tiled-8": noted("tiled-8"),
    "tiled-4": noted("tiled-4"),
    blocked: noted("blocked"),
  });
  for (
    const pick of [
      undefined,
      pinned("tiled"),
      pinned("tiled-4"),
      pinned("block"),
      pinned("none"),
      () => "gone",
    ]
  ) {
    newTape({ pick }).choose(choice);
  }
  assertEquals(ran, ["tiled-8", "tiled-8", "tiled-4", "blocked", "tiled-8", "tiled-8"]);
  assertEquals(targetOf(null).subgroupSize, 0);
});
