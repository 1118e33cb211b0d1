/** Runs of train.ts in processes of their own, and what they leave. */
import { join } from "node:path";
import type { StepRecord } from "../../src/config/callbacks.ts";
import type { PretrainSettings } from "../../src/config/pretrain_options.ts";
import { readMetrics } from "../../src/io/metrics.ts";
import { assert } from "../assert.ts";

const program = new URL("../../train.ts", import.meta.url).pathname;

/** Starts train.ts with these arguments. */
export function trainWith(
  { args, env = {} }: { args: string[]; env?: Record<string, string> },
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", program, ...args],
    env,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** The arguments of train.ts for `options`. */
export function argumentsOf(options: PretrainSettings): string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    if (typeof value === "boolean") return [value ? `--${flag}` : `--no-${flag}`];
    return [value].flat().flatMap((one) => [`--${flag}`, `${one}`]);
  });
}

/** Sends a signal to a process that may have ended already. */
export function kill(process: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    process.kill(signal);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The records of metrics.jsonl without the fields that depend on the clock. */
export async function records(out: string): Promise<unknown[]> {
  const found = await readMetrics<StepRecord>(join(out, "metrics.jsonl"));
  return found.map(({ imagesPerSecond, dataWait, ...rest }) => {
    assert(imagesPerSecond > 0 && dataWait >= 0 && dataWait <= 1, `${imagesPerSecond}, ${dataWait}`);
    return rest;
  });
}
