/**
 * What a run's page shows, from the files of the run and nothing else: the same files give the same page.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { basename, resolve } from "node:path";
import { UserError } from "../base/errors.ts";
import type { EvaluationRecord, StepRecord } from "../config/callbacks.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";
import type { DataReport } from "../eval/data_report.ts";
import { ADVICE, verdictText } from "../eval/verdict_text.ts";
import { type ChangedOption, changedOptions } from "./changed_options.ts";
import { decimated, type Series } from "./decimate.ts";
import { names, REPORT_FOLDER, type RunState, type ShownEncoder, type ShownImages } from "./report_files.ts";
import type { RunFiles } from "./run_files.ts";

/** Images that are not used, and why. */
export interface UnusedImages {
  reason: string;
  count: number;
  /** The first few. */
  keys: string[];
}

/** A page of one run. Pictures are `data:` addresses. */
export interface PageData {
  name: string;
  folder: string;
  state: RunState | null;
  /** Dimensions of the projections: z_std is near 1/√D in a healthy run. */
  projection: number;
  options: ChangedOption[];
  adapter: string;
  data: Pick<DataReport, "source" | "images" | "unlabeled" | "classCount" | "parts"> | null;
  /** By the fields of metrics.jsonl. */
  steps: Record<string, Series>;
  /** By the fields of evaluations.jsonl that are numbers. */
  evaluations: Record<string, Series>;
  /** The last evaluation. */
  evaluation: EvaluationRecord | null;
  /** Whether the run still learns, and what to do about it; null if the evaluations do not tell. */
  verdict: { text: string; advice: string } | null;
  /** kNN accuracies before the first step, and of the finished run. */
  knn: { rawPixels: number; untrained: number; trained: number } | null;
  images: (ShownImages & { classes: string[] }) | null;
  initial: ShownEncoder | null;
  latest: ShownEncoder | null;
  bad: UnusedImages[];
  leftOut: UnusedImages[];
  /** Tells whether these pictures are those that a page has already. */
  pictures: { version: string; sheet: string | null; views: string | null };
}

/** Files that say something on a page, for who watches them. */
export const WATCHED: readonly string[] = [
  ...["config.json", "metrics.jsonl", "evaluations.jsonl", "bad_images.jsonl", "data.json", "summary.json"],
  ...Object.values(names).map((name) => `${REPORT_FOLDER}/${name}`),
];

/** Reads several runs. Those whose folders have the same name are called by their paths. */
export async function readPages(all: readonly RunFiles[]): Promise<PageData[]> {
  const pages: PageData[] = [];
  for (const files of all) pages.push(await readPageData(files));
  const isShared = ({ name }: PageData) => pages.filter((other) => other.name === name).length > 1;
  return pages.map((page) => isShared(page) ? { ...page, name: page.folder } : page);
}

/**
 * Reads a run.
 *
 * @throws {UserError} if there is none in the folder.
 */
export async function readPageData(files: RunFiles): Promise<PageData> {
  const options = await files.json<ResolvedOptions & { adapter?: { name?: string } }>("config.json", {
    keys: "as they are",
  });
  if (options?.projection === undefined) {
    throw new UserError(
      `Cannot show "${files.folder}": it holds no run, as its config.json would tell. Name a run's folder.`,
    );
  }
  const own = (name: keyof typeof names) => `${REPORT_FOLDER}/${names[name]}`;
  const data = await files.json<DataReport>("data.json"), state = await files.json<RunState>(own("state"));
  const evaluations = await files.records<EvaluationRecord>("evaluations.jsonl");
  const images = await files.json<ShownImages>(own("images"));
  const summary = await files.json<{ knn: PageData["knn"] }>("summary.json");
  return {
    name: basename(resolve(files.folder)),
    folder: files.folder,
    state,
    projection: options.projection,
    options: changedOptions(options),
    adapter: state?.adapter ?? options.adapter?.name ?? "",
    data: data && aboutData(data),
    steps: seriesOf(await files.records<StepRecord>("metrics.jsonl")),
    evaluations: seriesOf(evaluations),
    evaluation: evaluations.at(-1) ?? null,
    verdict: verdictOf(evaluations.at(-1)),
    knn: summary?.knn ?? null,
    images: images && { ...images, classes: classNames(images, data) },
    initial: await files.json<ShownEncoder>(own("initial")),
    latest: await files.json<ShownEncoder>(own("latest")),
    ...await unusedImages(files, data),
    pictures: await picturesOf(files),
  };
}

