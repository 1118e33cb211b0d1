/**
 * A diagnosis as text.
 *
 * @module
 */
import { describeMatrixUnits } from "../../gpu/matrix_units.ts";
import type { Diagnosis, Speed } from "../doctor.ts";
import type { AdapterFacts } from "./adapter_facts.ts";
import type { Expectation } from "./expectations.ts";
import type { FailureReports } from "./failures.ts";
import type { Finding, Proof } from "./prove.ts";
import type { Rates } from "./rates.ts";

/** The limits that training depends on, by WebGPU's names. */
const LIMITS = [
  ["maxBufferSize", "buffer"],
  ["maxStorageBufferBindingSize", "binding"],
] as const;

/** `diagnosis` as a text of several lines. */
export function formatDiagnosis(diagnosis: Diagnosis): string {
  const { healthy, all, adapter, proof, failures, speed, seconds } = diagnosis;
  return [
    ...adapterLines(adapter),
    "",
    ...proofLines(proof, adapter),
    ...all ? [] : ["Kernels that this adapter never chooses were skipped: --all checks them too."],
    ...failureLines(failures),
    ...speed ? speedLines(speed) : [],
    "",
    healthy
      ? `This machine computes correctly (${seconds.toFixed(0)} s).`
      : `This machine has the problems above (${seconds.toFixed(0)} s).`,
  ].join("\n");
}

function speedLines({ rates, decoding, expectations, hints }: Speed): string[] {
  const { imagesPerSecond, photo: { width, height } } = decoding;
  return [
    "",
    "Rates",
    ...rateLines(rates),
    row(
      "decoding by one Worker",
      `${imagesPerSecond.toFixed(0)} images/s`,
      `JPEG of ${width} × ${height} pixels`,
    ),
    "",
    "Expected training speed, estimated from a step's plan and these rates",
    ...expectations.map(expectationLine),
    ...hints.map((hint) => `\nHint: ${hint}`),
  ];
}

const row = (what: string, value: string, note = "") =>
  `  ${what.padEnd(38)} ${value.padStart(16)}${note && `   ${note}`}`;

const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
const giga = (n: number) => (n / 1e9).toFixed(n < 1e10 ? 2 : 0);
const microseconds = (seconds: number) => `${(1e6 * seconds).toFixed(1)} µs`;
const rounded = (n: number) => n < 10 ? n.toPrecision(2) : n.toFixed(0);

/** Why no matrix units are known. */
function noMatrixUnits({ webgpu, software }: AdapterFacts): string {
  return webgpu === "wgpu" && !software ? "unknown to this WebGPU: try --webgpu dawn" : "none";
}

function adapterLines(adapter: AdapterFacts): string[] {
  const { name, vendor, device, backend, driver, deno, webgpu, software } = adapter;
  const { subgroups, halfPrecision, matrixUnits, features, limits } = adapter;
  const line = (what: string, value: string) => `  ${what.padEnd(12)} ${value}`;
  return [
    name,
    line("kind", software ? "computes on the CPU" : "GPU"),
    line("backend", backend),
    line("driver", `${driver} (vendor ${vendor}, device ${device})`),
    line("webgpu", `${webgpu}, in Deno ${deno}`),
    line("subgroups", subgroups ? lanes(subgroups) : "none"),
    line("float16", halfPrecision ? "for --precision mixed" : "none: --precision mixed does not work here"),
    line("matrix units", matrixUnits ? describeMatrixUnits(matrixUnits) : noMatrixUnits(adapter)),
    line("granted", features.granted.join(", ") || "no feature beyond WebGPU's core"),
    line("at most", LIMITS.map(([limit, what]) => `${mebibytes(limits[limit])} a ${what}`).join(", ")),
  ];
}

function lanes({ min, max }: { min: number; max: number }): string {
  return min === max ? `${min} lanes` : `${min} to ${max} lanes`;
}

function proofLines({ checks, kernels, findings }: Proof, { halfPrecision }: AdapterFacts): string[] {
  const passed = checks - findings.length;
  return [
    `${passed} of ${checks} checks passed: ${kernels.length} kernels against the CPU, forward and gradients; ten training`,
    `steps against PyTorch${halfPrecision ? ", one in mixed precision" : ""}; one step repeated, bit for bit`,
    ...findingLines(findings),
  ];
}

/** With more kernels than this only --json names them. */
const MAX_NAMED = 6;

/** A paragraph for all findings with the same kernels. */
function findingLines(findings: readonly Finding[]): string[] {
  const groups = Map.groupBy(findings, ({ kernels }) => kernels.join(", "));
  return [...groups].flatMap(([names, [{ what, kernels, problem, pin }, ...others]]) => [
    `  WRONG: ${kernels.length <= MAX_NAMED ? names : `one of ${kernels.length} kernels`}`,
    `    ${what}: ${problem.trim().split("\n")[0]}`,
    ...others.length > 0 ? [`    and ${others.length} more failed checks`] : [],
    pin
      ? `    --kernels ${pin} avoids it.`
      : "    No option avoids it. Update the driver; if that does not help, report the output of ./run doctor --json.",
  ]);
}

function failureLines({ tooLarge, lost }: FailureReports): string[] {
  const line = (what: string, answer: string | null) =>
    `  ${what}: ${answer?.split("\n")[0] ?? "NOT REPORTED"}`;
  return [
    "Reports of provoked failures",
    line("a buffer that is too large", tooLarge),
    line("a lost device", lost),
  ];
}

function rateLines(rates: Rates): string[] {
  const { convolution: { forward, backwardData, backwardWeights }, dispatch } = rates;
  const share = (flops: number) => `${(100 * flops / rates.flops).toFixed(0)} % of that`;
  const gflops = (flops: number) => `${giga(flops)} GFLOP/s`;
  const gbytes = (bytes: number) => `${giga(bytes)} GB/s`;
  return [
    row("multiply-adds in registers", gflops(rates.flops)),
    row("convolution 3 × 3, 64 channels", gflops(forward), share(forward)),
    row("  its input's gradient", gflops(backwardData), share(backwardData)),
    row("  its weights' gradient", gflops(backwardWeights), share(backwardWeights)),
    row("copy on the GPU, read and written", gbytes(rates.copyBytes)),
    row("upload", gbytes(rates.uploadBytes)),
    row("read-back", gbytes(rates.readBackBytes)),
    row("await of an idle GPU", `${(1000 * rates.awaitSeconds).toFixed(2)} ms`),
    row("a dispatch, on the host", microseconds(dispatch.hostSeconds)),
    row("a dispatch, on the GPU", microseconds(dispatch.gpuSeconds)),
  ];
}

function expectationLine(expected: Expectation): string {
  const { backbone, size, batch, imagesPerSecond, bytes, largestBatch, largestBytes } = expected;
  return row(
    `${backbone}, ${size} px, batch ${batch}`,
    `${rounded(imagesPerSecond)} images/s`,
    `${giga(bytes)} GB; batches up to about ${largestBatch}, which take ${giga(largestBytes)} GB`,
  );
}
