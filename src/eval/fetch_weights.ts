/**
 * Weights on servers and hubs as files on this machine, in the user's cache folder.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { digest } from "../../data/sources/digest.ts";
import { download, type DownloadProgress } from "../../data/sources/download.ts";
import { probe, type RemoteFile } from "../../data/sources/http.ts";
import {
  type Access,
  DEFAULT_RETRY_POLICY,
  type RequestOptions,
  type RetryPolicy,
  UnreachableError,
} from "../../data/sources/http_connection.ts";
import { findHubModel } from "../../data/sources/hub_model.ts";
import { baseName, withoutSecrets } from "../../data/sources/patterns.ts";
import { openingRequest } from "../../data/sources/remote.ts";
import { cacheFolder } from "../base/environment.ts";
import { UserError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import { writeFileAtomic } from "../io/atomic.ts";
import { fileError } from "../io/file_error.ts";
import { expectWeightsHead } from "./weights_kind.ts";

/** What opening weights may report, and what ends it. */
export interface FetchOptions {
  /** Receives each line of text. Default: none are reported. */
  log?: (line: string) => void;
  /** Hears how many bytes of weights have been downloaded, and of how many. */
  onDownload?: DownloadProgress;
  /** How requests to servers are retried. */
  retryPolicy?: RetryPolicy;
  /** Ends a download with its reason when aborted; what has come is kept. */
  signal?: AbortSignal;
}

/** Weights that were fetched. */
export interface FetchedWeights {
  /** The file on this machine. */
  path: string;
  /** Where it is from, without what may be secret. */
  name: string;
}

/** A file on a server, and what lies beside it. */
interface Located {
  file: RemoteFile;
  access?: Access;
  config: string | null;
}

/** Names of weights, and names without an extension. */
const WEIGHTS_NAME = /(\.(safetensors|pth|pt|bin|ckpt|pth\.tar)|^[^.]*)$/i;

/**
 * Downloads the weights at `spec`, an address of http, https or hf, unless the cache has them as they are now.
 *
 * @throws {UserError} if there is no such file, access is refused, or the download fails; what has come of it is kept.
 */
export async function fetchWeights(spec: string, options: FetchOptions): Promise<FetchedWeights> {
  const { log, onDownload: onProgress, retryPolicy = DEFAULT_RETRY_POLICY, signal } = options;
  const cache = cacheFolder(), shown = withoutSecrets(spec);
  if (cache === null) {
    throw new UserError(
      `Cannot download "${shown}": no cache folder is known. Set BYOL_CACHE to a folder, or give a file.`,
    );
  }
  const home = join(cache, "weights", (await digest(spec)).slice(0, 16));
  try {
    const { file, access, config } = await locate(spec, options);
    const { name, length, version: { etag, modified }, id } = file;
    const version = (await digest(JSON.stringify([id ?? etag ?? modified, length]))).slice(0, 16);
    const path = join(home, version, baseName(new URL(file.url).pathname) || "weights");
    const isKept = await exists(path), size = length === null ? "" : `, ${(length / 1e6).toFixed(1)} MB`;
    log?.(isKept ? `Taking ${name} from ${path}` : `Downloading ${name}${size}, to ${path}`);
    const onWait = () => log?.(`Another process is downloading ${name}: waiting for it`);
    const expect = (head: Uint8Array) => expectWeightsHead(name, head);
    await download(file, { path, onProgress, onWait, expect, retryPolicy, signal, access });
    if (config !== null) await writeFileAtomic(join(dirname(path), "config.json"), [encode(config)]);
    return { path, name };
  } catch (error) {
    const kept = error instanceof UnreachableError ? await lastIn(home) : null;
    if (kept === null) throw fileError(home, refusedRedirect(shown, error) ?? error);
    log?.(`The server of ${shown} does not answer: taking what was downloaded before, ${kept}`);
    return { path: kept, name: shown };
  }
}

const encode = (text: string) => new TextEncoder().encode(text);

/** What is known of the file before it is downloaded. */
async function locate(spec: string, { retryPolicy, signal }: FetchOptions): Promise<Located> {
  try {
    return await found(spec, openingRequest({ retryPolicy, signal }));
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    const { fact } = error;
    throw new UnreachableError(
      `Cannot download "${
        withoutSecrets(spec)
      }": ${fact}. Check the address and the network, then run the same command again.`,
      { cause: error, fact },
    );
  }
}

async function found(spec: string, request: RequestOptions): Promise<Located> {
  if (/^hf:/i.test(spec)) return await findHubModel(spec, request);
  const shown = withoutSecrets(spec);
  if (!/^https?:/i.test(spec) || !URL.canParse(spec)) {
    throw new UserError(
      `Cannot read the weights "${shown}": expected https://, http:// or hf://OWNER/NAME. Check the address, or copy the ` +
        `file to this machine.`,
    );
  }
  const { hostname, pathname } = new URL(spec);
  const [, model, revision, path] = /^\/([^/]+\/[^/]+)\/(?:resolve|blob)\/([^/]+)\/(.+)$/.exec(pathname) ??
    [];
  if (hostname === "huggingface.co" && model !== undefined) {
    // Its files lie on other hosts, which are permitted for hf:// alone.
    const at = revision === "main" ? "" : `@${revision}`;
    throw new UserError(
      `Cannot read the weights "${shown}": files of this hub have an address of their own. Give ` +
        `"hf://${model}${at}/${path}".`,
    );
  }
  if (!WEIGHTS_NAME.test(baseName(pathname))) {
    throw new UserError(
      `Cannot read the weights "${shown}": its name is none of weights, .safetensors, .pth or .pt. Check the address.`,
    );
  }
  return { file: await probe(spec, request), config: null };
}

/** The error for a host that Deno does not permit, to which the server of `shown` refers; null for any other error. */
function refusedRedirect(shown: string, error: unknown): UserError | null {
  if (!(error instanceof Deno.errors.NotCapable) || !/^https?:/i.test(shown)) return null;
  const host = /net access to "([^"]+)"/.exec(error.message)?.[1];
  if (host === undefined || host.replace(/:(80|443)$/, "") === new URL(shown).host) return null;
  return new UserError(
    `Cannot download "${shown}": its server refers to ${host}, for which Deno was started without --allow-net. Give the ` +
      `address there, or download the file and give its path.`,
    { cause: error },
  );
}

/** The file that was downloaded last to a folder of `home`; null if there is none. */
async function lastIn(home: string): Promise<string | null> {
  const found: { path: string; time: number }[] = [];
  const entries = async (folder: string) => await Array.fromAsync(Deno.readDir(folder)).catch(() => []);
  for (const { name: version } of await entries(home)) {
    for (const { name, isFile } of await entries(join(home, version))) {
      if (!isFile || name.endsWith(".part") || name === "config.json") continue;
      const path = join(home, version, name), { mtime } = await Deno.stat(path);
      found.push({ path, time: mtime?.getTime() ?? 0 });
    }
  }
  return found.sort((a, b) => b.time - a.time)[0]?.path ?? null;
}
