/**
 * Files on servers as one source: tar archives, Parquet files, zip archives or single images.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { orderedMap } from "../ordered_map.ts";
import { ReadableStream } from "../streams.ts";
import { countedAs, kindOfName, skippedFolder, TAR_NAME } from "./file_names.ts";
import { nameOf, probe, unknownFile, withLength } from "./http.ts";
import { type Access, DEFAULT_RETRY_POLICY, type RequestOptions } from "./http_connection.ts";
import { isImageName } from "./listed.ts";
import type { OpenContext } from "./open_options.ts";
import { baseName, urlsOf, withoutSecrets } from "./patterns.ts";
import { randomAccess } from "./remote_file.ts";
import { openRemoteImages, type RemoteEntry } from "./remote_images.ts";
import { filesOfSplit } from "./split_files.ts";
import { pathLevels } from "./split_names.ts";
import type { Survey } from "./survey.ts";
import { openTarHttp } from "./tar_http.ts";
import type { ImageSource } from "./types.ts";

/** How the files are asked for. */
export interface RemoteContext extends OpenContext {
  access?: Access;
}

/** What a file on a server can be. */
export type RemoteKind = "tar archives" | "Parquet files" | "zip archives" | "images";

const PATTERNS: [RemoteKind, (name: string) => boolean][] = [
  ["tar archives", (name) => TAR_NAME.test(name)],
  // Beside images, Hugging Face's "metadata.parquet" only tells of them.
  ["Parquet files", (name) => /\.parquet$/i.test(name) && baseName(name) !== "metadata.parquet"],
  ["zip archives", (name) => /\.zip$/i.test(name)],
  ["images", isImageName],
];

/** The kind of a file by its name; null if it holds no images. */
export function remoteKindOf(name: string): RemoteKind | null {
  return PATTERNS.find(([, suits]) => suits(name))?.[0] ?? null;
}

/** Files whose size is asked for at a time. */
const CONCURRENT_PROBES = 8;
/** On opening, a server that does not answer is more likely a wrong address than an outage. */
const MAX_OPENING_ATTEMPTS = 4;

/** How servers are asked while a source is opened. */
export function openingRequest(
  { retryPolicy = DEFAULT_RETRY_POLICY, signal, access }: Partial<RequestOptions>,
): RequestOptions {
  const attempts = Math.min(retryPolicy.attempts, MAX_OPENING_ATTEMPTS);
  return { retryPolicy: { ...retryPolicy, attempts }, signal, access };
}

/** Opens the files at the addresses that `spec` expands to as one source. */
export async function openUrls(spec: string, context: RemoteContext): Promise<ImageSource> {
  const urls = await urlsOf(spec), opening = openingRequest(context);
  const wrong = urls.find((url) => remoteKindOf(pathOf(url)) === null);
  if (wrong !== undefined) throw notSupported(wrong);
  // Images are many and small: how long they are is not asked for one by one.
  const probed = async (url: string) => {
    const kind = remoteKindOf(pathOf(url));
    if (kind === "images") return unknownFile(url);
    const file = await probe(url, opening);
    return kind === "tar archives" ? file : await withLength(file, opening);
  };
  const files = await Array.fromAsync(
    ReadableStream.from(urls).pipeThrough(orderedMap(probed, CONCURRENT_PROBES)),
  );
  const paths = files.map(({ url }) => pathOf(url)), { shared } = pathLevels(paths);
  const pathIn = (i: number) => paths[i].split("/").slice(shared).join("/");
  return await openRemote(
    withoutSecrets(spec),
    files.map((file, i) => ({ ...file, path: pathIn(i) })),
    context,
  );
}

/** The path of a URL as text, without the slash before it. */
function pathOf(url: string): string {
  const { origin } = new URL(url);
  return nameOf(url).slice(origin.length + 1);
}

