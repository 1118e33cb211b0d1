/**
 * What is asked of a Hugging Face hub: the commit of a revision, the list of its files, the files themselves.
 *
 * @module
 */
import { environmentVariable } from "../../src/base/environment.ts";
import { UserError } from "../../src/base/errors.ts";
import { answerAt } from "./http.ts";
import { type Access, type Answer, Locations, type RequestOptions } from "./http_connection.ts";

/** The kinds of repositories. Those of models have no folder of their own in addresses. */
export type RepositoryKind = "datasets" | "models";

/** How a repository and a file in it are named: `hf://[datasets/]OWNER/NAME[@REVISION][/PATH]`. */
export interface HubParts {
  repository: string;
  revision: string | null;
  /** Empty for the whole repository. */
  path: string;
}

/** The parts of an address; null if it has no owner and name, or is of another kind. */
export function hubParts(spec: string, kind: RepositoryKind): HubParts | null {
  // The revisions of a hub's own begin with refs/; in others a slash is written %2F.
  const [, folder, repository, revision, path = ""] =
    /^hf:\/\/(datasets\/)?([^/@]+\/[^/@]+)(?:@(refs\/[^/]+\/[^/]+|[^/]+))?(?:\/(.*))?$/is.exec(spec) ?? [];
  if (repository === undefined || (folder === undefined) !== (kind === "models")) return null;
  return {
    repository,
    revision: revision === undefined ? null : revision.replaceAll(/%2F/gi, "/"),
    path: path.replace(/\/+$/, ""),
  };
}

/** A file of a repository. */
export interface HubFile {
  path: string;
  size: number;
  /** The hash of its content, which git knows it by. */
  id: string;
}

/** An entry of the list as the hub sends it. Files in large file storage have the hash of their content there. */
interface TreeEntry {
  type: "file" | "directory";
  path: string;
  oid: string;
  size: number;
  lfs?: { oid: string; size: number };
}

/** Hugging Face's own hub. */
export const HUB = "https://huggingface.co";

/** The address of the hub: HF_ENDPOINT, or that of Hugging Face. */
export function hubEndpoint(): string {
  return (environmentVariable("HF_ENDPOINT") || HUB).replace(/\/+$/, "");
}

/** The repository OWNER/NAME on the hub. */
export class Hub {
  readonly access: Access;
  readonly #endpoint = hubEndpoint();
  readonly #repository: string;
  readonly #kind: RepositoryKind;
  readonly #request: RequestOptions;

