import { gzipSync } from "node:zlib";
import { openSource } from "../../data/sources/open.ts";
import { readSamples } from "../../data/read.ts";
import { UserError } from "../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { serving } from "./server.ts";
import { archive, assertGoesOn, blob, plain, tag, take, whole } from "./streaming.ts";

const patience = { attempts: 4, delay: 1, longest: 4, idle: 300 };

const shards = { "s-00.tar": archive(0, 30), "s-01.tar": archive(30, 42), "s-02.tar": archive(42, 80) };
const spec = "/s-{00..02}.tar";

/** What training on all of `shards` gives in source order. */
const expected = Array.from({ length: 80 }, (_, i) => ({
  key: `s-0${i < 30 ? 0 : i < 42 ? 1 : 2}.tar/d/${i}.jpg`,
  label: i % 3,
  tag: tag(blob(i)),
}));
const content = (samples: ReturnType<typeof plain>) =>
  samples.map(({ key, label, tag }) => ({ key, label, tag }));

Deno.test("archives over HTTP are read whole, in order, and again in other orders", async () => {
  await serving(shards, {}, async (base) => {
    const source = await openSource(base + spec, { patience });
    assert(source.kind === "streamed" && source.length === null, "it is not streamed");
    assertEquals(content(plain(await take(source, { ...whole, seed: null }))), expected);
    await assertGoesOn(source, { count: 80, cuts: [0, 41, 79, 80, 200] });
    assertEquals((await Array.fromAsync(source)).map(({ key }) => key), expected.map(({ key }) => key));
  });
});

