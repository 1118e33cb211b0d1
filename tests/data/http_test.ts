import { gzipSync } from "node:zlib";
import { Connection } from "../../data/sources/http_connection.ts";
import { openSource } from "../../data/sources/open.ts";
import { readSamples } from "../../data/read.ts";
import { UserError } from "../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { serving } from "./server.ts";
import { archive, assertResumes, blob, plain, tag, take } from "./streaming.ts";

const retryPolicy = { attempts: 4, delayMs: 1, maxDelayMs: 4, idleTimeoutMs: 300 };

const shards = { "s-00.tar": archive(0, 30), "s-01.tar": archive(30, 42), "s-02.tar": archive(42, 80) };
const spec = "/s-{00..02}.tar";

/** The samples of all shards in source order. */
const expected = Array.from({ length: 80 }, (_, i) => ({
  key: `s-0${i < 30 ? 0 : i < 42 ? 1 : 2}.tar/d/${i}.jpg`,
  label: i % 3,
  tag: tag(blob(i)),
}));
const content = (samples: ReturnType<typeof plain>) =>
  samples.map(({ key, label, tag }) => ({ key, label, tag }));

Deno.test("openSource() reads archives over HTTP in order, and shuffled in each epoch", async () => {
  await serving(shards, {}, async (base) => {
    const source = await openSource(base + spec, { retryPolicy });
    assert(source.kind === "streamed" && source.length === null, "it is not streamed");
    assertEquals(content(plain(await take(source, { seed: null }))), expected);
    await assertResumes(source, { count: 80, cuts: [0, 41, 79, 80, 200] });
    assertEquals((await Array.fromAsync(source)).map(({ key }) => key), expected.map(({ key }) => key));
  });
});

Deno.test("readSamples() survives broken connections, with and without Range, lengths and HEAD", async () => {
  const packed = Object.fromEntries(
    Object.entries(shards).map(([name, bytes]) => [name + ".gz", new Uint8Array(gzipSync(bytes))]),
  );
  for (const range of [true, false]) {
    for (const chunked of [false, true]) {
      for (let seed = 0; seed < 6; seed++) {
        const begun = { range, chunked, seed, statuses: [503, 429], head: seed % 2 === 0 };
        await serving({ ...shards, ...packed }, begun, async (base, log, faults) => {
          for (const suffix of ["", ".gz"]) {
            faults.breaks = seed % 3 === 0 ? 1 : 0; // some break while the source is opened
            const source = await openSource(base + spec + suffix, { retryPolicy });
            faults.breaks = 3;
            const once = content(plain(await take(source, { seed: null })));
            const named = expected.map((each) => ({
              ...each,
              key: each.key.replace(".tar", ".tar" + suffix),
            }));
            assertEquals(once, named);
          }
          assert(log.filter((line) => /GET .*\d-$/.test(line)).length > 6, "no connection was broken");
        });
      }
    }
  }
});

Deno.test("readSamples() resumes within a remote shard by Range, without reading what lies before", async () => {
  await serving({ "a.tar": archive(0, 1500) }, {}, async (base, log) => {
    const source = await openSource(`${base}/a.tar`, { retryPolicy });
    const all = plain(await take(source, { seed: 1 }, 1200));
    const { next } = all[1100];
    assert(next.block!.at! > 1e6 && next.block!.from === 1000, JSON.stringify(next));
    log.length = 0;
    const rest = plain(await take(source, { seed: 1, start: next }, 99));
    assertEquals(rest, all.slice(1101));
    assertEquals(log[0], `GET /a.tar ${next.block!.at}-`);
  });
});

Deno.test("canceling readSamples() aborts a transfer", async () => {
  const bytes = archive(0, 30);
  const files = { "a.tar": bytes, "b.tgz": new Uint8Array(gzipSync(bytes)) };
  const stall = Promise.withResolvers<void>();
  await serving(files, {}, async (base, _, faults) => {
    for (const name of Object.keys(files)) {
      Object.assign(faults, { stall: undefined, cut: undefined });
      const source = await openSource(`${base}/${name}`, {
        retryPolicy: { ...retryPolicy, idleTimeoutMs: 60_000 },
      });
      Object.assign(faults, { stall: stall.promise, cut: 20_000 });
      for (const seed of [null, 1]) {
        const reader = readSamples(source, { seed }).getReader();
        if (seed === null) await reader.read();
        const waiting = reader.read();
        await new Promise((resolve) => setTimeout(resolve, 50)); // so that the transfer is under way
        const timeout = Promise.withResolvers<"timeout">(),
          timer = setTimeout(timeout.resolve, 30_000, "timeout");
        // The server sends nothing until the promise resolves, so only aborting the transfer can end the reading.
        const ended = Promise.all([reader.cancel(), waiting]);
        const first = await Promise.race([ended, timeout.promise]);
        clearTimeout(timer);
        if (first === "timeout") stall.resolve();
        assert(first !== "timeout", "canceling waited for the server");
      }
    }
    stall.resolve();
  });
});

