/**
 * Kills runs at random moments, and compares what becomes of them with runs that nothing disturbed:
 *
 *     deno task test:kill [--kills 10] [--seed 1] [source…]
 *
 * For each kind of source, a small data set is trained on twice: once in peace, and once by a process that is killed by
 * SIGKILL and resumed, as often as is said. Both must leave the same files to the byte. Servers drop connections at random.
 * The exit code is 1 if any run ends otherwise.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { printTable } from "../bench/table.ts";
import type { PretrainOptions } from "../src/config/pretrain_options.ts";
import { messageOf, UserError } from "../src/base/errors.ts";
import { hashText } from "../src/base/random.ts";
import { withFolder } from "./data/fixtures.ts";
import { serving } from "./data/server.ts";
import { differences } from "./kill/compare.ts";
import { type DataSet, dataSets } from "./kill/data_sets.ts";
import { checkpointsIn, drawMoments, isWriting, type Moment, type Pace, reach } from "./kill/moments.ts";
import { argumentsOf, kill, trainWith } from "./run/whole_runs.ts";

/** Neither a divisor of the steps of an epoch, so that checkpoints lie within epochs. */
const CHECKPOINT_EVERY = 7, LOG_EVERY = 3;

const tiny: PretrainOptions = {
  backbone: "resnet8",
  size: 16,
  hidden: 16,
  projection: 8,
  batch: 16,
  epochs: 3,
  holdout: 0,
  optimizer: "sgd",
  recipe: "cifar",
  kernels: "default",
  workers: 2,
  checkpointEvery: CHECKPOINT_EVERY,
  logEvery: LOG_EVERY,
};

/** What came of a run that was killed. */
interface Outcome {
  /** The last checkpoint at each kill, `s` if the process had not begun to train, `w` if it was writing the next one. */
  kills: string[];
  different: string[];
}

/** The arguments of a run on `set`, whose files are at `root`, that writes to `out`. */
function runOf({ data, flags }: DataSet, { root, out }: { root: string; out: string }): string[] {
  const specs = data.map((spec) => spec.startsWith("shapes") ? spec : `${root}/${spec}`);
  const { epochs, ...others } = tiny;
  const length = flags?.steps === undefined ? { epochs } : {};
  return argumentsOf({ ...others, ...length, ...flags, data: specs, out });
}

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Trains in peace; tells the pace. */
async function undisturbed(args: string[], out: string): Promise<Pace & { checkpoints: number }> {
  const begin = performance.now();
  const child = trainWith({ args });
  const output = child.output();
  const done = output.then(() => true);
  const pause = () => Promise.race([done, new Promise<false>((resolve) => setTimeout(resolve, 2, false))]);
  while (checkpointsIn(out).steps.length === 0 && !await pause());
  const first = performance.now() - begin;
  const { success, stderr } = await output;
  if (!success) throw new Error(`The undisturbed run failed: ${decode(stderr)}`);
  const checkpoints = Math.ceil(checkpointsIn(out).steps.at(-1)! / CHECKPOINT_EVERY);
  return { first, interval: (performance.now() - begin - first) / (checkpoints - 1), checkpoints };
}

/** Whether there is a run in `out` to go on with. */
async function hasBegun(out: string): Promise<boolean> {
  return await Deno.stat(`${out}/config.json`).then(() => true, () => false);
}

/** Starts or resumes the run until it is done. */
async function attempt(args: string[], out: string): Promise<Deno.ChildProcess> {
  return trainWith({ args: await hasBegun(out) ? [...args, "--resume"] : args });
}

