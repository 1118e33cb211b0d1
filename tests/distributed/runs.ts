/** Tiny whole runs on one process or on ranks, and the comparison of their files. */
import { assertEquals } from "../assert.ts";
import { type Ended, ended, launch, type Mpi } from "./launch.ts";

const train = new URL("../../train.ts", import.meta.url).pathname;

/** A run of `steps` steps of `accumulate` batches, with evaluations and checkpoints. */
export function argumentsOf(
  out: string,
  { steps = 4, accumulate, optimizer = "sgd" }: {
    steps?: number;
    accumulate?: number;
    optimizer?: "sgd" | "lars";
  } = {},
) {
  const fixed =
    "--data shapes:40 --holdout 16 --size 8 --decode-size 16 --batch 4 --workers 1 --kernels default " +
    "--hidden 32 --projection 16 --checkpoint-every 1 --log-every 2 --eval-every 1";
  const more = accumulate === undefined ? [] : ["--accumulate", `${accumulate}`];
  return [train, ...fixed.split(" "), "--optimizer", optimizer, "--steps", `${steps}`, ...more, "--out", out];
}

/** A run of one process. */
export async function runAlone(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "-A", "--no-check", ...args],
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  return await ended(command.spawn());
}

/** A run of `ranks` processes, or of this one alone. */
export function runOn(mpi: Mpi, { ranks, args }: { ranks: number; args: readonly string[] }): Promise<Ended> {
  return ranks === 1 ? runAlone(args) : launch(mpi, { ranks, args });
}

/** Files whose bytes say whether two runs are the same; the metrics and the summary have times in them. */
export async function assertSameRun(found: string, expected: string, what: string): Promise<void> {
  const checkpoints = async (folder: string) => {
    const names: string[] = [];
    for await (const { name } of Deno.readDir(`${folder}/checkpoints`)) names.push(`checkpoints/${name}`);
    return names.sort();
  };
  const names = await checkpoints(expected);
  assertEquals(await checkpoints(found), names, `${what}: checkpoints`);
  const pictures = ["images.jpg", "images.json", "initial.json", "latest.json"].map((name) =>
    `report/${name}`
  );
  for (const name of ["encoder.safetensors", "evaluations.jsonl", ...pictures, ...names]) {
    const [ours, theirs] = await Promise.all(
      [found, expected].map((folder) => Deno.readFile(`${folder}/${name}`)),
    );
    const at = theirs.findIndex((byte, i) => byte !== ours[i]);
    assertEquals([ours.length, at], [theirs.length, -1], `${what}: ${name} differs`);
  }
  const summary = async (folder: string) => {
    const { knn, collapse, final_loss, unused } = JSON.parse(
      await Deno.readTextFile(`${folder}/summary.json`),
    );
    return { knn, collapse, final_loss, unused };
  };
  assertEquals(await summary(found), await summary(expected), `${what}: summary`);
  const figures = async (folder: string) =>
    (await Deno.readTextFile(`${folder}/metrics.jsonl`)).trim().split("\n").map((line) => {
      const { step, epoch, loss, lr, tau, z_std, grad_norm, target_cosine } = JSON.parse(line);
      return { step, epoch, loss, lr, tau, z_std, grad_norm, target_cosine };
    });
  assertEquals(await figures(found), await figures(expected), `${what}: metrics`);
}
