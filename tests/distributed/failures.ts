/**
 * What ends a job, and that its run goes on to the bytes of an undisturbed one: `deno task test:mpi [MOMENTS] [MPI]`. Kills each
 * of two ranks at so many random moments (default: 10), stops one, and sends the signals of users and schedulers. Takes
 * minutes.
 */
import { keyedRandom } from "../../src/base/random.ts";
import { assert, assertEquals } from "../assert.ts";
import { type Ended, ended, installed, type Mpi, start } from "./launch.ts";
import { argumentsOf, assertSameRun, runAlone, runOn } from "./runs.ts";

const MOMENTS = Number(Deno.args[0] ?? 10), ONLY = Deno.args[1];
/** Batches of a step: 1, 2 and 3 ranks can share them. */
const SIZES = { steps: 7, accumulate: 6 };
const TIMEOUT = 15;

/** The process of rank `rank` among those that descend from `job`. */
async function processOf(job: Deno.ChildProcess, rank: number): Promise<number | null> {
  const parents = new Map<number, number>(), found: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await Deno.readTextFile(`/proc/${name}/stat`).catch(() => "");
    parents.set(Number(name), Number(stat.replace(/^.*\) /s, "").split(" ")[1]));
    const variables = await Deno.readTextFile(`/proc/${name}/environ`).catch(() => "");
    if (new RegExp(`\\0(OMPI_COMM_WORLD_RANK|PMI_RANK)=${rank}\\0`).test(`\0${variables}`)) {
      found.push(Number(name));
    }
  }
  const descends = (pid: number): boolean => pid === job.pid || pid > 1 && descends(parents.get(pid) ?? 0);
  return found.find(descends) ?? null;
}

const folder = await Deno.makeTempDir({ prefix: "mpi-failures-" });
Deno.env.set("BYOL_CACHE", folder);
const env = { BYOL_MPI_TIMEOUT: `${TIMEOUT}` };
const undisturbed = `${folder}/undisturbed`;
assertEquals((await runAlone(argumentsOf(undisturbed, SIZES))).code, 0);
console.log(`an undisturbed run of one process is in ${undisturbed}`);

const random = keyedRandom(17, 0);
let runs = 0;

/** Disturbs a run on 2 ranks by `act` some time after its first checkpoint or before; then resumes it on `ranks`. */
async function disturbed(
  mpi: Mpi,
  { what, act, ranks, check, late = true }: {
    what: string;
    /** Whether there is a checkpoint already. */
    late?: boolean;
    act: (job: Deno.ChildProcess) => Promise<void> | void;
    ranks: number;
    check: (ended: Ended) => void;
  },
): Promise<void> {
  const out = `${folder}/run-${++runs}`, args = argumentsOf(out, SIZES);
  const job = start(mpi, { ranks: 2, args, env }), end = ended(job);
  let isOver = false;
  end.finally(() => isOver = true);
  await momentIn(out, { late, isOver: () => isOver });
  const begin = performance.now();
  if (!isOver) await act(job);
  const result = await end, seconds = (performance.now() - begin) / 1000;
  assert(await lastSaved(out) < SIZES.steps, `${mpi.name}, ${what}: the run was over before. ${result.err}`);
  check(result);
  assert(seconds < TIMEOUT + 20, `${what}: the job ended after ${seconds} s`);
  const left = await checkpointsIn(out);
  const resumed = left.length > 0;
  const again = await runOn(mpi, { ranks, args: [...args, ...resumed ? ["--resume"] : []] });
  assertEquals(again.code, 0, again.err);
  await assertSameRun(out, undisturbed, `${mpi.name}, ${what}`);
  console.log(
    `${mpi.name}, ${what}: exit code ${result.code} after ${seconds.toFixed(1)} s; ${
      resumed ? `from ${left.length} checkpoints` : "from the start"
    } on ${ranks}: the same bytes`,
  );
  await Deno.remove(out, { recursive: true });
}

