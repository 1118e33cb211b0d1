/**
 * This project beside jax-js and TensorFlow.js on the same adapter, as a Markdown table:
 * `deno task bench:peers [product] [conv] [resnet18] [resnet20]`, by default all. The first run installs the peers.
 *
 * @module
 */
import project from "../deno.json" with { type: "json" };
import { contenders, packages } from "./peers/contender.ts";
import { type Finding, measure } from "./peers/measure.ts";
import { HIDDEN, items, PROJECTION, SIZE } from "./peers/problems.ts";

const names = Deno.args.length ? Deno.args : Object.keys(items);
const unknown = names.find((name) => !Object.hasOwn(items, name));
if (unknown !== undefined) {
  console.error(`Cannot measure "${unknown}": expected ${Object.keys(items).join(", ")}`);
  Deno.exit(1);
}

/** "1.23 s" or "45.6 ms", and the rate. */
function time(milliseconds: number, flop?: number): string {
  const text = milliseconds < 1000
    ? `${milliseconds.toPrecision(3)} ms`
    : `${(milliseconds / 1000).toFixed(2)} s`;
  return flop ? `${text} (${(flop / milliseconds / 1e6).toFixed(1)} GFLOP/s)` : text;
}

function cells(
  findings: Finding[],
  chooser: (finding: Exclude<Finding, { failure: string }>) => number,
  flop?: number,
) {
  const picked = findings.map((finding) => "failure" in finding ? NaN : chooser(finding));
  const texts = findings.map((finding, i) =>
    "failure" in finding ? finding.failure.replace(/\s*[|\n]\s*/g, " ") : time(picked[i], flop)
  );
  const ratios = picked.slice(1).map((other) =>
    Number.isNaN(other / picked[0]) ? "–" : (other / picked[0]).toFixed(1)
  );
  return [...texts, ...ratios].join(" | ");
}

/** How many processes wanted a core in the last minute: what ran beside, for what runs here has not begun. */
const load = Deno.loadavg()[0];
const rows: string[] = [];
const adapters = new Set<string>();
const errors = new Map<string, number>();
for (const name of names) {
  for (const { title, problem, flop } of items[name]) {
    console.error(title);
    const found = await measure(problem, { report: (line) => console.error(`  ${line}`) });
    const findings = contenders.map((name) => found[name]);
    for (const finding of findings) {
      if ("failure" in finding) continue;
      adapters.add(finding.adapter);
      for (const [name, error] of Object.entries(finding.errors)) {
        errors.set(name, Math.max(errors.get(name) ?? 0, error));
      }
    }
    rows.push(`| ${title} | ${cells(findings, ({ median }) => median, flop)} |`);
    if (problem.kind === "step") rows.push(`| – its first step | ${cells(findings, ({ first }) => first)} |`);
  }
}

const [jax, tensorflow] = [packages.jax, packages.tensorflow].map((name) => name.replace("npm:", ""));
const off = [...errors].map(([name, error]) => `${name} ${error.toExponential(1)}`).join(", ");
console.log(
  `## Beside other libraries, ${new Date().toISOString().slice(0, 10)}, ${[...adapters].join(" and ")}

${project.name} ${project.version}, ${jax}, ${tensorflow} with its WebGPU backend; Deno ${Deno.version.deno},
${navigator.hardwareConcurrency} cores, load ${
    load.toFixed(1)
  } before the run. Medians of samples taken in turns; float32.
BYOL: ${SIZE} px, CIFAR stem, heads ${HIDDEN} → ${PROJECTION}, SGD with momentum for all; a first step compiles all it needs, ours
also times kernels to choose from, once for a machine.
The peers' results differ from ours, relative to their norm, by at most: ${off || "nothing was compared"}.

| what | ours | jax-js | TensorFlow.js | jax-js ÷ ours | tfjs ÷ ours |
|---|---|---|---|---|---|
${rows.join("\n")}`,
);
