/**
 * The stages that run the project's tests: whether the kernels compute right on this adapter.
 *
 * @module
 */
import { join } from "node:path";
import type { Ended } from "../child.ts";
import { projectFile, type Stage } from "../session.ts";

/** The tests that depend on the adapter. */
const FOLDERS = ["gpu", "graph", "ops", "nn", "byol", "optim", "views"];
/** It compares times, which other tests would disturb. */
const ALONE = projectFile("tests/graph/tuner_test.ts");
/** Lines of the log that are shown. */
const SHOWN = 25;

/** Runs the tests of kernels, and of all that is made of them. */
export async function testsStage(stage: Stage): Promise<void> {
  const folders = stage.session.small ? ["gpu"] : FOLDERS;
  const runs = [
    await denoTest(stage, [
      "--parallel",
      `--ignore=${ALONE}`,
      ...folders.map((name) => projectFile(`tests/${name}`)),
    ], {
      reserve: 12,
    }),
  ];
  if (!stage.session.small) runs.push(await denoTest(stage, [ALONE]));
  report(stage, runs);
}

/** Runs the whole suite but for the tests of this program itself. */
export async function suiteStage(stage: Stage): Promise<void> {
  const tests = [`--ignore=${projectFile("tests/bench")}`, "--parallel", projectFile("tests")];
  report(stage, [await denoTest(stage, tests)]);
}

async function denoTest(stage: Stage, args: string[], options: { reserve?: number } = {}): Promise<Ended> {
  const ended = await stage.run(Deno.execPath(), ["test", "-A", "--no-check", ...args], options);
  await Deno.writeTextFile(join(stage.session.out, "tests.log"), ended.output, { append: true });
  return ended;
}

/** The tests in the output of deno test, which is told a line each: of a run that is cut off there is no summary. */
export function countTests(output: string): { passed: number; failed: string[] } {
  const lines = output.split("\n");
  const ended = (word: string) =>
    lines.filter((line) => new RegExp(` \\.\\.\\. .*\\b${word}( \\(|$)`).test(line));
  return { passed: ended("ok").length, failed: ended("FAILED") };
}

function report(stage: Stage, runs: readonly Ended[]): void {
  const { passed, failed } = countTests(runs.map(({ output }) => output).join("\n"));
  for (const line of failed.slice(0, SHOWN)) console.log(line);
  const errors = runs.flatMap(({ output }) =>
    output.split("\n").filter((line) => /^(error|.*panicked)/i.test(line))
  );
  for (const line of [...new Set(errors)].slice(0, SHOWN)) console.log(line);
  const cut = runs.some(({ timedOut }) => timedOut);
  const crashed = runs.filter(({ code, timedOut }) => code > 1 && !timedOut).map(({ code }) => code);
  const value = [
    `${passed}, ${failed.length}`,
    ...cut ? ["cut off"] : [],
    ...crashed.map((code) => `ended with ${code}`),
  ].join(", ");
  stage.row("tests passed, failed", value, { passed, failed: failed.length });
}