function notSupported(url: string): UserError {
  const { hostname, pathname } = new URL(url);
  const dataset = /^\/datasets\/([^/]+\/[^/]+)/.exec(pathname)?.[1];
  const advice = hostname === "huggingface.co" && dataset
    ? `Give "hf://datasets/${dataset}"`
    : "Check the address, or copy the file to this machine";
  return new UserError(
    `Cannot open the data source "${
      nameOf(url)
    }": only addresses ending in .tar, .tar.gz, .tgz, .parquet, .zip or as images ` +
      `do are supported. ${advice}.`,
  );
}

/**
 * Those of the `files` found in one place that are of one kind: Parquet files if there are any, else the kind with the most
 * files; with `archives`, images only if there is nothing else. The survey gets the others.
 *
 * @throws {UserError} if none holds images.
 */
export function filesOfOneKind<T extends { path: string }>(
  name: string,
  files: readonly T[],
  { survey, archives = false }: { survey: Survey; archives?: boolean },
): T[] {
  const byKind = Map.groupBy(files, ({ path }) => isHidden(path) ? null : remoteKindOf(path));
  const rank = (kind: RemoteKind) =>
    kind === "Parquet files" ? Infinity : archives && kind === "images" ? 0 : byKind.get(kind)!.length;
  const kinds = [...byKind.keys()].filter((kind) => kind !== null).sort((a, b) => rank(b) - rank(a));
  if (kinds.length === 0) {
    throw new UserError(
      `Cannot read images from "${name}": none of its ${files.length} files is a tar archive, a Parquet file, a zip archive ` +
        `or an image. Check the address.`,
    );
  }
  for (const [kind, others] of byKind) {
    if (kind === kinds[0]) continue;
    for (const { path } of others) leaveOut(path, survey);
  }
  return byKind.get(kinds[0])!;
}

const isHidden = (path: string) => path.split("/").some((part) => skippedFolder(part) !== null);

/** Counts a file that is not read. */
function leaveOut(path: string, survey: Survey): void {
  const name = baseName(path), judged = kindOfName(name);
  if (judged.kind === "clutter" || judged.kind === "unknown" || isHidden(path)) return;
  const isReadable = remoteKindOf(path) !== null;
  const reason = isReadable ? "beside files of another kind" : (judged as { reason: string | null }).reason;
  survey.leaveOut({ name: path, kind: countedAs(name), reason });
}

/**
 * Opens `files`, all of one kind, as one source called `name`. Where their paths tell of splits, one is read.
 *
 * @throws {UserError} if there are none, or if they are of different kinds.
 */
export async function openRemote(
  name: string,
  files: readonly RemoteEntry[],
  context: RemoteContext,
): Promise<ImageSource> {
  const kind = remoteKindOf(files[0].path);
  const other = files.find(({ path }) => remoteKindOf(path) !== kind);
  if (other) {
    throw new UserError(
      `Cannot open the data source "${name}": it has files of different kinds: "${
        files[0].path
      }" is one of the ${kind}, ` +
        `"${other.path}" is not. Give them as two sources.`,
    );
  }
  const { retryPolicy = DEFAULT_RETRY_POLICY, signal, access } = context, opening = openingRequest(context);
  const request: RequestOptions = { retryPolicy, signal, access };
  try {
    if (kind === "images") return await openRemoteImages(name, files, { ...context, request, opening });
    if (kind === "tar archives") {
      return await openTarHttp(name, filesOfSplit(name, files, { ...context, pathOf: ({ path }) => path }), {
        request,
        opening,
        survey: context.survey,
        label: context.label,
      });
    }
    // Loaded only when needed, with the packages that they import.
    if (kind === "zip archives") {
      const archives = files.map((file) => randomAccess(file, request));
      return await (await import("./zip.ts")).openZipFiles(name, archives, context);
    }
    const chosen = filesOfSplit(name, files, { ...context, pathOf: ({ path }) => path }).map((file) =>
      randomAccess(file, request)
    );
    return await (await import("./parquet.ts")).openParquet(name, chosen, context);
  } finally {
    delete request.signal; // it ends the opening only
  }
}