/** Kills the run so many times, lets it end, and compares it with one that nothing disturbed. */
async function torture(
  set: DataSet,
  { root, folder, kills: count, seed }: { root: string; folder: string; kills: number; seed: number },
): Promise<Outcome> {
  const peaceful = `${folder}/undisturbed`, out = `${folder}/killed`;
  const { checkpoints, ...pace } = await undisturbed(runOf(set, { root, out: peaceful }), peaceful);
  const args = runOf(set, { root, out }), kills: string[] = [];
  for (let moment of drawMoments(seed, { kills: count, checkpoints })) {
    let hit: string | null;
    while ((hit = await killAt(moment, { args, out, pace })) === null) {
      // It was done before; then a process is killed that finds nothing left to do.
      moment = { kind: "starting", checkpoints: 0, share: moment.share / 4 };
    }
    kills.push(hit);
  }
  const { success, stderr } = await (await attempt(args, out)).output();
  if (!success) throw new Error(`The last run failed: ${decode(stderr)}`);
  return { kills, different: await differences(peaceful, out) };
}

/** Goes on with the run until `moment`, and tells where it was killed; null if it was done before. */
async function killAt(
  moment: Moment,
  { args, out, pace }: { args: string[]; out: string; pace: Pace },
): Promise<string | null> {
  const before = checkpointsIn(out);
  const child = await attempt(args, out), exit = new AbortController();
  const output = child.output();
  const done = output.then(() => exit.abort());
  await Promise.race([done, reach(moment, { out, every: CHECKPOINT_EVERY, pace, signal: exit.signal })]);
  kill(child, "SIGKILL");
  const { success, signal, stdout, stderr } = await output;
  if (success) return null;
  if (signal !== "SIGKILL") throw new Error(`A run failed: ${decode(stderr)}`);
  const { steps } = checkpointsIn(out);
  const isStarting = !/^step \d/m.test(decode(stdout));
  return `${steps.at(-1) ?? 0}${isWriting(out, before) ? " w" : isStarting ? " s" : ""}`;
}

/** Does so with the files of `set` on disk, or on a server that goes on while processes come and go. */
async function tortureAt(set: DataSet, options: { kills: number; seed: number }): Promise<Outcome> {
  let outcome: Outcome | undefined;
  await withFolder({}, async (folder) => {
    if (!set.faults) {
      await withFolder(set.files, async (root) => {
        outcome = await torture(set, { root, folder, ...options });
      });
    } else {
      await serving(set.files, { ...set.faults, seed: options.seed }, async (root) => {
        outcome = await torture(set, { root, folder, ...options });
      });
    }
  });
  return outcome!;
}

async function main(args: string[]): Promise<boolean> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { kills: { type: "string", default: "10" }, seed: { type: "string", default: "1" } },
  });
  const [kills, seed] = [Number(values.kills), Number(values.seed)];
  const unknown = positionals.find((name) => !Object.hasOwn(dataSets, name));
  if (unknown !== undefined || !(Number.isInteger(kills) && kills >= 1) || !Number.isInteger(seed)) {
    throw new UserError(
      `Cannot kill runs as asked: expected --kills N, --seed N, and any of ${
        Object.keys(dataSets).map((name) => JSON.stringify(name)).join(", ")
      }: found ${args.join(" ")}.`,
    );
  }
  Deno.env.set("BYOL_CACHE", await Deno.makeTempDir({ prefix: "byol cache " }));
  console.log(
    `Seed ${seed}. Where kills hit: the step of the last checkpoint; s: no step had been shown yet; w: the next ` +
      `checkpoint was being written.\n`,
  );
  const row = printTable(["source", "kills", "after the checkpoints", "seconds", "what is left"]);
  let allEqual = true;
  for (const name of positionals.length ? positionals : Object.keys(dataSets)) {
    const begin = performance.now();
    const outcome = await tortureAt(dataSets[name], { kills, seed: (seed + hashText(name)) % 2 ** 32 });
    const seconds = ((performance.now() - begin) / 1000).toFixed(0);
    row(
      name,
      outcome.kills.length,
      outcome.kills.join(", "),
      seconds,
      outcome.different.join(", ") || "equal",
    );
    allEqual &&= outcome.different.length === 0;
  }
  return allEqual;
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args) ? 0 : 1);
  } catch (error) {
    console.error(error instanceof UserError ? `error: ${messageOf(error)}` : error);
    Deno.exit(2);
  }
}
