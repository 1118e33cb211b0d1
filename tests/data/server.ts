/** A web server with faults, for tests. */
import { concatBytes } from "../../src/base/bytes.ts";
import { keyedRandom } from "../../src/base/random.ts";

/** The faults of a server. */
export interface Faults {
  /** Whether it supports Range. Default: true. */
  range?: boolean;
  /** How many connections per file it breaks, each at a random byte. */
  breaks?: number;
  /** The probability that it breaks a connection while some are left. Default: 1. */
  breaking?: number;
  /** How many connections in a row it breaks where a request begins at the same byte. Default: as many as it breaks. */
  inRow?: number;
  /** Error statuses that it sends for each path, once each, before it sends the file. */
  statuses?: number[];
  /** Seconds of Retry-After with each error status. */
  wait?: number;
  /** Whether it answers HEAD. Default: true. */
  head?: boolean;
  /** Sends no length: the body is chunked. */
  chunked?: boolean;
  /** Bytes by which the announced length exceeds the file's. */
  longer?: number;
  /** Sends only this many bytes of a body, after the whole length is announced. */
  cut?: number;
  /** Leaves the connection open after the body, for 0.8 s or until the promise resolves. */
  stall?: true | Promise<void>;
  /** Its ETag, in place of the file's length. */
  etag?: string;
  /** A status with which it answers all requests of files. */
  always?: number;
  seed?: number;
}

/** Serves `files` by raw sockets; `test` may change the faults. Deno.serve cannot cut a response off. Logs requests as "GET /a 100-". */
export async function serving(
  files: Record<string, Uint8Array>,
  faults: Faults,
  test: (base: string, log: string[], faults: Faults) => Promise<void>,
): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const log: string[] = [], random = keyedRandom(faults.seed ?? 1);
  const breaksOf = new Map<string, number>(), rows = new Map<string, number>();
  const statuses = new Map<string, number[]>();
  const answer = async (connection: Deno.Conn) => {
    using _ = connection;
    let request = "";
    const buffer = new Uint8Array(4096);
    while (!request.includes("\r\n\r\n")) {
      const count = await connection.read(buffer);
      if (count === null) return;
      request += new TextDecoder().decode(buffer.subarray(0, count));
    }
    const [, method, path] = /^(\w+) (\S+)/.exec(request)!;
    const range = /range: bytes=(\d+)-(\d*)/i.exec(request);
    const credentials = /^authorization:.*$/im.exec(request)?.[0];
    log.push([method, path, range && `${range[1]}-${range[2]}`, credentials].filter(Boolean).join(" "));
    const send = async (bytes: Uint8Array) => {
      for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    };
    const head = (status: number, headers: string[]) =>
      send(
        new TextEncoder().encode(
          [`HTTP/1.1 ${status} X`, ...headers, "connection: close", "\r\n"].join("\r\n"),
        ),
      );
    const name = decodeURIComponent(path.slice(1)), file = files[name] ?? files[name.replace(/\?.*/, "")];
    if (faults.always) return await head(faults.always, ["content-length: 0"]);
    if (!file) return await head(404, ["content-length: 0"]);
    if (method === "HEAD" && faults.head === false) return await head(403, ["content-length: 0"]);
    if (method === "GET") {
      if (!statuses.has(path)) statuses.set(path, [...faults.statuses ?? []]);
      const status = statuses.get(path)!.shift();
      if (status) return await head(status, [`retry-after: ${faults.wait ?? 0}`, "content-length: 0"]);
    }
    const etag = `etag: "${faults.etag ?? file.length}"`;
    const isPart = range !== null && faults.range !== false;
    const from = isPart ? Number(range[1]) : 0, end = isPart && range[2] ? Number(range[2]) + 1 : file.length;
    const body = file.subarray(from, end), length = body.length + (faults.longer ?? 0);
    const headers = faults.chunked ? ["transfer-encoding: chunked"] : [`content-length: ${length}`];
    const total = file.length + (faults.longer ?? 0);
    if (isPart) headers.push(`content-range: bytes ${from}-${from + length - 1}/${total}`);
    await head(isPart ? 206 : 200, [...headers, etag]);
    if (method === "HEAD") return;
    const broken = breaksOf.get(path) ?? 0, place = `${path} ${from}`, row = rows.get(place) ?? 0;
    const breaks = broken < (faults.breaks ?? 0) && row < (faults.inRow ?? Infinity) &&
      random.chance(faults.breaking ?? 1);
    if (breaks) breaksOf.set(path, broken + 1);
    rows.set(place, breaks ? row + 1 : 0);
    // Sometimes after a byte or two, sometimes just before the end.
    const sent = breaks
      ? body.subarray(0, [1, 2, body.length - 1, random.integer(body.length)][random.integer(4)])
      : body.subarray(0, faults.cut);
    if (faults.chunked) {
      await send(new TextEncoder().encode(`${sent.length.toString(16)}\r\n`));
      await send(concatBytes([sent, new TextEncoder().encode(breaks ? "\r\n" : "\r\n0\r\n\r\n")]));
    } else await send(sent);
    if (faults.stall === true) await new Promise((resolve) => setTimeout(resolve, 800));
    else await faults.stall;
  };
  const underway = new Set<Promise<void>>();
  const accepting = (async () => {
    for await (const connection of listener) {
      const answering = answer(connection).catch(() => {}).finally(() => underway.delete(answering));
      underway.add(answering);
    }
  })();
  try {
    await test(`http://127.0.0.1:${listener.addr.port}`, log, faults);
  } finally {
    listener.close();
    await accepting;
    await Promise.all(underway);
  }
}
