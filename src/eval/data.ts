/**
 * The labeled images of an evaluation: those to learn from and those to test on.
 *
 * @module
 */
import type { ImageSource } from "../../data/sources/types.ts";
import { openSource } from "../../data/sources/open.ts";
import { UserError } from "../base/errors.ts";
import type { EvaluatedRun } from "./open_encoder.ts";
import { split } from "./split.ts";
import type { EvaluateOptions, LabeledData } from "./types.ts";

/** Some of the samples of a source, and the class of each of its labels. */
export interface Samples {
  source: ImageSource;
  first: number;
  /** Null: to the end. */
  limit: number | null;
  classOf(label: number): number;
}

/** Both parts. Dispose of it to close the sources that were opened here. */
export interface EvaluationData extends Disposable {
  train: Samples;
  test: Samples;
  /** Names of the classes, from the training part; empty if its labels have no names. */
  classes: string[];
}

type Given = Pick<EvaluateOptions, "train" | "test">;

const same = (label: number) => label;

/** Opens `train` and `test`; by default the data of `run`, which must have this fingerprint, and what it held out. */
export async function openEvaluationData(
  { train, test }: Given,
  run: EvaluatedRun | null,
  { fingerprint = null }: { fingerprint?: string | null } = {},
): Promise<EvaluationData> {
  expectBothParts({ train, test }, run);
  using opened = new DisposableStack();
  const open = async (data: LabeledData) => {
    if (typeof data === "object" && "kind" in data) return data; // its owner closes it
    return opened.adopt(await openSource(data), (source) => source.close());
  };
  const own = train === undefined ? await openRunData(run!, { fingerprint, open }) : null;
  const parts = own && split(own, run!.options);
  if (own && test === undefined && parts!.holdout === 0) {
    throw new UserError(
      `Cannot evaluate on "${own.name}": the run in ${run!.out} held nothing out. Add --test SOURCE.`,
    );
  }
  const learned = own ?? await open(train!), tested = test === undefined ? own! : await open(test);
  const { classes } = learned;
  expectSameClasses(learned, tested);
  const close = opened.move();
  return {
    classes,
    train: { source: learned, first: 0, limit: own ? parts!.train : null, classOf: same },
    test: test === undefined
      ? { source: tested, first: parts!.train!, limit: parts!.holdout, classOf: same }
      : {
        source: tested,
        first: 0,
        limit: null,
        classOf: tested.classes.length ? (label) => classes.indexOf(tested.classes[label]) : same,
      },
    [Symbol.dispose]: () => close.dispose(),
  };
}

function expectBothParts({ train, test }: Given, run: EvaluatedRun | null): void {
  if (train !== undefined ? test !== undefined : run) return;
  const missing = train === undefined ? "--train" : "--test";
  throw new UserError(
    `Cannot evaluate without ${missing}: labeled images to learn from and others to test on are needed. Add ` +
      `${train === undefined ? "--train SOURCE --test" : "--test"} SOURCE` +
      `${run ? "" : ", or --run DIR to use the run's own"}.`,
  );
}

/** Opens the data of `run`, which must be those that its encoder was trained on. */
async function openRunData(
  { out, options: { data } }: EvaluatedRun,
  { fingerprint, open }: { fingerprint: string | null; open: (data: LabeledData) => Promise<ImageSource> },
): Promise<ImageSource> {
  if (data === null) {
    throw new UserError(
      `Cannot evaluate the run in "${out}" on its own data: it was a source of a program. Name labeled images: ` +
        `--train SOURCE --test SOURCE.`,
    );
  }
  const source = await open(data);
  if (fingerprint === null || source.fingerprint === fingerprint) return source;
  throw new UserError(
    `Cannot evaluate on what the run in ${out} held out: "${source.name}" has changed since it was trained. Restore ` +
      `the images, or name others: --train SOURCE --test SOURCE.`,
  );
}

/** Refuses parts with different classes: mixing them up would give the accuracy of chance. */
function expectSameClasses(train: ImageSource, test: ImageSource): void {
  if (train.classes.length === 1) {
    throw new UserError(
      `Cannot evaluate on "${train.name}": it has only one class, ${
        train.classes[0]
      }. Name data with at least two ` +
        `classes.`,
    );
  }
  if (train.classes.length === 0 && test.classes.length === 0) return; // numbers without names, or no labels
  const unknown = test.classes.filter((name) => !train.classes.includes(name));
  if (unknown.length === 0 && test.classes.length > 0) return;
  const some = (names: string[]) =>
    names.length === 0 ? "none" : names.slice(0, 3).join(", ") + (names.length > 3 ? ", …" : "");
  throw new UserError(
    `Cannot evaluate on "${test.name}": its classes must be those of "${train.name}", expected ${
      some(train.classes)
    }, found ${some(unknown)}. Label both alike.`,
  );
}
