/**
 * The stage that takes the same steps in float32 and in mixed precision, on Deno's WebGPU and on Dawn, and there without and
 * with the GPU's matrix units; all with kernels that were not timed.
 *
 * @module
 */
import { join } from "node:path";
import { lastLines, projectFile, type Session, type Stage } from "../session.ts";
import type { WallResult, WallsRequest } from "../walls.ts";
import { configurations, photos } from "./profile.ts";

/** A way to take a step: what computes it, and further options of train.ts. */
interface Way {
  name: string;
  webgpu: "deno" | "dawn";
  args: string[];
}

const F32 = ["--kernels", "default"], MIXED = [...F32, "--precision", "mixed"];

/** The ways, those that others are held against first. */
const WAYS: readonly Way[] = [
  { name: "f32, Deno", webgpu: "deno", args: F32 },
  { name: "mixed, Deno", webgpu: "deno", args: MIXED },
  { name: "f32, Dawn", webgpu: "dawn", args: F32 },
  { name: "mixed, Dawn", webgpu: "dawn", args: MIXED },
  {
    name: "mixed, Dawn, matrix units",
    webgpu: "dawn",
    args: ["--precision", "mixed", "--kernels", "matrix"],
  },
];

/** Seconds that a step takes to compile and measure on a GPU. */
const STEP_SECONDS = 6;

/** What is measured, the most valuable first: the same as PyTorch's rows. */
function keysOf(session: Session): { key: string; args: string[] }[] {
  const large = session.small ? [] : [{ key: "resnet50:224:256", args: photos(256) }];
  return [...configurations(session), ...large];
}

/** Measures each way, in a process for each implementation. */
export async function precisionStage(stage: Stage): Promise<void> {
  const { small, work } = stage.session;
  // Dawn is 130 MB from npm, which a small session does not fetch.
  const ways = small ? WAYS.filter(({ webgpu }) => webgpu === "deno") : WAYS;
  const to = join(work, "walls.jsonl");
  await Deno.writeTextFile(to, "");
  for (const webgpu of new Set(ways.map((way) => way.webgpu))) {
    const own = ways.filter((way) => way.webgpu === webgpu);
    const steps = keysOf(stage.session).flatMap(({ key, args }) =>
      own.map((way) => ({ key: `${key}, ${way.name}`, args: [...args, ...way.args] }))
    );
    // Half of the time for each.
    const share = webgpu === "deno" && !small ? stage.left() / 2 : stage.left();
    const end = Date.now() + 1000 * (share - STEP_SECONDS);
    const request: WallsRequest = { steps, end, to };
    // deno.lock does not have Dawn: with it, Deno would ask the registry, and there may be no network.
    const flags = ["run", "-A", "--no-check", "--no-lock"], walls = projectFile("bench/gpu/walls.ts");
    const { code, output } = await stage.run(Deno.execPath(), [...flags, walls, JSON.stringify(request)], {
      env: { BYOL_WEBGPU: webgpu },
    });
    if (code !== 0) stage.row(`steps on ${webgpu}`, `failed: ended with ${code}: ${lastLines(output, 1)}`);
  }
  report(stage, await resultsIn(to));
}

async function resultsIn(path: string): Promise<WallResult[]> {
  return (await Deno.readTextFile(path)).split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

/** A row for each step, and beside the first way that of its float32. */
function report(stage: Stage, results: readonly WallResult[]): void {
  const reference = new Map<string, number>();
  for (const result of results) {
    if ("error" in result) {
      stage.row(result.key, `left out: ${result.error.slice(0, 160)}`);
      continue;
    }
    const { key, batch, wall, bytes } = result, rate = batch / wall;
    const [configuration] = key.split(", "), f32 = reference.get(configuration) ?? rate;
    reference.set(configuration, f32);
    stage.row(
      `${key}: images/s, step, memory, ÷ f32 on Deno`,
      `${rate.toFixed(1)}, ${(1000 * wall).toFixed(2)} ms, ${(bytes / 1e9).toFixed(2)} GB, ${
        (rate / f32).toFixed(3)
      }`,
      { imagesPerSecond: rate, bytes, ratio: rate / f32 },
    );
  }
}
