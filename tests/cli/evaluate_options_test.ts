import { parseEvaluateOptions } from "../../src/cli/evaluate_options.ts";
import type { EvaluateFlags } from "../../src/config/evaluate_flags.ts";
import { UserError } from "../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

const parse = (line: string) => parseEvaluateOptions(line.split(" ").filter(Boolean)) as EvaluateFlags;

Deno.test("parseEvaluateOptions() reads values, lists and switches", () => {
  const { run, k, test, mean, finetune, map, baselines, minSide } = parse(
    "--run out --k 5 --k 20 --test a.tar --test b.tar --mean 0.5,0.4,0.3 --finetune --map --no-baselines --min-side 9",
  );
  assertEquals([run, k, test, mean], ["out", [5, 20], ["a.tar", "b.tar"], [0.5, 0.4, 0.3]]);
  assertEquals([finetune, map, baselines, minSide], [true, true, false, 9]);
  assertEquals(parse("--run out --precision mixed").precision, "mixed");
  const { data, split, label } = parse("--data a --data b --split dev --label kind");
  assertEquals([data, split, label], [["a", "b"], "validation", "kind"]);
  assert(parse("--run out").baselines !== false, "baselines are on by default");
});

Deno.test("parseEvaluateOptions() refuses wrong values and unknown options", async () => {
  await assertThrows(
    () => parse("--labels 2"),
    UserError,
    /"--labels 2": the value must be a number above 0 and at most 1/,
  );
  await assertThrows(() => parse("--precision half"), UserError, /"--precision half"/);
  await assertThrows(() => parse("--finetun"), UserError, /--finetune/);
});

Deno.test("parseEvaluateOptions() explains every option with --help", () => {
  const help = parseEvaluateOptions(["--help"]);
  assert("help" in help);
  for (
    const flag of [
      "run <DIR>",
      "no-baselines",
      "finetune-lr <X>",
      "probe-views <NAME>",
      "map",
      "kernels <NAME>",
      "precision <f32|mixed>",
    ]
  ) {
    assert(help.help.includes(`--${flag}`), `--${flag} is missing`);
  }
});
