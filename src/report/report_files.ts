/**
 * The files in DIR/report from which, with those of the run, the run's page is made.
 *
 * @module
 */
import { join } from "node:path";
import { writeFileAtomic } from "../io/atomic.ts";
import { toSnakeCase } from "../io/snake_case.ts";

/** The run's page. */
export const PAGE = "report.html";
/** The folder of these files, and their names in it. */
export const REPORT_FOLDER = "report";
export const names = {
  state: "state.json",
  /** The images that the page shows, as one picture, and what they are. */
  sheet: "images.jpg",
  images: "images.json",
  /** What the encoder before training made of them, and the one of the last evaluation. */
  initial: "initial.json",
  latest: "latest.json",
  views: "views.jpg",
} as const;

/** state.json: what no other file of a run tells. */
export interface RunState {
  state: "training" | "done" | "stopped" | "collapsed" | "failed";
  /** The error's message, if one ended the run. */
  message: string | null;
  /** Steps done, and those of the whole run. */
  step: number;
  total: number;
  /** When this was written, as milliseconds since 1970. */
  written: number;
  /** As the progress bar estimates it; null before it does, and at the end. */
  secondsLeft: number | null;
  /** Bytes of GPU memory that training takes. */
  gpuBytes: number;
  /** The adapter as text. */
  adapter: string;
  /** The first collapse, and what to try. */
  collapse: { step: number; evidence: string; remedy: string } | null;
  /** Lines of text that warned. */
  warnings: string[];
}

/** images.json: the images on the sheet, from left to right, then down. */
export interface ShownImages {
  /** Pixels per side of each. */
  side: number;
  /** Images in a row of the sheet. */
  columns: number;
  keys: string[];
  /** −1 without a label. */
  labels: number[];
}

/** initial.json and latest.json: images are their places on the sheet. */
export interface ShownEncoder {
  step: number;
  /** Some images, each with those nearest by cosine. */
  neighbors: { image: number; nearest: number[]; cosines: number[] }[];
  /** The images on the plane of the first two principal components, and the shares of the variance that these explain. */
  map: { x: number[]; y: number[]; shares: number[] };
}

/** The path of the file `name` of the report of the run in `out`. */
export function reportPath(out: string, name: keyof typeof names): string {
  return join(out, REPORT_FOLDER, names[name]);
}

/** Writes a file of the report of the run in `out`: bytes as they are, anything else as JSON in snake_case. */
export async function writeReportFile(
  out: string,
  name: keyof typeof names,
  content: Uint8Array | RunState | ShownImages | ShownEncoder,
): Promise<void> {
  const bytes = content instanceof Uint8Array
    ? content
    : new TextEncoder().encode(`${JSON.stringify(toSnakeCase(content))}\n`);
  await Deno.mkdir(join(out, REPORT_FOLDER), { recursive: true });
  await writeFileAtomic(reportPath(out, name), [bytes]);
}