/**
 * Waits for a random moment of the run in `out`, while it trains: before its first checkpoint, or from one on that leaves steps
 * to do. Its files say how far it is, as times differ between machines.
 */
async function momentIn(
  out: string,
  { late, isOver }: { late: boolean; isOver: () => boolean },
): Promise<void> {
  const until = async (isThere: () => Promise<boolean>) => {
    while (!isOver() && !await isThere()) await sleep(10);
  };
  // A signal may come in the step after the next one, and ends the run after the step that follows.
  const saved = late ? 1 + Math.floor((SIZES.steps - 4) * random.uniform()) : 0;
  const delay = (late ? 500 : 5000) * random.uniform();
  // Before the start of training there is nothing to lose.
  await until(() => Deno.stat(`${out}/metrics.jsonl`).then(() => true, () => false));
  await until(async () => await lastSaved(out) >= saved);
  const begin = performance.now();
  await until(async () => performance.now() - begin > delay || await lastSaved(out) > saved);
}

/** The step of the last checkpoint in the run's folder `out`; 0 without one. */
async function lastSaved(out: string): Promise<number> {
  const steps = (await checkpointsIn(out)).map((name) => parseInt(name.slice("step-".length)));
  return Math.max(0, ...steps);
}

async function checkpointsIn(out: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(`${out}/checkpoints`)) {
      if (/^step-\d+\.safetensors$/.test(name)) names.push(name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const toRank = (rank: number, signal: Deno.Signal) => async (job: Deno.ChildProcess) => {
  const pid = await processOf(job, rank);
  if (pid !== null) Deno.kill(pid, signal);
};
const toLauncher = (signal: Deno.Signal) => (job: Deno.ChildProcess) => job.kill(signal);

for (const mpi of installed.filter(({ name }) => ONLY === undefined || name === ONLY)) {
  const passesOn = mpi.name === "Open MPI";
  let ranks = 0;
  const next = () => 1 + ranks++ % 3;
  for (let moment = 0; moment < MOMENTS; moment++) {
    for (const rank of [0, 1]) {
      await disturbed(mpi, {
        what: `kill -9 of rank ${rank}`,
        late: moment % 3 > 0,
        act: toRank(rank, "SIGKILL"),
        ranks: next(),
        check: ({ code }) => assert(code !== 0),
      });
    }
  }
  for (const rank of [0, 1]) {
    await disturbed(mpi, {
      what: `SIGSTOP of rank ${rank}`,
      act: toRank(rank, "SIGSTOP"),
      ranks: next(),
      check({ err }) {
        const lines = err.split("\n").filter((line) => line.startsWith("error: Cannot go on"));
        assertEquals(lines.length, 1, err);
        // A call of MPI that blocks does not tell which rank it waits for: the message names all machines.
        assert(lines[0].includes(`rank ${rank} (`) || lines[0].includes(" with 2 ranks on "), lines[0]);
      },
    });
  }
  const expectStop = (out: string) =>
    assertEquals(out.match(new RegExp(`^Stopped after step \\d of ${SIZES.steps}`, "gm"))?.length, 1, out);
  await disturbed(mpi, {
    // MPICH's launcher does not pass it on: then one rank alone hears it, and all stop.
    what: `SIGUSR2 to ${passesOn ? "the launcher" : "rank 1"}`,
    act: passesOn ? toLauncher("SIGUSR2") : toRank(1, "SIGUSR2"),
    ranks: next(),
    check({ code, out }) {
      assert(passesOn ? code === 140 : code !== 0, `${code}`);
      expectStop(out);
    },
  });
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    await disturbed(mpi, {
      what: `${signal} to the launcher`,
      act: toLauncher(signal),
      ranks: next(),
      check({ code, out }) {
        // Open MPI's launcher leaves a second. MPICH's waits for its ranks, and after SIGINT may say 0.
        if (passesOn) assert(code !== 0);
        else expectStop(out);
      },
    });
  }
}
console.log(`${runs} runs were disturbed`);
await Deno.remove(folder, { recursive: true });
