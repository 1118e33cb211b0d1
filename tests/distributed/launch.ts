/** Launches ranks for tests, by each MPI that is installed. */

/** An installed MPI. */
export interface Mpi {
  name: string;
  /** The words before the program, for `ranks` processes. */
  command(ranks: number): string[];
}

async function isThere(program: string): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" }).output())
      .success;
  } catch {
    return false;
  }
}

const known: Mpi[] = [
  {
    name: "Open MPI",
    command: (ranks) => ["mpirun.openmpi", "--bind-to", "none", "--oversubscribe", "-n", `${ranks}`],
  },
  { name: "MPICH", command: (ranks) => ["mpirun.mpich", "-n", `${ranks}`] },
];

/** The installed ones. Debian names the launchers so; elsewhere the tests are skipped. */
export const installed: Mpi[] = [];
for (const mpi of known) if (await isThere(mpi.command(1)[0])) installed.push(mpi);

/** For test titles and `ignore`: what is missing. */
export const missing = known.filter((mpi) => !installed.includes(mpi)).map(({ name }) => name);

/** What ranks printed, and how they ended. */
export interface Ended {
  code: number;
  out: string;
  err: string;
}

/** Variables of a job: root may start one, containers lack what shared memory copies need, no sign of this process's own. */
export const environment = {
  OMPI_ALLOW_RUN_AS_ROOT: "1",
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1",
  OMPI_MCA_btl_vader_single_copy_mechanism: "none",
  NO_COLOR: "1",
};

/** Starts `ranks` processes of `deno run ARGS`. */
export function start(
  mpi: Mpi,
  { ranks, args, env = {}, deno = ["run", "-q", "-A", "--no-check"] }: {
    ranks: number;
    args: readonly string[];
    env?: Record<string, string>;
    deno?: readonly string[];
  },
): Deno.ChildProcess {
  const [program, ...words] = mpi.command(ranks);
  return new Deno.Command(program, {
    args: [...words, Deno.execPath(), ...deno, ...args],
    env: { ...environment, ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** The end of a job. */
export async function ended(job: Deno.ChildProcess): Promise<Ended> {
  const { code, stdout, stderr } = await job.output(), text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

/** Runs `ranks` processes of `deno run ARGS` to their end. */
export function launch(mpi: Mpi, options: Parameters<typeof start>[1]): Promise<Ended> {
  return ended(start(mpi, options));
}
