/**
 * Files on servers as one source: tar archives, Parquet files, zip archives or single images.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { orderedMap } from "../ordered_map.ts";
import { ReadableStream } from "../streams.ts";
import { nameOf, probe, type RemoteFile } from "./http.ts";
import { type Access, DEFAULT_RETRY_POLICY, type RequestOptions } from "./http_connection.ts";
import { isImageName } from "./listed.ts";
import type { OpenContext } from "./open_options.ts";
import { baseName, urlsOf } from "./patterns.ts";
import { randomAccess } from "./remote_file.ts";
import { openRemoteImages, type RemoteEntry } from "./remote_images.ts";
import { chooseSplit, pathLevels, splitInName } from "./split_names.ts";
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
  ["tar archives", (name) => /\.(tar|tar\.gz|tgz)$/i.test(name)],
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
  const probed = (url: string) => isImageName(pathOf(url)) ? unprobed(url) : probe(url, opening);
  const files = await Array.fromAsync(
    ReadableStream.from(urls).pipeThrough(orderedMap(probed, CONCURRENT_PROBES)),
  );
  const paths = files.map(({ url }) => pathOf(url)), { shared } = pathLevels(paths);
  const pathIn = (i: number) => paths[i].split("/").slice(shared).join("/");
  return await openRemote(
    spec.replace(/[?#].*$/, "").replace(/\/\/[^/@]*@/, "//"), // without what may be secret
    files.map((file, i) => ({ ...file, path: pathIn(i) })),
    context,
  );
}

/** The path of a URL as text, without the slash before it. */
function pathOf(url: string): string {
  const { origin } = new URL(url);
  return nameOf(url).slice(origin.length + 1);
}

function unprobed(url: string): Promise<RemoteFile> {
  const version = { etag: null, modified: null };
  return Promise.resolve({ url, name: nameOf(url), length: null, version, id: null });
}

function notSupported(url: string): UserError {
  const { hostname, pathname } = new URL(url);
  const dataset = /^\/datasets\/([^/]+\/[^/]+)/.exec(pathname)?.[1];
  const advice = hostname === "huggingface.co" && dataset
    ? `Give "hf://datasets/${dataset}"`
    : "Check the address, or copy the file to this machine";
  return new UserError(
    `Cannot open the data source "${nameOf(url)}": addresses of .tar, .tar.gz, .tgz, .parquet, .zip and image files are ` +
      `supported, and this ends in none of them. ${advice}.`,
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

const isHidden = (path: string) => path.split("/").some((part) => part.startsWith(".") || part === "__MACOSX");

/** Counts a file that is not read, if it could be an image or hold some. */
function leaveOut(path: string, survey: Survey): void {
  if (remoteKindOf(path) === null || isHidden(path)) return;
  survey.leaveOut({
    name: path,
    kind: /\.[^./]+$/.exec(path)?.[0].toLowerCase() ?? "file",
    reason: "beside files of another kind",
  });
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
  const { retryPolicy = DEFAULT_RETRY_POLICY, access } = context;
  // The signal ends the opening only.
  const request = { retryPolicy, access }, opening = openingRequest(context);
  const kind = remoteKindOf(files[0].path);
  const other = files.find(({ path }) => remoteKindOf(path) !== kind);
  if (other) {
    throw new UserError(
      `Cannot open the data source "${name}": it has files of different kinds: "${files[0].path}" is one of the ${kind}, ` +
        `"${other.path}" is not. Give them as two sources.`,
    );
  }
  if (kind === "images") return await openRemoteImages(name, files, { ...context, request, opening });
  const chosen = filesOfSplit(name, files, context);
  if (kind === "tar archives") return await openTarHttp(name, chosen, { request, opening });
  const parts = chosen.map((file) => randomAccess(file, request));
  // Loaded only when needed, with the packages that they import.
  return kind === "zip archives"
    ? await (await import("./zip.ts")).openZip(name, parts, context)
    : await (await import("./parquet.ts")).openParquet(name, parts, { remote: true });
}

/** The files of the split that is read, by their names and folders. */
function filesOfSplit(
  name: string,
  files: readonly RemoteEntry[],
  { split: wanted, survey }: RemoteContext,
): RemoteEntry[] {
  const splitOf = ({ path }: RemoteEntry) => {
    const folders = path.split("/"), base = folders.pop()!;
    return splitInName(base) ?? folders.reverse().map(splitInName).find((split) => split !== null) ?? null;
  };
  const { items, others } = chooseSplit(files, { name, splitOf, wanted, survey });
  for (const { item: { path }, split } of others) {
    survey.leaveOut({ name: path, kind: split === null ? "file of no split" : `split ${split}` });
  }
  return items;
}
