/**
 * The progress of a download, for commands whose weights may be on a server.
 *
 * @module
 */
import type { DownloadProgress } from "../../data/sources/download.ts";
import { type CountProgress, type CountProgressOptions, createCountProgress } from "./count_progress.ts";

/** A display that appears with the first bytes and goes with the last. Dispose of it in case they never come. */
export interface DownloadDisplay extends Disposable {
  onDownload: DownloadProgress;
}

const BYTES_PER_MB = 1e6;

/** Shows megabytes, as a bar on a terminal and otherwise as lines. */
export function createDownloadProgress(options: Omit<CountProgressOptions, "what"> = {}): DownloadDisplay {
  let progress: CountProgress | null = null;
  const stop = () => {
    progress?.[Symbol.dispose]();
    progress = null;
  };
  return {
    onDownload(done, total) {
      progress ??= createCountProgress({ ...options, what: "MB" });
      progress.update(done / BYTES_PER_MB, total === null ? null : total / BYTES_PER_MB);
      if (done === total) stop();
    },
    [Symbol.dispose]: stop,
  };
}
