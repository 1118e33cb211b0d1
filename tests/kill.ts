/**
 * Kills runs at random moments, resumes them, and compares their files with those of uninterrupted runs:
 *
 *     deno task test:kill [--kills 10] [--seed 1] [source…]
 *
 * For each kind of source, a small data set is trained on twice: once without interruption, and once by processes that are
 * killed by SIGKILL and resumed. Both runs must produce byte-identical files. Servers drop connections at random. The exit
 * code is 1 if any files differ.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { printTable } from "../bench/table.ts";
import type { PretrainOptions } from "../src/config/pretrain_options.ts";
import { messageOf, UserError } from "../src/base/errors.ts";
import { hashText } from "../src/base/random.ts";
import { withFolder } from "./data/fixtures.ts";
import { withHub } from "./data/hub_server.ts";
import { serving } from "./data/server.ts";
import { differences } from "./kill/compare.ts";
import { type DataSet, dataSets } from "./kill/data_sets.ts";
import { checkpointsIn, drawMoments, isWriting, type Moment, type Pace, reach } from "./kill/moments.ts";
import { argumentsOf, kill, trainWith } from "./run/whole_runs.ts";
import { withBucket } from "./s3/bucket.ts";

/** Neither divides the steps of an epoch, so that checkpoints lie within epochs. */
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

/** The result of a run that was killed. */
interface Outcome {
  /** The last checkpoint at each kill; with `s` if the process had not started to train, `w` if it was writing the next. */
  kills: string[];
  /** The files that differ. */
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

/** Trains without interruption, and returns the pace. */
async function uninterrupted(args: string[], out: string): Promise<Pace & { checkpoints: number }> {
  const begin = performance.now();
  const child = trainWith({ args });
  const output = child.output();
  const done = output.then(() => true);
  const pause = () => Promise.race([done, new Promise<false>((resolve) => setTimeout(resolve, 2, false))]);
  while (checkpointsIn(out).steps.length === 0 && !await pause());
  const first = performance.now() - begin;
  const { success, stderr } = await output;
  if (!success) throw new Error(`The uninterrupted run failed: ${decode(stderr)}`);
  const checkpoints = Math.ceil(checkpointsIn(out).steps.at(-1)! / CHECKPOINT_EVERY);
  return { first, interval: (performance.now() - begin - first) / (checkpoints - 1), checkpoints };
}

/** Whether there is a run in `out` to resume. */
async function hasBegun(out: string): Promise<boolean> {
  return await Deno.stat(`${out}/config.json`).then(() => true, () => false);
}

/** Starts or resumes the run. */
async function startOrResume(args: string[], out: string): Promise<Deno.ChildProcess> {
  return trainWith({ args: await hasBegun(out) ? [...args, "--resume"] : args });
}

/** Kills and resumes a run, lets it finish, and compares it with an uninterrupted one. */
async function killAndCompare(
  set: DataSet,
  { root, folder, kills: count, seed }: { root: string; folder: string; kills: number; seed: number },
): Promise<Outcome> {
  const reference = `${folder}/uninterrupted`, out = `${folder}/killed`;
  const { checkpoints, ...pace } = await uninterrupted(runOf(set, { root, out: reference }), reference);
  const args = runOf(set, { root, out }), kills: string[] = [];
  for (let moment of drawMoments(seed, { kills: count, checkpoints })) {
    let hit: string | null;
    while ((hit = await killAt(moment, { args, out, pace })) === null) {
      // The run finished before; kill a process that finds nothing left to do.
      moment = { kind: "starting", checkpoints: 0, share: moment.share / 4 };
    }
    kills.push(hit);
  }
  const { success, stderr } = await (await startOrResume(args, out)).output();
  if (!success) throw new Error(`The last run failed: ${decode(stderr)}`);
  return { kills, different: await differences(reference, out) };
}

/** Runs until `moment`, and returns where the process was killed; null if the run finished before. */
async function killAt(
  moment: Moment,
  { args, out, pace }: { args: string[]; out: string; pace: Pace },
): Promise<string | null> {
  const before = checkpointsIn(out);
  const child = await startOrResume(args, out), exit = new AbortController();
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

/** Kills runs on the files of `set`, on disk or on a server that runs on between the processes. */
async function killOn(set: DataSet, options: { kills: number; seed: number }): Promise<Outcome> {
  const { files, host, faults } = set, withSeed = { ...faults, seed: options.seed };
  let outcome: Outcome | undefined;
  await withFolder({}, async (folder) => {
    const runOn = async (root: string) => {
      outcome = await killAndCompare(set, { root, folder, ...options });
    };
    if (host === "bucket") await withBucket(files, () => runOn("s3://data"));
    else if (host === "hub") {
      const repository = { commits: { c0ffee: files }, revisions: { main: "c0ffee" } };
      await withHub({ "me/set": repository }, () => runOn("hf://datasets/me/set"), { faults: withSeed });
    } else if (faults) await serving(files, withSeed, runOn);
    else await withFolder(files, runOn);
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
      `Cannot kill runs with "${
        args.join(" ")
      }": unknown option, number or source. Give --kills N, --seed N, and any of ${
        Object.keys(dataSets).map((name) => JSON.stringify(name)).join(", ")
      }.`,
    );
  }
  Deno.env.set("BYOL_CACHE", await Deno.makeTempDir({ prefix: "byol cache " }));
  console.log(
    `Seed ${seed}. Each kill is given as the step of the last checkpoint; s: no step was printed yet; w: the next ` +
      `checkpoint was being written.\n`,
  );
  const row = printTable(["source", "kills", "after the checkpoints", "seconds", "different files"]);
  let allEqual = true;
  for (const name of positionals.length ? positionals : Object.keys(dataSets)) {
    const begin = performance.now();
    const outcome = await killOn(dataSets[name], { kills, seed: (seed + hashText(name)) % 2 ** 32 });
    const seconds = ((performance.now() - begin) / 1000).toFixed(0);
    row(
      name,
      outcome.kills.length,
      outcome.kills.join(", "),
      seconds,
      outcome.different.join(", ") || "none",
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
