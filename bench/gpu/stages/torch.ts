/**
 * The stage that takes the same steps in PyTorch on the same card, and holds ours against them.
 *
 * @module
 */
import { join } from "node:path";
import type { Row } from "../rows.ts";
import { lastLines, projectFile, type Session, type Stage } from "../session.ts";

/** What torch_step.py writes of a row. */
export interface TorchResult {
  row: string;
  milliseconds: number;
  imagesPerSecond: number;
  gigabytes: number | null;
  convolutionError: number;
  device: string;
  torch: string;
  /** Why there is none of the rest. */
  error?: string;
}

/** Rows as torch_step.py takes them, the most valuable first: time may end before the last. */
function rowsOf({ small, batch }: Session): string[] {
  if (small) return [`resnet18:32:${batch}:f32`];
  const others = ["tf32", "bf16", "f16"];
  const rows = [
    ...["resnet18:32:256:f32", "resnet50:224:64:f32"],
    ...others.map((precision) => `resnet18:32:256:${precision}`),
    ...["f32", "tf32"].map((precision) => `resnet18:32:${batch}:${precision}`),
    ...others.map((precision) => `resnet50:224:64:${precision}`),
    ...["bf16", "f16"].map((precision) => `resnet18:32:${batch}:${precision}`),
    ...["f16", "bf16", "f32", "tf32"].map((precision) => `resnet50:224:256:${precision}`),
  ];
  return [...new Set(rows)];
}

/** The images/s of our step for the row `key` (backbone:size:batch): with timed kernels, else with the default ones. */
function ourRate(rows: readonly Row[], key: string): number | undefined {
  const of = (kernels: string) =>
    rows.findLast(({ what }) => what === `${key}, ${kernels}: images/s`)?.figures?.imagesPerSecond;
  return of("tuned") ?? of("default");
}

/** The images/s of our fastest step in mixed precision for the row `key`. */
function ourMixedRate(rows: readonly Row[], key: string): number | undefined {
  const rates = rows.filter(({ what }) => what.startsWith(`${key}, mixed,`))
    .map(({ figures }) => figures?.imagesPerSecond ?? 0);
  return rates.length > 0 ? Math.max(...rates) : undefined;
}

/** Measures PyTorch's steps, if it is there. */
export async function torchStage(stage: Stage): Promise<void> {
  const { python, small, work } = stage.session;
  const there = await stage.run(python, ["-c", "import torch, torchvision"]);
  if (there.code !== 0) {
    stage.row("PyTorch", `left out: ${python} has no torch and torchvision (${lastLines(there.output, 1)})`);
    return;
  }
  const out = join(work, "torch.jsonl");
  await Deno.writeTextFile(out, "");
  const [seconds, hidden] = small ? [0, 64] : [2, 4096];
  const args = [out, `${seconds}`, `${hidden}`, ...rowsOf(stage.session)];
  const ended = await stage.run(python, [projectFile("bench/gpu/torch_step.py"), ...args]);
  const text = await Deno.readTextFile(out);
  stage.figures("PyTorch", text);
  for (const line of text.split("\n").filter(Boolean)) {
    for (const { what, value, figures } of torchRows(JSON.parse(line), stage.rows())) {
      stage.row(what, value, figures);
    }
  }
  if (ended.timedOut) stage.row("PyTorch", "cut off: some rows are left out");
  else if (ended.code !== 0) {
    stage.row("PyTorch", `failed: ended with ${ended.code}: ${lastLines(ended.output, 1)}`);
  }
}

/** What the table says of a row of PyTorch's, beside the rows of ours in `rows`. */
export function torchRows(
  result: TorchResult,
  rows: readonly Row[],
): Pick<Row, "what" | "value" | "figures">[] {
  const what = `PyTorch ${result.row}`;
  if (result.error !== undefined) return [{ what, value: `left out: ${result.error.slice(0, 120)}` }];
  const { imagesPerSecond, milliseconds, gigabytes, convolutionError, device, torch } = result;
  const value = [
    `${imagesPerSecond.toFixed(1)} images/s`,
    `${milliseconds.toFixed(2)} ms`,
    ...gigabytes === null ? [] : [`${gigabytes.toFixed(2)} GB`],
    `a convolution is off by ${convolutionError.toExponential(0)}`,
    `torch ${torch} on ${device}`,
  ].join(", ");
  const [, key, precision] = /^(.*):([^:]*)$/.exec(result.row)!;
  const ratioRow = (whose: string, ours: number | undefined) => {
    if (ours === undefined) return [];
    const ratio = ours / imagesPerSecond;
    return [{ what: `${whose} ÷ PyTorch ${result.row}`, value: ratio.toFixed(3), figures: { ratio } }];
  };
  return [
    { what, value, figures: { imagesPerSecond } },
    ...ratioRow("ours", ourRate(rows, key)),
    ...precision === "f32" ? [] : ratioRow("our mixed precision", ourMixedRate(rows, key)),
  ];
}
