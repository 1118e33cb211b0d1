/**
 * Weights on a Hugging Face hub: `hf://OWNER/NAME[@REVISION][/FILE]`.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { probe, type RemoteFile, textAt } from "./http.ts";
import type { Access, RequestOptions } from "./http_connection.ts";
import { Hub, type HubFile, hubParts } from "./hub_api.ts";
import { baseName } from "./patterns.ts";

/** A file of weights on a hub, and what lies beside it. */
export interface HubModel {
  file: RemoteFile;
  access: Access;
  /** The text of `config.json` beside it; null if there is none. */
  config: string | null;
}

/** The names that libraries give weights, the preferred one first. */
const USUAL = ["model.safetensors", "pytorch_model.bin"];

const WEIGHTS = /\.(safetensors|pth|pt|bin)$/i;

/**
 * The file that `spec` names, of the commit that its revision has now: without a path the one that is usually called so, or
 * the only one.
 *
 * @throws {UserError} if there is none, or access is refused.
 */
export async function findHubModel(spec: string, request: RequestOptions): Promise<HubModel> {
  const parts = hubParts(spec, "models");
  if (!parts) {
    const isDataSet = hubParts(spec, "datasets") !== null;
    throw new UserError(
      `Cannot read the weights "${spec}": ${
        isDataSet ? "it is a data set, " : ""
      }expected hf://OWNER/NAME, where @REVISION ` +
        `and /FILE may follow. Check the address.`,
    );
  }
  const { repository, revision, path } = parts, hub = new Hub(repository, request, "models");
  const commit = await hub.commitOf(revision ?? "main");
  if (commit === null) throw unfound(spec, `it has no revision "${revision ?? "main"}"`);
  const folder = path.slice(0, path.length - baseName(path).length).replace(/\/$/, "");
  const files = await hub.filesBelow(commit, folder, { recursive: false });
  const found = path === "" ? usualOf(spec, files) : files.find((file) => file.path === path);
  if (!found) throw unfound(spec, `it has no file "${path}"${named(files)}`);
  const { access } = hub, name = `${hub.name}@${commit}/${found.path}`, url = hub.fileUrl(commit, found.path);
  // Anyone may list the files of a gated model.
  await probe(url, { ...request, access, name });
  const config = files.find(({ path }) => path === (folder ? `${folder}/config.json` : "config.json"));
  return {
    // Files of a commit do not change.
    file: { url, name, length: found.size, version: { etag: null, modified: null }, id: found.id },
    access,
    config: config ? await textAt(hub.fileUrl(commit, config.path), { ...request, access }) : null,
  };
}

/** The file with the weights of a whole repository. */
function usualOf(spec: string, files: readonly HubFile[]): HubFile {
  const usual = USUAL.flatMap((name) => files.filter(({ path }) => path === name));
  const others = files.filter(({ path }) => WEIGHTS.test(path));
  const found = usual[0] ?? (others.length === 1 ? others[0] : undefined);
  if (found) return found;
  throw unfound(spec, `it has neither ${USUAL.join(" nor ")}${named(files)}`);
}

/** The weights among `files`, for an error; nothing if there are none. */
function named(files: readonly HubFile[]): string {
  const names = files.filter(({ path }) => WEIGHTS.test(path)).map(({ path }) => path);
  const listed = names.slice(0, 5).join(", ") + (names.length > 5 ? ", …" : "");
  return names.length > 0 ? `, but ${listed}` : ", nor other weights there";
}

function unfound(spec: string, fact: string): UserError {
  return new UserError(`Cannot read the weights "${spec}": ${fact}. Check the address.`);
}
