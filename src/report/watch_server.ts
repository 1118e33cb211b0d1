/**
 * A server for the pages of runs, for browsers on this machine only.
 *
 * @module
 */
import { messageOf } from "../base/errors.ts";
import { type Edition, LiveRuns } from "./live_runs.ts";
import { patientStream } from "./patient_stream.ts";

/** The one address that is listened on: nobody else's machine gets here. */
const HOSTNAME = "127.0.0.1";
/** Names of this machine in a browser, on any port: `ssh -L` has one of its own. */
const LOCAL = /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/;

/** Streams of events at once, milliseconds after which an idle one says so, and after which who reads nothing is left. */
const MAX_STREAMS = 200, IDLE_MS = 15_000, PATIENCE_MS = 60_000;
/** Bytes of an answer that are handed over at once: one that nobody reads holds no more. */
const CHUNK = 1 << 16;

const HEADERS = {
  "cache-control": "no-store",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
} as const;

/** How to serve. */
export interface WatchOptions {
  /** The port; 0 takes a free one. */
  port: number;
  /** Ends the server. */
  signal?: AbortSignal;
}

/** A server of pages. */
export interface WatchServer {
  url: string;
  finished: Promise<void>;
}

/**
 * Serves the page of the runs in `folders`: `/`, and `/events` with what is new. There are no other paths.
 *
 * @throws {UserError} if there is no run in one of the folders.
 * @throws {Deno.errors.AddrInUse} if another process has the port.
 */
export async function watchRuns(
  folders: readonly string[],
  { port, signal }: WatchOptions,
): Promise<WatchServer> {
  const runs = new LiveRuns(folders), streams = { count: 0 };
  await runs.now();
  const server = Deno.serve({ hostname: HOSTNAME, port, signal, onListen() {} }, async (request) => {
    const refusal = refusalOf(request);
    if (refusal) return refusal;
    try {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname === "/") {
        return await pageResponse(runs, request);
      }
      if (pathname !== "/events") return textResponse(404, "There are / and /events");
      if (streams.count >= MAX_STREAMS) return textResponse(503, "Too many pages are open");
      const known = searchParams.get("pictures") ?? "";
      return new Response(eventStream(runs, { known, streams }), {
        headers: { ...HEADERS, "content-type": "text/event-stream" },
      });
    } catch (error) {
      return textResponse(500, messageOf(error));
    }
  });
  return { url: `http://${HOSTNAME}:${server.addr.port}/`, finished: server.finished };
}

function textResponse(status: number, text: string): Response {
  return new Response(`${text}.\n`, {
    status,
    headers: { ...HEADERS, "content-type": "text/plain; charset=utf-8" },
  });
}

/** The answer to a request that did not come from a page of this server or from its user; null to any other. */
function refusalOf({ method, headers }: Request): Response | null {
  const host = headers.get("host") ?? "", origin = headers.get("origin");
  // Another name is that of a web site that was made to point here.
  if (!LOCAL.test(host)) {
    return textResponse(403, "Only pages of this machine are served: use 127.0.0.1 or localhost");
  }
  if (origin !== null && origin !== `http://${host}`) {
    return textResponse(403, "Another site's page may not read this");
  }
  return method === "GET" || method === "HEAD" ? null : textResponse(405, "Only GET is answered");
}

async function pageResponse(runs: LiveRuns, { method }: Request): Promise<Response> {
  const { page } = await runs.now();
  const headers = { ...HEADERS, "content-type": "text/html; charset=utf-8" };
  return new Response(method === "HEAD" ? null : piecesOf(page), { headers });
}

/** `bytes` in pieces, each made when the one before is taken. */
function piecesOf(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  return patientStream({
    patienceMs: PATIENCE_MS,
    next() {
      const piece = bytes.subarray(at, at += CHUNK);
      return Promise.resolve(piece.length > 0 ? piece : null);
    },
    end() {},
  });
}

/** The runs as events: once now, and at each change. Who does not keep up gets the newest state, not all that were. */
function eventStream(
  runs: LiveRuns,
  { known, streams }: { known: string; streams: { count: number } },
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let sent = 0, pictures = known;
  streams.count++;
  const eventOf = (edition: Edition) => {
    sent = edition.number;
    const isKnown = edition.pictures === pictures;
    pictures = edition.pictures;
    return isKnown ? edition.light : edition.whole;
  };
  return patientStream({
    patienceMs: PATIENCE_MS,
    async next() {
      const edition = await runs.after(sent, { ms: IDLE_MS });
      return edition ? eventOf(edition) : new TextEncoder().encode(": still here\n\n");
    },
    end: () => streams.count--,
  });
}
