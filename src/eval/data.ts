/**
 * The labelled images of an evaluation: those to learn from and those to be asked about.
 *
 * @module
 */
import type { ImageSource } from "../../data/sources/types.ts";
import { openSource } from "../../data/sources/open.ts";
import type { EvaluateOptions } from "../config/evaluate_flags.ts";
import { UserError } from "../base/errors.ts";
import type { EvaluatedRun } from "./evaluated_encoder.ts";
import { split } from "./split.ts";

/** Some of the samples of a source, and the class that each of its labels means. */
export interface Samples {
  source: ImageSource;
  first: number;
  /** Null: to the end. */
  limit: number | null;
  classOf(label: number): number;
}

/** Both parts. Dispose of it to close the sources. */
export interface EvaluationData extends Disposable {
  train: Samples;
  test: Samples;
  /** The names of the classes, of the training part; empty if it has labels without names. */
  classes: string[];
}

/** Opens what `--train` and `--test` name, or else the data of the run, which have this fingerprint, with what it held out. */
export async function openEvaluationData(
  { train, test }: EvaluateOptions,
  run: EvaluatedRun | null,
  { fingerprint = null }: { fingerprint?: string | null } = {},
): Promise<EvaluationData> {
  if (train !== undefined ? test === undefined : !run) {
    throw new UserError(
      `Cannot evaluate without ${
        train === undefined ? "--train" : "--test"
      } as there must be labelled images to learn ` +
        `from and others to be asked about: add ${
          train === undefined ? "--train SOURCE --test" : "--test"
        } SOURCE` +
        `${run ? "" : ", or --run DIR to take the run's own"}.`,
    );
  }
  const opened: ImageSource[] = [];
  const open = async (spec: string | string[]) => {
    const source = await openSource(spec);
    opened.push(source);
    return source;
  };
  const close = () => opened.forEach((source) => source.close());
  try {
    if (train === undefined && run!.options.data === null) {
      throw new UserError(
        `Cannot evaluate the run in "${
          run!.out
        }" on its own data: it was a source of a program. Name labeled images: ` +
          `--train SOURCE --test SOURCE.`,
      );
    }
    const own = train === undefined ? await open(run!.options.data!) : null;
    if (own && fingerprint !== null && own.fingerprint !== fingerprint) {
      throw new UserError(
        `Cannot evaluate on what the run in ${
          run!.out
        } held out as ${own.name} has changed: expected the images that ` +
          `it learnt from. Restore them, or name others: --train SOURCE --test SOURCE.`,
      );
    }
    const parts = own && split(own, run!.options);
    if (own && test === undefined && parts!.holdout === 0) {
      throw new UserError(
        `Cannot evaluate on ${own.name} as the run in ${run!.out} held nothing out. Add --test SOURCE.`,
      );
    }
    const learnt = own ?? await open(train!), asked = test === undefined ? own! : await open(test);
    const { classes } = learnt;
    expectClasses(learnt, asked);
    const same = (label: number) => label;
    return {
      classes,
      train: { source: learnt, first: 0, limit: own ? parts!.train : null, classOf: same },
      test: test === undefined
        ? { source: asked, first: parts!.train!, limit: parts!.holdout, classOf: same }
        : {
          source: asked,
          first: 0,
          limit: null,
          classOf: asked.classes.length ? (label) => classes.indexOf(asked.classes[label]) : same,
        },
      [Symbol.dispose]: close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** Refuses classes of one part that the other has not: whoever mixed them up would read the accuracy of chance. */
function expectClasses(train: ImageSource, test: ImageSource): void {
  if (train.classes.length === 1) {
    throw new UserError(
      `Cannot evaluate on ${train.name} as there must be at least two classes: it has only ${
        train.classes[0]
      }.`,
    );
  }
  if (train.classes.length === 0 && test.classes.length === 0) return; // numbers without names, or no labels
  const unknown = test.classes.filter((name) => !train.classes.includes(name));
  if (unknown.length === 0 && test.classes.length > 0) return;
  const some = (names: string[]) =>
    names.length === 0 ? "none" : names.slice(0, 3).join(", ") + (names.length > 3 ? ", …" : "");
  throw new UserError(
    `Cannot evaluate on ${test.name} as its classes must be those of ${train.name}: expected ${
      some(train.classes)
    }, found ${some(unknown)}. Label both alike.`,
  );
}