Deno.test("broken connections are mended, with and without Range, lengths and HEAD", async () => {
  const packed = Object.fromEntries(
    Object.entries(shards).map(([name, bytes]) => [name + ".gz", new Uint8Array(gzipSync(bytes))]),
  );
  for (const range of [true, false]) {
    for (const chunked of [false, true]) {
      for (let seed = 0; seed < 6; seed++) {
        const faults = { range, chunked, seed, breaks: 3, statuses: [503, 429], head: seed % 2 === 0 };
        await serving({ ...shards, ...packed }, faults, async (base, log) => {
          for (const suffix of ["", ".gz"]) {
            const source = await openSource(base + spec + suffix, { patience });
            const once = content(plain(await take(source, { ...whole, seed: null })));
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

Deno.test("a run goes on within a shard by Range, without what lies before", async () => {
  await serving({ "a.tar": archive(0, 1500) }, {}, async (base, log) => {
    const source = await openSource(`${base}/a.tar`, { patience });
    const all = plain(await take(source, { ...whole, seed: 1 }, 1200));
    const { next } = all[1100];
    assert(next.block!.at! > 1e6 && next.block!.from === 1000, JSON.stringify(next));
    log.length = 0;
    const rest = plain(await take(source, { ...whole, seed: 1, start: next }, 99));
    assertEquals(rest, all.slice(1101));
    assertEquals(log[0], `GET /a.tar ${next.block!.at}-`);
  });
});

Deno.test("cancelling aborts what is being received", async () => {
  const bytes = archive(0, 30);
  const files = {
    "a.tar": bytes.subarray(0, 20_000),
    "b.tgz": new Uint8Array(gzipSync(bytes)).subarray(0, 20_000),
  };
  await serving(files, { stall: true, longer: 1e6 }, async (base) => {
    for (const name of Object.keys(files)) {
      const source = await openSource(`${base}/${name}`, { patience: { ...patience, idle: 60_000 } });
      for (const seed of [null, 1]) {
        const reader = readSamples(source, { ...whole, seed }).getReader();
        if (seed === null) await reader.read();
        const waiting = reader.read();
        await new Promise((resolve) => setTimeout(resolve, 50));
        const before = performance.now();
        await reader.cancel();
        await waiting;
        assert(performance.now() - before < 400, "cancelling waits for the server");
      }
    }
  });
});

Deno.test("what a server lacks or cuts off is an error that names it", async () => {
  const read = async (url: string, seed: number | null = null) =>
    await take(await openSource(url, { patience }), { ...whole, seed });
  await serving(shards, {}, async (base, log) => {
    await assertThrows(
      () => read(`${base}/none.tar`),
      UserError,
      /Cannot read http.*\/none\.tar: .*status 404/,
    );
    assertEquals(log, ["HEAD /none.tar", "GET /none.tar"]);
    await assertThrows(() => read(`${base}/s-00.tar.bz2`), UserError, /s-00\.tar\.bz2: .*ending in \.tar/);
    await assertThrows(() => read(`${base}/*.tar`), UserError, /servers do not list/);
  });
  await serving(shards, { statuses: Array(9).fill(500) }, async (base, log) => {
    await assertThrows(
      () => read(`${base}/s-00.tar`),
      UserError,
      /byte 0 of .*s-00\.tar: .*4 attempts: found status 500/,
    );
    assertEquals(log.filter((line) => line === "GET /s-00.tar").length, 4);
  });
  await serving(shards, { longer: 10 }, async (base) => {
    await assertThrows(() => read(`${base}/s-00.tar`), UserError, /byte \d+ of .*s-00\.tar: .*4 attempts/);
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
      /a\.tar: it ends within .*: \d+ bytes are missing/,
    );
    await assertThrows(
      () => read(`${base}/b.tgz`),
      UserError,
      /b\.tgz: .*unpacked bytes, "unexpected end of file"/,
    );
  });
  await assertThrows(() => read("http://127.0.0.1:1/a.tar"), UserError, /Cannot read http:.*attempts/);
});

Deno.test("a server that asks to be left alone is", async () => {
  await serving(shards, { statuses: [429], wait: 1 }, async (base) => {
    const source = await openSource(`${base}/s-01.tar`, { patience });
    const before = performance.now();
    await take(source, { ...whole, seed: null });
    assert(performance.now() - before >= 990, "it was asked again too early");
  });
});

Deno.test("a file that changes while it is read is not mixed with what it was", async () => {
  const files: Record<string, Uint8Array> = { "a.tar": archive(0, 30) };
  await serving(files, {}, async (base) => {
    const source = await openSource(`${base}/a.tar`, { patience });
    files["a.tar"] = archive(1, 30);
    await assertThrows(() => take(source, { ...whole, seed: null }), UserError, /a\.tar as it has changed/);
    const other = await openSource(`${base}/a.tar`, { patience });
    assert(other.fingerprint !== source.fingerprint, "the fingerprint overlooks another version");
    assertEquals((await openSource(`${base}/a.tar`, { patience })).fingerprint, other.fingerprint);
  });
});

Deno.test("classes.txt beside the first archive names the classes", async () => {
  const text = (lines: string) => new TextEncoder().encode(lines);
  await serving({ ...shards, "classes.txt": text("x\ny\nz\n") }, {}, async (base) => {
    const source = await openSource(`${base}/s-01.tar`, { patience });
    assertEquals(source.classes, ["x", "y", "z"]);
  });
  await serving({ ...shards, "classes.txt": text("x\n") }, {}, async (base) => {
    const source = await openSource(`${base}/s-01.tar`, { patience });
    await assertThrows(
      () => take(source, { ...whole, seed: null }),
      UserError,
      /1 classes of classes\.txt: s-01\.tar\/d\/31\.jpg has "1"/,
    );
  });
});

Deno.test("opening a source ends when it is told to, however long a server asks to wait", async () => {
  const busy = () => new Response(null, { status: 503, headers: { "retry-after": "60" } });
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, busy);
  const controller = new AbortController(), begin = performance.now();
  const opening = openSource(`http://127.0.0.1:${server.addr.port}/a.tar`, { signal: controller.signal });
  setTimeout(() => controller.abort(), 200);
  const name = await opening.then(() => "opened", (error) => error.name);
  assertEquals([name, performance.now() - begin < 20_000], ["AbortError", true]);
});
