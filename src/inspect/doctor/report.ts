/**
 * A diagnosis in words.
 *
 * @module
 */
import type { Diagnosis } from "../doctor.ts";
import type { AdapterFacts } from "./adapter_facts.ts";
import type { Expectation } from "./expectations.ts";
import type { Answers } from "./failures.ts";
import type { Finding, Proof } from "./prove.ts";
import type { Rates } from "./rates.ts";

/** The limits that training depends on, by WebGPU's names. */
const LIMITS = [
  ["maxBufferSize", "buffer"],
  ["maxStorageBufferBindingSize", "binding"],
] as const;

/** `diagnosis` as a text of several lines. */
export function describeDiagnosis(diagnosis: Diagnosis): string {
  const { healthy, all, adapter, proof, failures, speed, seconds } = diagnosis;
  return [
    ...adapterLines(adapter),
    "",
    ...proofLines(proof),
    ...all ? [] : ["Kernels that this adapter never chooses by itself were left out: --all checks them too."],
    ...failureLines(failures),
    ...speed
      ? [
        "",
        "Rates",
        ...rateLines(speed.rates),
        row(
          "decoding by one Worker",
          `${speed.decoding.imagesPerSecond.toFixed(0)} images/s`,
          `JPEG of ${speed.decoding.photo.width} × ${speed.decoding.photo.height} pixels`,
        ),
        "",
        "What to expect of training, by the plan of its steps and these rates",
        ...speed.expectations.map(expectationLine),
        ...speed.hints.map((hint) => `\nHint: ${hint}`),
      ]
      : [],
    "",
    healthy
      ? `Everything computes right here (${seconds.toFixed(0)} s).`
      : `Something is wrong here, see above (${seconds.toFixed(0)} s).`,
  ].join("\n");
}

const row = (what: string, value: string, note = "") =>
  `  ${what.padEnd(38)} ${value.padStart(16)}${note && `   ${note}`}`;

const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
const giga = (n: number) => (n / 1e9).toFixed(n < 1e10 ? 2 : 0);
const microseconds = (seconds: number) => `${(1e6 * seconds).toFixed(1)} µs`;
const rounded = (n: number) => n < 10 ? n.toPrecision(2) : n.toFixed(0);

function adapterLines(adapter: AdapterFacts): string[] {
  const { name, vendor, device, backend, driver, deno, software, subgroups, features, limits } = adapter;
  const line = (what: string, value: string) => `  ${what.padEnd(12)} ${value}`;
  return [
    name,
    line("kind", software ? "computes on the CPU" : "GPU"),
    line("backend", backend),
    line("driver", `${driver} (vendor ${vendor}, device ${device}); Deno ${deno}`),
    line("subgroups", subgroups ? lanes(subgroups) : "none"),
    line("granted", features.granted.join(", ") || "no feature beyond WebGPU's core"),
    line("at most", LIMITS.map(([limit, what]) => `${mebibytes(limits[limit])} a ${what}`).join(", ")),
  ];
}

function lanes({ min, max }: { min: number; max: number }): string {
  return min === max ? `${min} lanes` : `${min} to ${max} lanes`;
}

function proofLines({ checks, kernels, findings }: Proof): string[] {
  const right = checks - findings.length;
  return [
    `${right} of ${checks} checks passed: ${kernels.length} kernels against the CPU, forward and gradients; ten training`,
    "steps against PyTorch; a step twice, to the bit",
    ...findingLines(findings),
  ];
}

/** More kernels than this are not named, except by --json. */
const MOST_NAMED = 6;

/** One paragraph for all findings that name the same kernels. */
function findingLines(findings: readonly Finding[]): string[] {
  const groups = Map.groupBy(findings, ({ kernels }) => kernels.join(", "));
  return [...groups].flatMap(([names, [{ what, kernels, problem, pin }, ...others]]) => [
    `  WRONG: ${kernels.length <= MOST_NAMED ? names : `one of ${kernels.length} kernels`}`,
    `    ${what}: ${problem.trim().split("\n")[0]}`,
    ...others.length > 0 ? [`    and ${others.length} more checks`] : [],
    pin
      ? `    --kernels ${pin} avoids it.`
      : "    No option avoids it. Update the driver, and report it with the output of ./run doctor --json.",
  ]);
}

function failureLines({ tooLarge, lost }: Answers): string[] {
  const line = (what: string, answer: string | null) =>
    `  ${what}: ${answer?.split("\n")[0] ?? "NOTHING IS HEARD OF IT"}`;
  return [
    "Failures are told",
    line("a buffer that is too large", tooLarge),
    line("a lost device", lost),
  ];
}

function rateLines(rates: Rates): string[] {
  const { convolution: { forward, backwardData, backwardWeights }, dispatch } = rates;
  const share = (flops: number) => `${(100 * flops / rates.flops).toFixed(0)} % of these`;
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
    `${giga(bytes)} GB; batches up to about ${largestBatch}, with ${giga(largestBytes)} GB`,
  );
}
