/**
 * The command line of `deno task bench:gpu`.
 *
 * @module
 */
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createCommand, type Help, parseCommand } from "../../src/cli/command.ts";
import { flag } from "../../src/config/flag.ts";
import { integer, type OptionType, text } from "../../src/config/option_types.ts";
import type { Session } from "./session.ts";
import { type StageName, stages } from "./stage.ts";

const names = Object.keys(stages) as StageName[];
const USUAL: StageName[] = ["adapter", "tests", "profile", "precision", "torch", "train"];
const SECONDS = 570, BATCH = 512, TUNE_SECONDS = 30, EVAL_SECONDS = 75;
const SMALL = { batch: 8, tuneSeconds: 1, evalSeconds: 30 };
const RECIPE = ["--preset", "cifar", "--warmup", ".1"];

/** Names of stages with commas between them. */
const stageList: OptionType<StageName[]> = {
  placeholder: "NAME,…",
  expected: `some of ${names.join(", ")}, with commas between them`,
  parse(text) {
    const given = text.split(",");
    return given.every((name) => Object.hasOwn(stages, name)) ? given as StageName[] : undefined;
  },
};

/** Seconds of stages, as tests=60,profile=120. */
const limitList: OptionType<Partial<Record<StageName, number>>> = {
  placeholder: "NAME=S,…",
  expected: "names of stages with seconds, as tests=60,profile=120",
  parse(text) {
    const pairs = text.split(",").map((pair) => /^(\w+)=(\d+)$/.exec(pair));
    if (!pairs.every((pair) => pair !== null && Object.hasOwn(stages, pair[1]))) return undefined;
    return Object.fromEntries(pairs.map((pair) => [pair![1], Number(pair![2])]));
  },
};

/** Options of another command, as they stand on its command line. */
const optionList: OptionType<string[]> = {
  placeholder: "OPTIONS",
  expected: "options of train.ts with blanks between them",
  parse: (text) => text.trim().startsWith("--") ? text.trim().split(/\s+/) : undefined,
};

const groups = {
  what: {
    stages: flag(stageList, `which stages: ${names.join(", ")}`, USUAL.join(",")),
    seconds: flag(integer({ min: 10 }), "seconds in all", SECONDS),
    limits: flag(
      limitList,
      "seconds at most of single stages",
      "adapter=60,tests=100,profile=190,precision=120,torch=90; train has the rest",
    ),
  },
  "the CIFAR-10 run": {
    data: flag(
      text("DIR"),
      "folder of labeled .tar or .bin files, of which the last is held out",
      "none: the stage train is left out; with --small images are drawn",
    ),
    batch: flag(integer({ min: 2 }), "images of a step", BATCH),
    recipe: flag(optionList, "further options of train.ts", RECIPE.join(" ")),
    tuneSeconds: flag(integer({ min: 1 }), "seconds to time kernels of a configuration", TUNE_SECONDS),
    evalSeconds: flag(integer({ min: 1 }), "seconds kept for the evaluation", EVAL_SECONDS),
  },
  where: {
    out: flag(text("DIR"), "folder for the results", "runs/bench_gpu"),
    work: flag(
      text("DIR"),
      "folder for what a later call can go on with",
      "byol_bench_gpu where temporary files are",
    ),
    python: flag(text("PROGRAM"), "the Python that has PyTorch", "python3"),
  },
};

/** What the arguments ask for. */
export interface GpuBenchArguments {
  session: Session;
  stages: StageName[];
  limits: Partial<Record<StageName, number>>;
}

type Given = Partial<Omit<Session, "begin" | "data">> & {
  data?: string;
  stages?: StageName[];
  limits?: Partial<Record<StageName, number>>;
};

/**
 * Reads the arguments. Prints nothing and never exits.
 *
 * @throws {UserError} on an unknown option, and on a value of the wrong type or range.
 */
export function parseGpuBenchOptions(args: readonly string[]): GpuBenchArguments | Help {
  const command = createCommand("bench:gpu", {
    about: "Measures this machine's GPU, holds the training step against PyTorch's, and trains on CIFAR-10.",
    groups,
  }).optionsGroup("What:").option(
    "--small",
    "everything tiny, on whatever adapter: tries the stages themselves",
  );
  const given = parseCommand<Given>(command, args);
  if ("help" in given) return given;
  const { stages = USUAL, limits = {}, small = false, recipe = RECIPE, data, ...others } = given;
  const caller = Deno.env.get("INIT_CWD") ?? Deno.cwd();
  const folder = (path: string | undefined, otherwise: string) =>
    path === undefined ? resolve(otherwise) : resolve(caller, path);
  // unpack.sh tells when it began: that counts too.
  const begin = 1000 * Number(Deno.env.get("SESSION_START") ?? Date.now() / 1000);
  const session: Session = {
    seconds: SECONDS,
    batch: BATCH,
    tuneSeconds: TUNE_SECONDS,
    evalSeconds: EVAL_SECONDS,
    python: "python3",
    ...small && SMALL,
    ...others,
    small,
    begin,
    recipe,
    data: data === undefined ? null : resolve(caller, data),
    out: folder(given.out, "runs/bench_gpu"),
    work: folder(given.work, join(tmpdir(), small ? "byol_bench_gpu_small" : "byol_bench_gpu")),
  };
  return { session, stages, limits };
}
