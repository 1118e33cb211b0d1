/**
 * Data sets of a Hugging Face hub: `hf://datasets/OWNER/NAME[@REVISION][/PATH]`.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { probe } from "./http.ts";
import { Hub, type HubFile, hubParts } from "./hub_api.ts";
import type { OpenContext } from "./open_options.ts";
import { baseName, folderBefore, isPattern, matcherOf } from "./patterns.ts";
import { filesOfOneKind, openingRequest, openRemote, remoteKindOf } from "./remote.ts";
import type { RemoteEntry } from "./remote_images.ts";
import { splitInName } from "./split_names.ts";
import type { Survey } from "./survey.ts";
import type { ImageSource } from "./types.ts";

/** The branch to which a hub converts data sets of other formats. */
const CONVERTED = "refs/convert/parquet";

/** The files that are read, all of one commit. */
interface Selection {
  commit: string;
  files: HubFile[];
}

/**
 * Opens what `spec` names: of a data set its Parquet files, else its archives, else the Parquet files to which the hub has
 * converted it, else its images. All is read from the commit that the revision has at the start.
 */
export async function openHub(spec: string, context: OpenContext): Promise<ImageSource> {
  const parts = hubParts(spec, "datasets");
  if (!parts) {
    throw new UserError(
      `Cannot open the data source "${spec}": expected hf://datasets/OWNER/NAME, where @REVISION and /PATH may follow. Check ` +
        `the address.`,
    );
  }
  const { repository, revision, path } = parts;
  const hub = new Hub(repository, openingRequest(context));
  const { commit, files } = await select(hub, { spec, revision, path, survey: context.survey });
  const chosen = isPattern(path) ? files : ofOneConfiguration(spec, files, { path, survey: context.survey });
  const folder = isPattern(path) ? folderBefore(path) : files[0].path === path ? parentOf(path) : `${path}/`;
  const entries = chosen.map((file): RemoteEntry => ({
    url: hub.fileUrl(commit, file.path),
    name: `hf://datasets/${repository}/${file.path}`,
    path: file.path.startsWith(folder) ? file.path.slice(folder.length) : file.path,
    length: file.size,
    version: { etag: null, modified: null }, // files of a commit do not change
    id: file.id,
  }));
  // Anyone may list the files of a gated data set: whether they may be read is better known now than in an hour.
  const { access } = hub, [{ url, name }] = entries;
  await probe(url, { ...openingRequest({ ...context, access }), name });
  const read = `hf://datasets/${repository}@${commit}${path && `/${path}`}`;
  return await openRemote(read, entries, { ...context, access });
}

/** The files that hold the images. */
async function select(
  hub: Hub,
  { spec, revision, path, survey }: {
    spec: string;
    revision: string | null;
    path: string;
    survey: Survey;
  },
): Promise<Selection> {
  const commit = await hub.commitOf(revision ?? "main");
  if (commit === null) throw unfound(spec, `it has no revision "${revision ?? "main"}"`);
  const found = await filesAt(hub, commit, path);
  if (found.length === 0) throw unfound(spec, path === "" ? "it is empty" : `it has no file "${path}"`);
  const kinds = new Set(found.map(({ path }) => remoteKindOf(path)).filter((kind) => kind !== null));
  const hasArchives = [...kinds].some((kind) => kind !== "images");
  const converted = !hasArchives && revision === null && path === "" ? await convertedFiles(hub) : null;
  if (converted && (converted.isWhole || kinds.size === 0)) {
    if (!converted.isWhole) {
      survey.leaveOut({ name: CONVERTED, kind: "rest of the data set", reason: "not converted by the hub" });
    }
    return converted;
  }
  return { commit, files: filesOfOneKind(spec, found, { survey, archives: true }) };
}

function unfound(spec: string, fact: string): UserError {
  return new UserError(`Cannot open the data source "${spec}": ${fact}. Check the address.`);
}

const parentOf = (path: string) => path.slice(0, path.length - baseName(path).length);

/** The files that `path` names: all, those that match a pattern, one file, or those of a folder. */
async function filesAt(hub: Hub, commit: string, path: string): Promise<HubFile[]> {
  if (isPattern(path)) {
    const matches = await matcherOf(path), folder = folderBefore(path).replace(/\/$/, "");
    return (await hub.filesBelow(commit, folder)).filter(({ path }) => matches(path));
  }
  if (remoteKindOf(path) !== null) {
    const beside = await hub.filesBelow(commit, parentOf(path).replace(/\/$/, ""), { recursive: false });
    const file = beside.filter((each) => each.path === path);
    if (file.length > 0) return file;
  }
  return await hub.filesBelow(commit, path);
}

/** The Parquet files to which the hub has converted the data set, or the beginning of it; null if there are none. */
async function convertedFiles(hub: Hub): Promise<Selection & { isWhole: boolean } | null> {
  const commit = await hub.commitOf(CONVERTED);
  if (commit === null) return null;
  const files = (await hub.filesBelow(commit, "")).filter(({ path }) =>
    remoteKindOf(path) === "Parquet files"
  );
  const isWhole = files.every(({ path }) => !/(^|\/)partial-/.test(path));
  return files.length > 0 ? { commit, files, isWhole } : null;
}

/**
 * The files of one configuration: folders that hold files, apart from those that tell the split, are configurations.
 *
 * @throws {UserError} if there are several, and none is the default.
 */
function ofOneConfiguration(
  spec: string,
  files: HubFile[],
  { path, survey }: { path: string; survey: Survey },
): HubFile[] {
  if (remoteKindOf(files[0].path) === "images") return files; // their folders are classes
  const folderOf = (file: HubFile) =>
    parentOf(file.path).split("/").filter((part) => part !== "" && splitInName(part) === null).join("/");
  const folders = Map.groupBy(files, folderOf), names = [...folders.keys()];
  const chosen = names.length === 1 ? names[0] : ["default", path, ""].find((name) => folders.has(name));
  if (chosen === undefined) {
    throw new UserError(
      `Cannot choose a configuration of "${spec}": it has ${names.join(", ")}. Name one, as in ${spec}/${
        names[0]
      }, or files by a pattern.`,
    );
  }
  for (const [name, others] of folders) {
    if (name !== chosen) {
      survey.leaveOut({ name, kind: "file", reason: `configuration ${name}`, count: others.length });
    }
  }
  return folders.get(chosen)!;
}
