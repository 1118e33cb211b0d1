/**
 * Kills embeddings at random moments and repeats their command:
 *
 *     deno task test:kill:embed [--kills 10] [--seed 1] [--images 2000]
 *
 * Images are embedded twice into files of all formats: once without interruption, and once by processes that are killed by
 * SIGKILL. The files must be byte-identical. The exit code is 1 if any differ.
 *
 * @module
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { keyedRandom } from "../../src/base/random.ts";
import { pretrain } from "../../src/run/pretrain.ts";
import { kill } from "../run/whole_runs.ts";

const program = new URL("../../src/cli/embed.ts", import.meta.url).pathname;
const FORMATS = ["x.parquet", "x.npy", "x.csv", "x.safetensors"];
const JOURNAL = "x.csv.part.jsonl";

/** What is embedded, and how often its process is killed. */
export interface KillOptions {
  kills: number;
  seed: number;
  images: number;
}

/** Kills and repeats; returns the rows that were whole at each kill, and the files that differ. */
export async function killAndRepeat(
  folder: string,
  { kills, seed, images }: KillOptions,
): Promise<{ kills: string[]; different: string[] }> {
  const run = join(folder, "run"), random = keyedRandom(seed, 99);
  const tiny = { backbone: "resnet8", size: 16, hidden: 8, projection: 8, batch: 8, steps: 1 } as const;
  await pretrain({ data: "shapes:8", holdout: 0, ...tiny, kernels: "default", out: run, log() {} });
  const [whole, killed] = ["whole", "killed"].map((name) => join(folder, name));
  for (const out of [whole, killed]) await Deno.mkdir(out);

  const begin = performance.now();
  await ended(start({ run, out: whole, images }));
  const duration = performance.now() - begin, groups = Math.ceil(images / 256), rows: string[] = [];
  for (let k = 0; k < kills; k++) {
    const child = start({ run, out: killed, images }), output = child.output();
    const done = output.then(() => true);
    // Up to a group that is drawn, then a while: it may begin, write, or complete the files.
    const target = random.integer(groups + 3), pause = random.uniform() * duration / (groups + 2);
    const sleep = (ms: number) =>
      Promise.race([done, new Promise<false>((resolve) => setTimeout(resolve, ms, false))]);
    while (linesIn(killed).length < target && !await sleep(1));
    await sleep(pause);
    kill(child, "SIGKILL");
    const { signal, success, stderr } = await output;
    if (!success && signal !== "SIGKILL") throw new Error(new TextDecoder().decode(stderr));
    const last = linesIn(killed).at(-1);
    rows.push(success ? "done" : last?.finished ? "renaming" : String(last?.rows ?? 0));
  }
  await ended(start({ run, out: killed, images }));
  return { kills: rows, different: await differing(whole, killed) };
}

function start({ run, out, images }: { run: string; out: string; images: number }): Deno.ChildProcess {
  const files = FORMATS.flatMap((name) => ["--out", join(out, name)]);
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", program, "--run", run, "--data", `shapes:${images}`, ...files]
      .concat("--kernels", "default", "--workers", "1"),
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function ended(child: Deno.ChildProcess): Promise<void> {
  const { success, stderr } = await child.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** The whole lines of the journal in `out`. */
function linesIn(out: string): { rows?: number; finished?: boolean }[] {
  try {
    return Deno.readTextFileSync(join(out, JOURNAL)).split("\n").slice(0, -1).map((line) => JSON.parse(line));
  } catch {
    return [];
  }
}

/** The names of files that are not in both folders, or differ. */
async function differing(a: string, b: string): Promise<string[]> {
  const names = new Set([a, b].flatMap((folder) => [...Deno.readDirSync(folder)].map(({ name }) => name)));
  const read = (folder: string, name: string) =>
    Deno.readFile(join(folder, name)).catch(() => new Uint8Array(0));
  const different: string[] = [];
  for (const name of names) {
    const [one, other] = [await read(a, name), await read(b, name)];
    if (one.length !== other.length || one.some((byte, i) => byte !== other[i])) different.push(name);
  }
  return different;
}

if (import.meta.main) {
  const text = (value: string) => ({ type: "string", default: value }) as const;
  const { values } = parseArgs({ options: { kills: text("10"), seed: text("1"), images: text("2000") } });
  const [kills, seed, images] = [values.kills, values.seed, values.images].map(Number);
  const folder = await Deno.makeTempDir();
  try {
    const found = await killAndRepeat(folder, { kills, seed, images });
    console.log(
      `Killed after whole rows: ${found.kills.join(", ")}. Different files: ${
        found.different.join(", ") || "none"
      }.`,
    );
    Deno.exitCode = found.different.length === 0 ? 0 : 1;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  Deno.exit();
}
