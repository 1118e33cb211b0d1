/**
 * How sources are opened, as the registry and the openers know it.
 *
 * @module
 */
import type { RetryPolicy } from "./http_connection.ts";
import type { SplitName, Survey } from "./survey.ts";

/** How sources are opened. */
export interface OpenOptions {
  /** The split to read where names tell of splits. Default: the training split. */
  split?: SplitName;
  /** The column of the labels, in Parquet files and lists. Default: the one that is usually called so. */
  label?: string;
  /** How requests to servers are retried. */
  retryPolicy?: RetryPolicy;
  /** Ends the opening with its reason when aborted while it waits for a server. */
  signal?: AbortSignal;
}

/** What an opener gets beside its files: the options, and where it counts what it leaves out. */
export interface OpenContext extends OpenOptions {
  survey: Survey;
}
