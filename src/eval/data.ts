/**
 * The labeled images of an evaluation: those to learn from and those to test on.
 *
 * @module
 */
import { divide } from "../../data/divide.ts";
import { openSource } from "../../data/sources/open.ts";
import type { SplitName } from "../../data/sources/survey.ts";
import type { ImageSource } from "../../data/sources/types.ts";
import { subsetOf } from "../../data/subset.ts";
import { UserError } from "../base/errors.ts";
import { expectAnswerable } from "./classes.ts";
import { type DataReport, reportOn } from "./data_report.ts";
import { labeledRows } from "./labels.ts";
import type { EvaluatedRun } from "./open_encoder.ts";
import { partsOf } from "./parts.ts";
import type { EvaluateOptions, LabeledData } from "./types.ts";

/** The share of labeled images to test on, if there is neither a test split nor a held-out part. */
const TEST_SHARE = .2;

/** Images of a source. */
export interface Samples {
  /** All or some of the images of `whole`. */
  source: ImageSource;
  whole: ImageSource;
}

/** Both parts. Dispose of it to close the sources that were opened here. */
export interface EvaluationData extends Disposable {
  train: Samples;
  test: Samples;
  /** What was found: in one source, or in that of each part. */
  reports: DataReport[];
  /** The split that the data have to test on, if something else is tested on; otherwise null. */
  otherSplit: SplitName | null;
}

type Given = Pick<EvaluateOptions, "data" | "train" | "test" | "split" | "label" | "signal">;

/** Opens a source, or the split of one. */
type Open = (data: LabeledData, split?: SplitName) => Promise<ImageSource>;

/**
 * Opens the images that the options name; by default the data of `run`, which must have this fingerprint, and what it held
 * out.
 */
export async function openEvaluationData(
  given: Given,
  run: EvaluatedRun | null,
  { fingerprint = null, seed = 0 }: { fingerprint?: string | null; seed?: number } = {},
): Promise<EvaluationData> {
  expectBothParts(given, run);
  using opened = new DisposableStack();
  const label = given.label ?? run?.options.label ?? undefined, { signal } = given;
  const open: Open = async (data, split) => {
    if (!isOpen(data)) {
      return opened.adopt(await openSource(data, { split, label, signal }), (source) => source.close());
    }
    if (split === undefined) return data; // its owner closes it
    throw new UserError(
      `Cannot read the split "${split}" of "${data.name}": it is open. Give its name instead.`,
    );
  };
  const train = given.train === undefined
    ? await trainingPart(given, run, { fingerprint, open })
    : wholeOf(await open(given.train));
  const parts = await bothParts(given, { ...train, run, open, seed }), learned = labeledOnly(parts.learned);
  const tested = parts.tested.source === parts.learned.source ? learned : labeledOnly(parts.tested);
  expectAnswerable(learned.source, tested.source);
  const close = opened.move();
  return {
    train: learned,
    test: tested,
    reports: reportsOn(learned, tested),
    otherSplit: tested.whole === learned.whole ? testSplitOf(learned.whole) : null,
    [Symbol.dispose]: () => close.dispose(),
  };
}

const isOpen = (data: LabeledData): data is ImageSource => typeof data === "object" && "kind" in data;
const wholeOf = (source: ImageSource) => ({ own: null, learned: { source, whole: source }, heldOut: null });

/** Where the images to learn from come from: the data of both parts, or null; and what a run held out of them. */
interface TrainingPart {
  own: LabeledData | null;
  learned: Samples;
  heldOut: ImageSource | null;
}

/** The images that the run trained on, or the training split of `data`. */
async function trainingPart(
  { data }: Given,
  run: EvaluatedRun | null,
  { fingerprint, open }: { fingerprint: string | null; open: Open },
): Promise<TrainingPart> {
  if (!run) {
    const whole = await open(data!);
    return { own: data!, learned: { source: whole, whole }, heldOut: null };
  }
  const own = data ?? run.options.data;
  if (own === null) {
    throw new UserError(
      `Cannot evaluate the run in "${run.out}" on its own data: it was a source of a program. Name labeled images: ` +
        `--train SOURCE --test SOURCE.`,
    );
  }
  const whole = await openOwn(own, run, open), { name } = whole;
  if (fingerprint !== null && whole.fingerprint !== fingerprint) {
    throw new UserError(
      data === undefined
        ? `Cannot evaluate on what the run in ${run.out} held out: "${name}" has changed since it was trained. Restore ` +
          `the images, say where they are now (--data SOURCE), or name others: --train SOURCE --test SOURCE.`
        : `Cannot evaluate the run in ${run.out} on "${name}": these are not the images that it was trained on. For ` +
          `others leave out --run: --encoder ${run.out}/encoder.safetensors --data SOURCE.`,
    );
  }
  const { train, heldOut } = partsOf(whole, run.options);
  return { own, learned: { source: train, whole }, heldOut };
}

