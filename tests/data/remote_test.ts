/** Parquet, zip and single images over HTTP, and what their fingerprints tell. */
import { parquetWriteBuffer } from "npm:hyparquet-writer@0.17.0";
import { openSource } from "../../data/sources/open.ts";
import { readSamples } from "../../data/read.ts";
import { remoteBytes } from "../../data/sources/http.ts";
import { UnreachableError } from "../../data/sources/http_connection.ts";
import { randomAccess } from "../../data/sources/remote_file.ts";
import { addressReader } from "../../data/sources/remote_images.ts";
import { UserError } from "../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { type Faults, serving } from "./server.ts";
import { archive, assertResumes, blob, plain, tag, take } from "./streaming.ts";
import { zip } from "./zip.ts";

const retryPolicy = { attempts: 4, delayMs: 1, maxDelayMs: 4, idleTimeoutMs: 5000 };
const open = (spec: string, attempts = 4) => openSource(spec, { retryPolicy: { ...retryPolicy, attempts } });
const COUNT = 60;

const images = Object.fromEntries(
  Array.from({ length: COUNT }, (_, i) => [`set/${"ab"[i % 2]}/ü ${i}+.png`, blob(i)]),
);
const files: Record<string, Uint8Array> = {
  "s.parquet": new Uint8Array(parquetWriteBuffer({
    columnData: [
      { name: "image", data: Array.from({ length: COUNT }, (_, i) => blob(i)), type: "BYTE_ARRAY" },
      { name: "label", data: Array.from({ length: COUNT }, (_, i) => i % 4), type: "INT32" },
    ],
    rowGroupSize: 7,
  })),
  "s.zip": await zip(images),
  "s.tar": archive(0, COUNT),
  ...Object.fromEntries(Array.from({ length: COUNT }, (_, i) => [`i/${"ab"[i % 2]}/${i >> 1}.png`, blob(i)])),
};
const SPECS = ["s.parquet", "s.zip", "s.tar", "i/{a,b}/{0..29}.png"];

/** The tags of all images, sorted. */
const everything = Array.from({ length: COUNT }, (_, i) => tag(blob(i))).sort();

Deno.test("openSource() reads Parquet, zip and images over HTTP, although connections break", async () => {
  // Of a connection that breaks, a busy machine may lose the bytes before: sources are opened in four attempts.
  const often = { breaking: .4, breaks: Infinity, inRow: 3 };
  for (const faults of [{}, { breaks: 2, statuses: [503], head: false }, often]) {
    await serving(files, faults, async (base) => {
      for (const spec of SPECS) {
        const source = await open(`${base}/${spec}`, 20);
        const samples = plain(await take(source, { seed: null }));
        assertEquals(samples.map(({ tag }) => tag).sort(), everything, spec);
        assertEquals(
          new Set(samples.map(({ label }) => label)).size,
          spec.endsWith("parquet") ? 4 : source.classes.length || 3,
        );
        await assertResumes(source, { count: COUNT, cuts: [0, 6, 7, 59, 60, 100] });
      }
    });
  }
});

Deno.test("openSource() reads only parts of remote Parquet and zip files", async () => {
  const noise = Uint8Array.from({ length: 3e6 }, (_, i) => (i * i >> 7) % 256);
  const large = await zip({ "a/stored.png": noise, "b/1.png": blob(1), "b/2.png": blob(2) });
  await serving({ "large.zip": large }, {}, async (base, log) => {
    const source = await open(`${base}/large.zip`);
    assert(source.kind === "indexed", "it is not indexed");
    const small = [0, 1, 2].filter((index) => source.key(index) !== "a/stored.png");
    for (const index of small) {
      assertEquals(tag((await source.read(index)).bytes), tag(blob(Number(source.key(index)[2]))));
    }
    const ranges = log.map((line) => /(\d+)-(\d+)$/.exec(line)).filter((range) => range !== null);
    const bytes = ranges.reduce((sum, [, from, to]) => sum + Number(to) - Number(from) + 1, 0);
    assert(ranges.length >= 3 && bytes < 5e5, `${bytes} bytes in ${ranges.length} parts`);
  });
});

