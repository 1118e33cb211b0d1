/**
 * What nvidia-smi says of the GPU while something runs on it.
 *
 * @module
 */
import type { Stage } from "./session.ts";

/** A moment of the GPU: MiB used, load in percent, MHz, watts. */
export interface GpuSample {
  /** By Date.now(). */
  at: number;
  memory: number;
  load: number;
  clock: number;
  power: number;
}

const QUERY = "memory.used,utilization.gpu,clocks.sm,power.draw";
const EVERY_MS = 500;

/** Watches the first GPU until it is disposed of. */
export class GpuWatch {
  readonly samples: GpuSample[] = [];
  #child: Deno.ChildProcess | null = null;
  #reading: Promise<void> = Promise.resolve();

  constructor() {
    try {
      this.#child = new Deno.Command("nvidia-smi", {
        args: ["-i", "0", `--query-gpu=${QUERY}`, "--format=csv,noheader,nounits", "-lms", `${EVERY_MS}`],
        stdin: "null",
        stdout: "piped",
        stderr: "null",
      }).spawn();
      this.#reading = this.#read(this.#child.stdout);
    } catch {
      // There is no nvidia-smi: nothing is known of the GPU.
    }
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.samples.push(parseSample(line, Date.now()));
    }
  }

  /** Tells of the GPU from one moment to another in a row called `what`. */
  report(stage: Stage, what: string, { from = 0, to = Infinity }: { from?: number; to?: number } = {}): void {
    const seen = summarizeSamples(this.samples.filter(({ at }) => at >= from && at <= to));
    stage.row(what, seen?.text ?? "left out: nvidia-smi told nothing", seen?.figures);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child?.kill();
    } catch {
      // It has ended by itself.
    }
    await this.#child?.status;
    await this.#reading;
  }
}

/** A line of nvidia-smi's. What a card does not tell ("[N/A]") is NaN. */
export function parseSample(line: string, at: number): GpuSample {
  const [memory, load, clock, power] = line.split(",").map((field) => Number.parseFloat(field));
  return { at, memory, load, clock, power };
}

/** The most memory, and the means of the rest while there was a load; null if nothing was seen. */
export function summarizeSamples(
  samples: readonly GpuSample[],
): { text: string; figures: Record<string, number> } | null {
  const busy = samples.filter(({ load }) => !(load === 0));
  if (busy.length === 0) return null;
  const mean = (key: "load" | "clock" | "power") =>
    busy.reduce((sum, sample) => sum + sample[key], 0) / busy.length;
  const memory = Math.max(...busy.map((sample) => sample.memory));
  const figures = { memory, load: mean("load"), clock: mean("clock"), power: mean("power") };
  const say = (value: number, unit: string) =>
    Number.isNaN(value) ? `? ${unit}` : `${value.toFixed(0)} ${unit}`;
  const text = [
    say(memory, "MiB"),
    `load ${say(figures.load, "%")}`,
    say(figures.clock, "MHz"),
    say(figures.power, "W"),
  ].join(", ");
  return { text, figures };
}