const aboutData = ({ source, images, unlabeled, classCount, parts }: DataReport) => (
  { source, images, unlabeled, classCount, parts }
);

function verdictOf(evaluation: EvaluationRecord | undefined): PageData["verdict"] {
  return evaluation?.verdict ? { text: verdictText(evaluation)!, advice: ADVICE[evaluation.verdict] } : null;
}

/** Digits of the values of plots. */
const DIGITS = 6;

/** Each field that has numbers, over steps. */
function seriesOf<T extends { step: number }>(records: readonly T[]): Record<string, Series> {
  const fields = new Set<keyof T & string>(), x = records.map(({ step }) => step);
  for (const record of records) for (const field in record) fields.add(field);
  const columns = [...fields].filter((field) => field !== "step").flatMap((field) => {
    const series = decimated({ x, y: records.map((record) => numberOf(record[field])) });
    const y = series.y.map((value) => Number(value!.toPrecision(DIGITS)));
    return y.length === 0 ? [] : [[field, { x: series.x, y }] as const];
  });
  return Object.fromEntries(columns);
}

const numberOf = (value: unknown) => typeof value === "number" ? value : null;

/** The names of the classes that the images on the page have. */
function classNames({ labels }: ShownImages, data: DataReport | null): string[] {
  return Array.from(
    { length: Math.max(0, ...labels.map((label) => label + 1)) },
    (_, label) => data?.classes?.[label]?.name ?? `${label}`,
  );
}

/** Reasons and keys that are named at most. */
const MAX_REASONS = 20, MAX_KEYS = 5;

/** What could not be used, and what the source or the options left out, by reason. */
async function unusedImages(
  files: RunFiles,
  data: DataReport | null,
): Promise<Pick<PageData, "bad" | "leftOut">> {
  const listed = await files.records<{ key: string; reason: string; leftOut?: boolean }>("bad_images.jsonl");
  const named = data?.leftOut.names ?? [];
  const bySource = (data?.leftOut.groups ?? []).map(({ count, kind, reason }) => ({
    reason: reason === null ? kind : `${kind}: ${reason}`,
    count,
    keys: named.filter((one) => one.kind === kind && one.reason === reason).slice(0, MAX_KEYS).map((
      { name },
    ) => name),
  }));
  return {
    bad: byReason(listed.filter(({ leftOut }) => !leftOut)),
    leftOut: [...byReason(listed.filter(({ leftOut }) => leftOut)), ...bySource].slice(0, MAX_REASONS),
  };
}

function byReason(images: readonly { key: string; reason: string }[]): UnusedImages[] {
  const groups = [...Map.groupBy(images, ({ reason }) => reason)].map(([reason, group]) => (
    { reason, count: group.length, keys: group.slice(0, MAX_KEYS).map(({ key }) => key) }
  ));
  return groups.sort((a, b) => b.count - a.count).slice(0, MAX_REASONS);
}

async function picturesOf(files: RunFiles): Promise<PageData["pictures"]> {
  const [sheet, views] = await Promise.all(
    (["sheet", "views"] as const).map((name) => files.bytes(`${REPORT_FOLDER}/${names[name]}`)),
  );
  const address = (bytes: Uint8Array<ArrayBuffer> | null) =>
    bytes && `data:image/jpeg;base64,${bytes.toBase64()}`;
  const digest = createHash("sha256").update(sheet ?? "").update(views ?? "").digest("base64url");
  return { version: digest.slice(0, 16), sheet: address(sheet), views: address(views) };
}