Deno.test("openSource() advises to copy a Parquet or zip file whose server sends no parts", async () => {
  await serving(files, { range: false }, async (base) => {
    for (const spec of ["s.parquet", "s.zip"]) {
      await assertThrows(
        () => open(`${base}/${spec}`),
        UserError,
        /whole files only .*Copy the file to this machine/,
      );
    }
    assertEquals((await open(`${base}/i/{a,b}/{0..29}.png`)).length, COUNT);
  });
  await serving(files, { chunked: true }, async (base) => {
    assertEquals((await open(`${base}/s.zip`)).length, COUNT); // a part tells the size
  });
  await serving(files, { chunked: true, range: false }, async (base) => {
    await assertThrows(() => open(`${base}/s.zip`), UserError, /does not tell its size\. Copy/);
  });
});

Deno.test("fingerprints of remote files are those of a mirror, and change with the contents", async () => {
  const fingerprints = async (served: Record<string, Uint8Array>, faults: Faults = {}) => {
    let found: string[] = [];
    await serving(served, faults, async (base) => {
      found = await Promise.all(SPECS.map(async (spec) => (await open(`${base}/${spec}`)).fingerprint));
    });
    return found;
  };
  const here = await fingerprints(files);
  assertEquals(await fingerprints(files, { etag: "other", head: false }), here);
  // One byte of the first image in each, at the same length.
  const changed: Record<string, Uint8Array> = Object.fromEntries(
    Object.entries(files).map(([name, bytes]) => {
      const other = bytes.slice();
      if (/^s\.(tar|parquet)$/.test(name)) other[600] ^= 1;
      else if (name !== "s.zip") other[10] ^= 1;
      return [name, other];
    }),
  );
  changed["s.zip"] = await zip({ ...images, "set/a/ü 0+.png": blob(0).map((byte) => byte ^ 1) });
  const there = await fingerprints(changed);
  assertEquals(there.map((fingerprint, i) => fingerprint === here[i]), [false, false, false, false]);
});

Deno.test("reading parts throws if the file changes meanwhile", async () => {
  const served: Record<string, Uint8Array> = { ...files };
  await serving(served, {}, async (base, _, faults) => {
    for (const spec of ["s.parquet", "s.zip"]) {
      faults.etag = "1";
      const source = await open(`${base}/${spec}`);
      faults.etag = "2"; // of the same length
      const result = await take(source, { seed: null }).then(
        (samples) => samples[0].failure,
        (error) => error.message,
      );
      assert(/has changed since it was opened/.test(result ?? ""), `${spec}: ${result}`);
    }
  });
});

Deno.test("readSamples() asks for the following row groups of remote Parquet early", async () => {
  await serving(files, {}, async (base, log) => {
    const source = await open(`${base}/s.parquet`);
    log.length = 0;
    await take(source, { seed: null }, 1);
    assertEquals(log.length, 9); // all of its row groups, which are small
  });
});

Deno.test("randomAccess() reads long parts by several connections", async () => {
  const bytes = Uint8Array.from({ length: 2.5e7 }, (_, i) => (i * 31 + (i >> 9)) % 251);
  await serving({ "long.bin": bytes }, { breaks: 1 }, async (base, log) => {
    const url = `${base}/long.bin`, version = { etag: null, modified: null };
    const file = { url, name: url, length: bytes.length, version, id: null };
    const access = randomAccess(file, { retryPolicy });
    const part = await access.read(1e6 + 1, 2.3e7);
    assertEquals(tag(part), tag(bytes.subarray(1e6 + 1, 2.4e7 + 1)));
    assert(log.length >= 3, log.join());
    assertEquals(await access.read(5, 0), new Uint8Array(0));
    await assertThrows(() => access.read(2.4e7, 2e6), Error, /it has 25000000 bytes/);
    const first: Uint8Array[] = [];
    for await (const chunk of remoteBytes(file, { retryPolicy, from: 7, to: 19 })) first.push(chunk);
    assertEquals(first.flatMap((chunk) => [...chunk]), [...bytes.subarray(7, 19)]);
  });
});

