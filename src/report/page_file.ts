/**
 * The page of a run as the file report.html in its folder.
 *
 * @module
 */
import { join } from "node:path";
import { writeFileAtomic } from "../io/atomic.ts";
import { readPageData } from "./page_data.ts";
import { renderPage } from "./page_html.ts";
import { PAGE } from "./report_files.ts";
import type { RunFiles } from "./run_files.ts";

/**
 * Makes the page of a run from its files, and writes it, whole or not at all. Its result is the page's path.
 *
 * @throws {UserError} if there is no run in the folder.
 */
export async function writePage(files: RunFiles): Promise<string> {
  const path = join(files.folder, PAGE), page = renderPage([await readPageData(files)]);
  await writeFileAtomic(path, [new TextEncoder().encode(page)]);
  return path;
}
