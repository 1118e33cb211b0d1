/** A hub as Hugging Face's, for tests: lists in pages, content on another host, tokens and gates. */
import { digest } from "../../data/sources/digest.ts";
import { withEnvironment } from "../environment.ts";
import { type Faults, serving } from "./server.ts";

/** A data set or a model on the hub. */
export interface HubRepository {
  /** The files of each commit, by path. */
  commits: Record<string, Record<string, Uint8Array>>;
  /** The commit of each branch and tag. */
  revisions: Record<string, string>;
  /** Who may read it: anyone, those with the token, or those whom its owner admits, which is nobody. */
  access?: "public" | "private" | "gated" | "refused";
}

/** What a test sees of the hub. */
export interface TestHub {
  endpoint: string;
  /** Requests of the hub, as "GET /path". */
  log: string[];
  /** Requests of the host of the content, with the credentials that it received. */
  stored: string[];
  /** What that host has, by path. */
  contents: Record<string, Uint8Array>;
}

/** The token of {@linkcode withHub}. */
export const TOKEN = "hf_secretToken123";

const NO_ACCESS: Record<string, [status: number, code: string]> = {
  private: [401, "RepoNotFound"],
  gated: [401, "GatedRepo"],
  refused: [403, "GatedRepo"],
};

/** Calls `test` with a hub of `repositories`, by OWNER/NAME, and with the environment that tells where it is. */
export async function withHub(
  repositories: Record<string, HubRepository>,
  test: (hub: TestHub) => Promise<void>,
  { token, pageSize = 3, faults = {} }: {
    token?: string;
    /** Entries of a page of the list. */
    pageSize?: number;
    /** Of the host of the content. */
    faults?: Faults;
  } = {},
): Promise<void> {
  const contents: Record<string, Uint8Array> = {};
  await serving(contents, faults, async (store, stored) => {
    const log: string[] = [], options = { port: 0, hostname: "127.0.0.1", onListen() {} };
    await using hub = Deno.serve(options, (request) => {
      log.push(`${request.method} ${decodeURIComponent(new URL(request.url).pathname)}`);
      return answer(request, { repositories, pageSize, contents, store });
    });
    const endpoint = `http://127.0.0.1:${hub.addr.port}`;
    const environment = { HF_ENDPOINT: endpoint, HF_TOKEN: token };
    await withEnvironment(environment, () => test({ endpoint, log, stored, contents }));
  });
}

/** The hub's answer. Contents that it refers to are put where the store has them. */
async function answer(
  request: Request,
  { repositories, pageSize, contents, store }: {
    repositories: Record<string, HubRepository>;
    pageSize: number;
    contents: Record<string, Uint8Array>;
    store: string;
  },
): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const [, isApi, name, verb, rest] =
    /^\/(?:(api\/)(?:datasets|models)\/|(?:datasets\/)?)([^/]+\/[^/]+)\/(revision|tree|resolve)\/(.*)$/.exec(
      pathname,
    ) ?? [];
  const repository = repositories[name];
  if (!repository) return refusal(404, "RepoNotFound");
  const access = repository.access ?? "public";
  const isKnown = request.headers.get("authorization") === `Bearer ${TOKEN}`;
  const isOpen = access === "public" || isKnown && access !== "refused" ||
    isApi !== undefined && access !== "private"; // anyone may list gated files
  if (!isOpen) return refusal(...NO_ACCESS[access]);
  const [revision, ...path] = rest.split("/").map(decodeURIComponent);
  const commit = repository.revisions[revision] ?? revision, files = repository.commits[commit];
  if (!files) return refusal(404, "RevisionNotFound");
  if (verb === "revision") return Response.json({ sha: commit });
  if (verb === "resolve") {
    const bytes = files[path.join("/")];
    if (!bytes) return refusal(404, "EntryNotFound");
    const id = await digest(bytes.slice());
    contents[id] = bytes;
    const location = `${store}/${id}?signature=abc`;
    return new Response(null, { status: 302, headers: { location, "x-repo-commit": commit } });
  }
  const folder = path.join("/");
  const isRecursive = searchParams.get("recursive") === "true";
  const entries = await entriesOf(files, { folder, isRecursive });
  if (entries.length === 0) return refusal(404, "EntryNotFound");
  const from = Number(searchParams.get("cursor") ?? 0), next = from + pageSize;
  const link = new URL(request.url);
  link.searchParams.set("cursor", `${next}`);
  link.host = "hub.invalid"; // as mirrors send it
  const headers: HeadersInit = next < entries.length ? { link: `<${link}>; rel="next"` } : {};
  return Response.json(entries.slice(from, next), { headers });
}

function refusal(status: number, code: string): Response {
  return new Response("{}", { status, headers: { "x-error-code": code } });
}

/** The entries of a folder as the hub lists them. */
async function entriesOf(
  files: Record<string, Uint8Array>,
  { folder, isRecursive }: { folder: string; isRecursive: boolean },
): Promise<unknown[]> {
  const prefix = folder === "" ? "" : `${folder}/`;
  const paths = Object.keys(files).filter((path) => path.startsWith(prefix)).sort();
  const folders = new Set(paths.flatMap((path) => {
    const parts = path.slice(prefix.length).split("/").slice(0, -1);
    return parts.map((_, i) => prefix + parts.slice(0, i + 1).join("/")).slice(
      0,
      isRecursive ? undefined : 1,
    );
  }));
  const listed = paths.filter((path) => isRecursive || !path.slice(prefix.length).includes("/"));
  return [
    ...[...folders].map((path) => ({ type: "directory", oid: "0", size: 0, path })),
    ...await Promise.all(listed.map(async (path) => {
      const oid = await digest(files[path].slice()), size = files[path].length;
      // Small files are in git itself.
      return size < 100
        ? { type: "file", oid, size, path }
        : { type: "file", oid: "1", size, path, lfs: { oid, size, pointerSize: 130 } };
    })),
  ];
}