Deno.test("readSamples() ends with the error of a server that is away, rather than leave out its images", async () => {
  await serving(files, {}, async (base, _, faults) => {
    for (const spec of ["s.zip", "i/{a,b}/{0..29}.png"]) {
      faults.statuses = undefined;
      const source = await open(`${base}/${spec}`);
      faults.always = 503;
      await assertThrows(
        () => take(source, { seed: null }),
        UserError,
        /4 attempts failed, the last with status 503/,
      );
      faults.always = 404; // an image that is gone is a bad image
      const gone = spec === "s.zip" ? [] : await take(source, { seed: null });
      assert(gone.every(({ failure }) => /status 404/.test(failure!)), "a missing image is no bad image");
      faults.always = undefined;
    }
  });
});

Deno.test("canceling readSamples() does not wait for a silent server", async () => {
  const stall = Promise.withResolvers<void>();
  await serving(files, {}, async (base, _, faults) => {
    for (const spec of SPECS) {
      Object.assign(faults, { stall: undefined, cut: undefined });
      const patient = { retryPolicy: { ...retryPolicy, idleTimeoutMs: 60_000 } };
      const source = await openSource(`${base}/${spec}`, patient);
      Object.assign(faults, { stall: stall.promise, cut: 5 });
      const reader = readSamples(source, { seed: 1 }).getReader();
      const waiting = reader.read();
      await new Promise((resolve) => setTimeout(resolve, 50)); // so that the transfer is under way
      const timeout = Promise.withResolvers<"timeout">(),
        timer = setTimeout(timeout.resolve, 30_000, "timeout");
      const first = await Promise.race([Promise.all([reader.cancel(), waiting]), timeout.promise]);
      clearTimeout(timer);
      if (first === "timeout") stall.resolve();
      assert(first !== "timeout", `${spec}: canceling waited for the server`);
    }
    stall.resolve();
  });
});

Deno.test("openSource() keeps signatures and passwords of addresses out of names and messages", async () => {
  await serving(files, {}, async (base) => {
    const secret = base.replace("//", "//user:passw0rd@"), signed = `${secret}/s.tar?X-Amz-Signature=c0ffee`;
    const source = await open(signed);
    const query = "?X-Amz-Signature=c0ffee", away = secret.replace(/\d+$/, "1");
    const wrong = [
      `${secret}/none.tar`,
      `${secret}/x.rar`,
      `${away}/s.tar`,
      `${secret}/*.tar`,
      `${secret}/{a..,}.tar`,
    ];
    const failures = await Promise.all(
      wrong.map((url) => open(url + query).then(() => "opened", (error) => error.message)),
    );
    const shards = source.kind === "streamed" && source.shards;
    const shown = JSON.stringify([source.name, source.fingerprint, shards, failures]);
    assert(source.name.endsWith("/s.tar") && failures.every((message) => /^Cannot/.test(message)), shown);
    assert(!/passw0rd|user|c0ffee|Signature/.test(shown), shown);
  });
});

Deno.test("addressReader() ends the work if its only host is away; of several hosts, images cannot be read", async () => {
  await serving(files, {}, async (base) => {
    const away = base.replace(/\d+$/, "1"), url = `${away}/x.png`;
    const failing = async (urls: string[]) =>
      await addressReader(urls, { retryPolicy })(url).then(() => null, (error) => error);
    assert(await failing([url]) instanceof UnreachableError, "an outage passes for a bad image");
    const error = await failing([url, `${base}/i/a/0.png`]);
    assert(error instanceof UserError && !(error instanceof UnreachableError), "one host ends the work");
    assertEquals(tag(await addressReader([url], { retryPolicy })(`${base}/i/b/0.png`)), tag(blob(1)));
  });
});

Deno.test("openSource() of addresses of images puts up with missing ones, unless all are missing", async () => {
  await serving(files, {}, async (base) => {
    const source = await open(`${base}/i/{b,none}/{0..2}.png`);
    const failures = (await take(source, { seed: null })).filter(({ failure }) => failure !== null);
    assertEquals([source.length, failures.length], [6, 3]);
    await assertThrows(() => open(`${base}/i/none/{0..2}.png`), UserError, /status 404/);
  });
});