Deno.test("Connection.open() ends with its signal even if fetch ignores that", async () => {
  const { fetch } = globalThis;
  globalThis.fetch = () => new Promise(() => {});
  try {
    const stop = new AbortController();
    using connection = new Connection({
      retryPolicy: { ...retryPolicy, idleTimeoutMs: 60_000 },
      signal: stop.signal,
    });
    const opening = connection.open("http://127.0.0.1/a.tar", { name: "a.tar" });
    stop.abort(new UserError("stopped"));
    await assertThrows(() => opening, UserError, /^stopped$/);
  } finally {
    globalThis.fetch = fetch;
  }
});

Deno.test("readSamples() throws the file's name and byte if a server lacks it or cuts it off", async () => {
  const read = async (url: string, seed: number | null = null) =>
    await take(await openSource(url, { retryPolicy }), { seed });
  await serving(shards, {}, async (base, log) => {
    await assertThrows(
      () => read(`${base}/none.tar`),
      UserError,
      /Cannot read "http.*\/none\.tar": .*status 404/,
    );
    assertEquals(log, ["HEAD /none.tar", "GET /none.tar"]);
    await assertThrows(() => read(`${base}/s-00.rar`), UserError, /s-00\.rar": .*ending in \.tar/);
    await assertThrows(() => read(`${base}/*.tar`), UserError, /servers do not list/);
  });
  await serving(shards, { statuses: Array(99).fill(500) }, async (base, log) => {
    await assertThrows(
      () => read(`${base}/s-00.tar`),
      UserError,
      /byte 0 of .*s-00\.tar": 4 attempts failed, the last with status 500/,
    );
    assertEquals(log.filter((line) => line.startsWith("GET /s-00.tar 0-")).length, 4);
  });
  await serving(shards, { longer: 10 }, async (base) => {
    await assertThrows(
      () => read(`${base}/s-00.tar`),
      UserError,
      /byte \d+ of .*s-00\.tar": 4 attempts failed/,
    );
  });
  await serving(shards, { stall: true, longer: 10, range: false }, async (base) => {
    await assertThrows(() => read(`${base}/s-00.tar`), UserError, /no byte in 0\.3 s/);
  });
  const gz = new Uint8Array(gzipSync(shards["s-00.tar"]));
  const cut = {
    "a.tar": shards["s-00.tar"].subarray(0, 20_000),
    "b.tgz": gz.subarray(0, 10_000),
    "c.tar": shards["s-00.tar"].subarray(0, -1024),
  };
  await serving(cut, { chunked: true }, async (base) => {
    await assertThrows(
      () => read(`${base}/a.tar`),
      UserError,
      /a\.tar": it ends within .*, and \d+ bytes are missing/,
    );
    await assertThrows(
      () => read(`${base}/b.tgz`),
      UserError,
      /b\.tgz": .*unpacked bytes, "unexpected end of file"/,
    );
  });
  await assertThrows(
    () => read("http://127.0.0.1:1/a.tar"),
    UserError,
    /Cannot read "http:.*attempts failed/,
  );
});

Deno.test("withRetries() waits as long as Retry-After says", async () => {
  await serving(shards, { statuses: [429], wait: 1 }, async (base) => {
    const before = performance.now();
    const source = await openSource(`${base}/s-01.tar`, { retryPolicy });
    await take(source, { seed: null });
    assert(performance.now() - before >= 990, "it was asked again too early");
  });
});

Deno.test("readSamples() throws if a remote file changes, and the fingerprint shows the change", async () => {
  const files: Record<string, Uint8Array> = { "a.tar": archive(0, 30) };
  await serving(files, {}, async (base) => {
    const source = await openSource(`${base}/a.tar`, { retryPolicy });
    files["a.tar"] = archive(1, 30);
    await assertThrows(() => take(source, { seed: null }), UserError, /a\.tar": it has changed/);
    const other = await openSource(`${base}/a.tar`, { retryPolicy });
    assert(other.fingerprint !== source.fingerprint, "the fingerprint does not show the other version");
    assertEquals(
      (await openSource(`${base}/a.tar`, { retryPolicy })).fingerprint,
      other.fingerprint,
    );
  });
});

Deno.test("openSource() takes class names from the classes.txt beside the first remote archive", async () => {
  const text = (lines: string) => new TextEncoder().encode(lines);
  await serving({ ...shards, "classes.txt": text("x\ny\nz\n") }, {}, async (base) => {
    const source = await openSource(`${base}/s-01.tar`, { retryPolicy });
    assertEquals(source.classes, ["x", "y", "z"]);
  });
  await serving({ ...shards, "classes.txt": text("x\n") }, {}, async (base) => {
    const source = await openSource(`${base}/s-01.tar`, { retryPolicy });
    await assertThrows(
      () => take(source, { seed: null }),
      UserError,
      /"s-01\.tar\/d\/31\.jpg" has the label "1", which is none of the 1 classes of classes\.txt/,
    );
  });
});

Deno.test("openSource() ends when its signal is aborted, even while it waits for Retry-After", async () => {
  const busy = () => new Response(null, { status: 503, headers: { "retry-after": "60" } });
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, busy);
  const controller = new AbortController(), begin = performance.now();
  const opening = openSource(`http://127.0.0.1:${server.addr.port}/a.tar`, { signal: controller.signal });
  setTimeout(() => controller.abort(), 200);
  const name = await opening.then(() => "opened", (error) => error.name);
  assertEquals([name, performance.now() - begin < 20_000], ["AbortError", true]);
});
