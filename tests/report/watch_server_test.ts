/** The server of pages: what it serves, what it refuses, and who cannot hold it up. */
import { join } from "node:path";
import { UserError } from "../../src/base/errors.ts";
import { patientStream } from "../../src/report/patient_stream.ts";
import { watchRuns } from "../../src/report/watch_server.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { temporaryFolder } from "../io/temporary_folder.ts";
import { lossAt, writeRun } from "./written_run.ts";

/** Serves a run in a folder while `test` runs. */
async function served(
  test: (server: { url: string; port: number; out: string }) => Promise<void>,
): Promise<void> {
  await using folder = await temporaryFolder();
  const out = join(folder.path, "run"), ending = new AbortController();
  await writeRun(out);
  const { url, finished } = await watchRuns([out], { port: 0, signal: ending.signal });
  try {
    await test({ url, port: Number(new URL(url).port), out });
  } finally {
    ending.abort();
    await finished;
  }
}

/** The status line and the whole answer to a request as it is written: `fetch` would tidy it up. */
async function raw(port: number, request: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(request.replaceAll("\n", "\r\n")));
  return await new Response(connection.readable).text();
}

const get = (path: string, host: string, more = "") =>
  `GET ${path} HTTP/1.1\nHost: ${host}\nConnection: close\n${more}\n`;

Deno.test("watchRuns() answers pages of this machine only", async () => {
  await served(async ({ port }) => {
    const status = async (request: string) => Number((await raw(port, request)).split(" ")[1]);
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, "[::1]:80", "localhost:9"]) {
      assertEquals(await status(get("/", host)), 200, host);
    }
    for (
      const host of ["evil.test", `evil.test:${port}`, "127.0.0.1.evil.test", "localhost.", "", "x@localhost"]
    ) {
      assert([400, 403].includes(await status(get("/", host))), host);
      assert([400, 403].includes(await status(get("/events", host))), host);
    }
    const local = `localhost:${port}`,
      from = (origin: string) => get("/events", local, `Origin: ${origin}\n`);
    for (
      const origin of [
        "http://evil.test",
        `https://${local}`,
        "null",
        `http://127.0.0.1:${port}`,
        "http://localhost",
      ]
    ) {
      assertEquals(await status(from(origin)), 403, origin);
    }
    assertEquals(await status(get("/", local, `Origin: http://${local}\n`)), 200);
    assertEquals(
      await status(`POST / HTTP/1.1\nHost: ${local}\nContent-Length: 0\nConnection: close\n\n`),
      405,
    );
    assertEquals((await raw(port, get("/", local).replace("GET", "HEAD"))).split("\r\n\r\n")[1], "");
  });
});

Deno.test("watchRuns() serves nothing but the page, and follows no link out of the folder", async () => {
  await served(async ({ port, out }) => {
    const local = `localhost:${port}`;
    const paths = [
      "/config.json",
      "/../config.json",
      "/..%2f..%2fetc/passwd",
      "/%2e%2e/%2e%2e/etc/passwd",
      "//etc/passwd",
    ];
    for (const path of [...paths, "/report/images.jpg", "/events/../config.json", "/\\..\\x"]) {
      const answer = await raw(port, get(path, local));
      assert(/^HTTP\/1.1 (400|404) /.test(answer), `${path}: ${answer.slice(0, 40)}`);
    }
    const secret = join(out, "..", "secret"), views = join(out, "report", "views.jpg");
    await Deno.writeTextFile(secret, "SECRET");
    await Deno.remove(views);
    await Deno.symlink(secret, views);
    await Deno.remove(join(out, "evaluations.jsonl"));
    await Deno.symlink(secret, join(out, "evaluations.jsonl"));
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const page = await raw(port, get("/", local));
    assert(page.startsWith("HTTP/1.1 200 ") && !page.includes("SECRET") && !page.includes(btoa("SECRET")));
    assert(page.includes('"views":null') && page.includes('"evaluations":{}'));
  });
});