/** Opens the data of `run`; if that fails, says how to name where they are now. */
async function openOwn(own: LabeledData, { out, options }: EvaluatedRun, open: Open): Promise<ImageSource> {
  try {
    return await open(own, isOpen(own) ? undefined : options.split ?? undefined);
  } catch (error) {
    if (!(error instanceof UserError) || own !== options.data) throw error;
    throw new UserError(
      `${error.message} These are the images of the run in ${out}. If they have moved, say where they are now: --data ` +
        `SOURCE.`,
    );
  }
}

/** The images to learn from, and those to test on. */
async function bothParts(
  { test, split }: Given,
  { own, learned, heldOut, run, open, seed }: TrainingPart & {
    run: EvaluatedRun | null;
    open: Open;
    seed: number;
  },
): Promise<{ learned: Samples; tested: Samples }> {
  const whole = (source: ImageSource) => ({ learned, tested: { source, whole: source } });
  if (test !== undefined) return whole(await openToTest(test, { split, open }));
  if (split !== undefined) return whole(await open(own!, split));
  if (heldOut) return { learned, tested: { source: heldOut, whole: learned.whole } };
  const other = testSplitOf(learned.whole);
  if (other) return whole(await open(own!, other));
  if (run) {
    throw new UserError(
      `Cannot evaluate on "${learned.whole.name}": the run in ${run.out} held nothing out. Add --test SOURCE.`,
    );
  }
  const { train, heldOut: fifth } = divide(learned.whole, { holdout: TEST_SHARE, seed });
  if (!fifth || train.length === 0) {
    throw new UserError(
      `Cannot divide "${learned.whole.name}" into images to learn from and to test on: it has ${learned.whole.length}. ` +
        `Name more images, or both parts: --train SOURCE --test SOURCE.`,
    );
  }
  return {
    learned: { source: train, whole: learned.whole },
    tested: { source: fifth, whole: learned.whole },
  };
}

/** Those of `samples` that have a label, if that is known before they are read: others would be read for nothing. */
function labeledOnly({ source, whole }: Samples): Samples {
  const { name, length } = source;
  if (!source.label || length === null) return { source, whole };
  const rows = labeledRows(Int32Array.from({ length }, (_, i) => source.label!(i) ?? -1), name);
  return { source: rows.length === length ? source : subsetOf(source, rows), whole };
}

/** The split to test on beside the one that is read; null if there is none. */
function testSplitOf({ survey }: ImageSource): SplitName | null {
  if (!survey || survey.split === "test") return null;
  if (survey.splits.has("test")) return "test";
  return survey.splits.has("validation") && survey.split !== "validation" ? "validation" : null;
}

/** Opens images to test on: of data with splits, those to test on. */
async function openToTest(
  data: LabeledData,
  { split, open }: { split?: SplitName; open: Open },
): Promise<ImageSource> {
  if (split !== undefined || isOpen(data)) return await open(data, split);
  const source = await open(data), other = testSplitOf(source);
  return other ? await open(data, other) : source;
}

function expectBothParts({ data, train, test }: Given, run: EvaluatedRun | null): void {
  if (data !== undefined && train !== undefined) {
    throw new UserError(
      `Cannot evaluate with both --data and --train: both name images to learn from. Leave one out.`,
    );
  }
  if (data !== undefined || (train !== undefined ? test !== undefined : run)) return;
  const missing = train === undefined ? "--train" : "--test";
  const advice = train === undefined
    ? "Add --train SOURCE --test SOURCE, --data SOURCE with both, or --run DIR to use the run's own"
    : `Add --test SOURCE, or give --data SOURCE in place of --train${
      run ? ", if it has the run's images" : ""
    }, and a part of it is tested on`;
  throw new UserError(
    `Cannot evaluate without ${missing}: labeled images to learn from and others to test on are needed. ${advice}.`,
  );
}

function reportsOn(train: Samples, test: Samples): DataReport[] {
  const learned = { name: "to learn from", part: train.source };
  const tested = { name: "to test on", part: test.source };
  return train.whole === test.whole && train.source !== test.source
    ? [reportOn(train.whole, [learned, tested])]
    : [reportOn(train.whole, [learned]), reportOn(test.whole, [tested])];
}