  constructor(repository: string, request: RequestOptions, kind: RepositoryKind = "datasets") {
    const token = environmentVariable("HF_TOKEN")?.trim(), { origin } = new URL(this.#endpoint);
    this.#repository = repository;
    this.#kind = kind;
    this.access = {
      redirect: "follow", // to where the content lies; fetch drops the token on the way to another host
      locations: new Locations(),
      headers: ({ url }): HeadersInit =>
        token && new URL(url).origin === origin ? { authorization: `Bearer ${token}` } : {},
      explain: (refusal) => explain(refusal, { page: this.#page, hasToken: !!token, kind }),
    };
    this.#request = { ...request, access: this.access };
  }

  /** The address of a file. */
  fileUrl(commit: string, path: string): string {
    return `${this.#page}/resolve/${encodeURIComponent(commit)}/${encodedPath(path)}`;
  }

  /** The commit of a revision; null if the repository has no such revision. */
  async commitOf(revision: string): Promise<string | null> {
    const isUnknown = (status: number, headers: Headers) =>
      status === 404 && headers.get("x-error-code") !== "RepoNotFound";
    const { status, headers, text } = await this.#ask(
      `revision/${encodeURIComponent(revision)}?expand[]=sha`,
      isUnknown,
    );
    if (status === 404) {
      // A simple mirror may not know commits.
      return headers.get("x-error-code") === "RevisionNotFound" ? null : revision;
    }
    return (parsed(text) as { sha?: string } | null)?.sha ?? revision;
  }

  /** The files below `folder` in a commit, by path; of the folder itself only unless `recursive`. Empty if it is missing. */
  async filesBelow(commit: string, folder: string, { recursive = true } = {}): Promise<HubFile[]> {
    const files: HubFile[] = [], below = folder === "" ? "" : `/${encodedPath(folder)}`;
    const isMissing = (status: number, headers: Headers) =>
      status === 404 && headers.get("x-error-code") !== "RepoNotFound";
    let next: string | null = `tree/${encodeURIComponent(commit)}${below}?recursive=${recursive}`;
    while (next !== null) {
      const { status, headers, text } = await this.#ask(next, isMissing);
      if (status === 404) return [];
      const page = parsed(text);
      if (!Array.isArray(page)) {
        throw new UserError(
          `Cannot list the files of "${this.name}": ${this.#endpoint} sends no list. Check HF_ENDPOINT.`,
        );
      }
      for (const { type, path, oid, size, lfs } of page as TreeEntry[]) {
        if (type === "file") files.push({ path, size: lfs?.size ?? size, id: lfs?.oid ?? oid });
      }
      next = this.#nextPage(headers);
    }
    return files.sort((a, b) => a.path < b.path ? -1 : 1);
  }

  /** The rest of the address of the next page; null after the last. Its host plays no part: mirrors name the hub's. */
  #nextPage(headers: Headers): string | null {
    const link = /<([^>]+)>\s*;\s*rel="?next"?/.exec(headers.get("link") ?? "")?.[1];
    if (link === undefined) return null;
    const { pathname, search } = new URL(link, this.#endpoint);
    return pathname.slice(pathname.indexOf("/tree/") + 1) + search;
  }

  /** Its address as users write it. */
  get name(): string {
    return `hf://${this.#kind === "datasets" ? "datasets/" : ""}${this.#repository}`;
  }

  get #page(): string {
    return `${this.#endpoint}/${this.#kind === "datasets" ? "datasets/" : ""}${
      encodedPath(this.#repository)
    }`;
  }

  async #ask(what: string, accept: (status: number, headers: Headers) => boolean): Promise<Answer> {
    const url = `${this.#endpoint}/api/${this.#kind}/${encodedPath(this.#repository)}/${what}`;
    return await answerAt(url, { ...this.#request, name: this.name, accept });
  }
}

const encodedPath = (path: string) => path.split("/").map(encodeURIComponent).join("/");

/** The value of a JSON text; null if it is none. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** What a hub's refusals mean, and what to do. `page` is the repository's page. */
function explain(
  { status, headers }: Answer,
  { page, hasToken, kind }: { page: string; hasToken: boolean; kind: RepositoryKind },
): string | null {
  const what = kind === "datasets" ? "data set" : "model",
    code = headers.get("x-error-code"),
    message = headers.get("x-error-message") ?? "";
  if (code === "GatedRepo" || /gated|restricted/i.test(message)) {
    return hasToken
      ? `the ${what} is gated, and the account of HF_TOKEN has no access. Ask for it at ${page}.`
      : `the ${what} is gated. Accept its terms at ${page}, then set HF_TOKEN to a token of that account.`;
  }
  if (code === "RevisionNotFound") return "there is no such revision. Check what follows @.";
  if (code === "EntryNotFound") return "there is no such file. Check the path.";
  if (status === 401 && hasToken && code !== "RepoNotFound") return "HF_TOKEN is not valid. Renew it.";
  if (code === "RepoNotFound" || status === 401 || status === 404) {
    return `there is no such ${what}, or it is private. Check its name` +
      (hasToken ? ", and that HF_TOKEN may read it." : "; for a private one set HF_TOKEN.");
  }
  return status === 403 ? "access is denied. Check what HF_TOKEN may read." : null;
}
