/** Runs of train.ts in processes of their own, and what they leave. */
import { join } from "node:path";
import type { PretrainOptions } from "../../src/config/pretrain_options.ts";
import type { StepRecord } from "../../src/run/records.ts";
import { assert } from "../assert.ts";

const program = new URL("../../train.ts", import.meta.url).pathname;

/** train.ts with these arguments. */
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

/** The arguments of train.ts that stand for `flags`. */
export function argumentsOf(flags: PretrainOptions): string[] {
  return Object.entries(flags).flatMap(([name, value]) =>
    [value].flat().flatMap((one) => [
      `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
      `${one}`,
    ])
  );
}

/** Signals a process, unless it is done already: a fast machine may be. */
export function kill(process: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    process.kill(signal);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The lines of metrics.jsonl without what depends on the clock. */
export async function records(out: string): Promise<unknown[]> {
  const lines = (await Deno.readTextFile(join(out, "metrics.jsonl"))).trimEnd().split("\n");
  return lines.map((line) => {
    const { images_per_second, data_wait, ...rest }: StepRecord = JSON.parse(line);
    assert(images_per_second > 0 && data_wait >= 0 && data_wait <= 1, line);
    return rest;
  });
}
