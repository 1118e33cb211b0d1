import { parseExperimentOptions } from "../../src/cli/experiments_options.ts";
import type { ExperimentArguments } from "../../src/experiments/arguments.ts";
import { UserError } from "../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

const choices = {
  experiments: [{ name: "tau", title: "How fast" }, { name: "batch", title: "Smaller" }],
  scales: [{ name: "quick", about: "soon" }, { name: "full", about: "late" }],
};
const parse = (...args: string[]) => parseExperimentOptions(args, choices) as ExperimentArguments;

Deno.test("parseExperimentOptions() reads names and options", () => {
  assertEquals(parse(), { names: ["tau", "batch"], scale: "full", reportOnly: false });
  assertEquals(parse("batch", "--quick", "--data", "a", "--data", "b", "--seeds", "2"), {
    data: ["a", "b"],
    seeds: 2,
    names: ["batch"],
    scale: "quick",
    reportOnly: false,
  });
  assertEquals(parse("--scale", "quick", "--report-only", "--limit", "9").reportOnly, true);
});

Deno.test("parseExperimentOptions() refuses unknown names and scales", async () => {
  await assertThrows(() => parse("taus"), UserError, /experiment "taus": .* one of tau, batch/);
  await assertThrows(() => parse("--quick", "--scale", "full"), UserError, /--quick with --scale full/);
  await assertThrows(() => parse("--scale", "huge"), UserError, /one of quick, full/);
});

Deno.test("parseExperimentOptions() names every experiment and scale in its help", () => {
  const { help } = parseExperimentOptions(["--help"], choices) as { help: string };
  for (const part of ["tau", "How fast", "batch", "quick: soon", "--report-only", "--holdout"]) {
    assert(help.includes(part), `${part} is missing:\n${help}`);
  }
});