/** The data of the next event of `reader`. */
async function nextEvent(reader: ReadableStreamDefaultReader<string>, buffer: { text: string }) {
  for (;;) {
    const end = buffer.text.indexOf("\n\n");
    if (end >= 0) {
      const event = buffer.text.slice(0, end);
      buffer.text = buffer.text.slice(end + 2);
      if (event.startsWith("data: ")) return JSON.parse(event.slice(6));
    }
    const { value, done } = await reader.read();
    if (done) throw new Error("The events ended");
    buffer.text += value;
  }
}

Deno.test("watchRuns() tells what is new, and sends pictures only to who lacks them", async () => {
  await served(async ({ url, out }) => {
    const [page] = JSON.parse(
      /type="application\/json">(.*)<\/script>/.exec(await (await fetch(url)).text())![1],
    );
    const known = encodeURIComponent(page.pictures.version);
    const buffers = [{ text: "" }, { text: "" }], ending = new AbortController();
    const readers = await Promise.all(["", `?pictures=${known}`].map(async (query) => {
      const { body } = await fetch(`${url}events${query}`, { signal: ending.signal });
      return body!.pipeThrough(new TextDecoderStream()).getReader();
    }));
    const [[whole], [light]] = await Promise.all(readers.map((reader, i) => nextEvent(reader, buffers[i])));
    assertEquals(whole, page);
    assertEquals(light, { ...page, pictures: { ...page.pictures, sheet: null, views: null } });
    assertEquals(whole.steps.loss.y.at(-1), lossAt(40));
    const line = (await Deno.readTextFile(join(out, "metrics.jsonl"))).trimEnd().split("\n").at(-1)!;
    const added = line.replace('"step":40', '"step":41').replace(/"loss":[^,]+/, '"loss":1.25');
    await Deno.writeTextFile(join(out, "metrics.jsonl"), `${added}\n`, { append: true });
    const [news] = await nextEvent(readers[1], buffers[1]);
    assertEquals([news.steps.loss.x.at(-1), news.steps.loss.y.at(-1), news.pictures.sheet], [41, 1.25, null]);
    ending.abort();
    await Promise.all(readers.map((reader) => reader.cancel().catch(() => {})));
  });
});

Deno.test("watchRuns() serves 1,000 requests at once beside clients that read nothing, and leaves these", async () => {
  await served(async ({ url, port }) => {
    const silent = await Promise.all(Array.from({ length: 20 }, async (_, i) => {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      await connection.write(
        new TextEncoder().encode(get(i % 2 ? "/events" : "/", "localhost").replaceAll("\n", "\r\n")),
      );
      return connection;
    }));
    const pages = await Promise.all(Array.from({ length: 1000 }, async () => {
      const response = await fetch(url), text = await response.text();
      return `${response.status} ${text.length}`;
    }));
    assertEquals(new Set(pages).size, 1);
    assert(pages[0].startsWith("200 "));
    for (const connection of silent) connection.close();
  });
});

Deno.test("patientStream() makes what is asked for only, and ends when nothing is", async () => {
  let made = 0, ended = 0;
  const next = () => Promise.resolve(made < 9 ? Uint8Array.of(made++) : null), end = () => ended++;
  const read = patientStream({ next, end, patienceMs: 10_000 }).getReader();
  assertEquals([(await read.read()).value, (await read.read()).value], [Uint8Array.of(0), Uint8Array.of(1)]);
  assertEquals([made, ended], [2, 0]);
  await read.cancel();
  const left = patientStream({ next, end, patienceMs: 20 }).getReader();
  await left.read();
  await new Promise((resolve) => setTimeout(resolve, 60));
  assertEquals([(await left.read()).done, made, ended], [true, 3, 2]);
  const whole = await new Response(patientStream({ next, end, patienceMs: 10_000 })).bytes();
  assertEquals([[...whole], ended], [[3, 4, 5, 6, 7, 8], 3]);
});

Deno.test("watchRuns() refuses a folder without a run, and a port that is taken", async () => {
  await using folder = await temporaryFolder();
  await assertThrows(
    () => watchRuns([folder.path], { port: 0 }),
    UserError,
    /^Cannot show ".*": it holds no run, as its config\.json would tell\. Name a run's folder\.$/,
  );
  await served(async ({ port, out }) => {
    await assertThrows(() => watchRuns([out], { port }), Deno.errors.AddrInUse, /./);
  });
});
