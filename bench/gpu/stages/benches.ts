/**
 * The stages that run single benchmarks of bench/main.ts, for when time is left.
 *
 * @module
 */
import { join } from "node:path";
import { lastLines, type Stage } from "../session.ts";

/** The stage of the benchmark `name`, with its arguments. */
export function benchStage(
  name: "kernels" | "optimizer" | "pipeline",
): (stage: Stage) => Promise<void> {
  return async (stage) => {
    const args: string[] = [name];
    if (name === "pipeline") {
      const { data } = stage.session;
      if (data === null) return stage.row(name, "left out: no images are given (--data)");
      args.push(join(data, "*.tar"), "cifar");
    }
    const { code, output } = await stage.deno("bench/main.ts", args);
    stage.figures(`bench ${name}`, output);
    stage.row(name, code === 0 ? "see figures.txt" : `failed: ended with ${code}: ${lastLines(output, 1)}`);
  };
}
