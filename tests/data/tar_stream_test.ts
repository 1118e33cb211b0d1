import { concatBytes } from "../../src/base/bytes.ts";
import { openSource } from "../../data/sources/open.ts";
import { ByteReader } from "../../data/sources/bytes.ts";
import { tarSamples } from "../../data/sources/tar_stream.ts";
import { UserError } from "../../src/base/errors.ts";
import { keyedRandom } from "../../src/base/random.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { tar, tarEntry, withFolder } from "./fixtures.ts";
import { blob, tag } from "./streaming.ts";

/** `bytes` in pieces of random lengths, some of them empty. */
async function* pieces(bytes: Uint8Array, seed: number): AsyncGenerator<Uint8Array> {
  const random = keyedRandom(seed, 1), largest = [1, 40, 700, 5000][seed % 4];
  for (let at = 0; at < bytes.length;) {
    const size = random.integer(largest + 1);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

/** An archive with all kinds of entries: long names of both kinds, folders, labels, other files. */
const entries = Array.from({ length: 12 }, (_, i) => {
  const long = `${"d".repeat(110)}/${i}.jpg`, record = `path=${long}\n`;
  const pax = tarEntry("pax", `${record.length + 4} ${record}`, { type: "x" });
  const gnu = concatBytes([
    tarEntry("@link", "elsewhere\0", { type: "K" }),
    tarEntry("@name", `${long}\0`, { type: "L" }),
  ]);
  const image = tarEntry(i % 4 < 2 ? "short" : `d/${i}.jpg`, blob(i));
  const label = tarEntry(i % 4 < 2 ? long.replace("jpg", "cls").slice(11) : `d/${i}.cls`, String(i % 5));
  const other = tarEntry(`x/${i}.txt`, "x".repeat(i * 100));
  return concatBytes(
    [
      [pax, image],
      [other, gnu, image, other],
      [label, image],
      [
        tarEntry("d/", "", { type: "5" }),
        tarEntry(`d/${i}.json`, "{}"),
        label,
        image,
        tarEntry(`d/${i}.jpeg`, "second"),
      ],
    ][i % 4],
  );
});
const bytes = tar(entries);
const samplesOf = (options: Parameters<typeof tarSamples>[2], seed = 0) =>
  Array.fromAsync(tarSamples("a.tar", pieces(bytes.subarray(options?.at ?? 0), seed), options));
const plain = (samples: Awaited<ReturnType<typeof samplesOf>>) =>
  samples.map(({ bytes, ...rest }) => ({ ...rest, tag: tag(bytes) }));

Deno.test("tarSamples() gives the samples of an indexed archive, however its bytes are split", async () => {
  await withFolder({ "a.tar": bytes }, async (folder) => {
    const expected = await Array.fromAsync(await openSource(`${folder}/a.tar`));
    assertEquals(expected.length, 12);
    for (let seed = 0; seed < 20; seed++) {
      const samples = await samplesOf({}, seed);
      assertEquals(
        samples.map(({ number, name, bytes }) => [number, `a.tar/${name}`, tag(bytes)]),
        expected.map(({ index, key, bytes }) => [index, key, tag(bytes)]),
      );
      assertEquals(
        samples.map(({ cls }) => cls),
        Array.from({ length: 12 }, (_, i) => i % 4 < 2 ? null : String(i % 5)),
      );
    }
  });
});

Deno.test("tarSamples() resumes at any sample, by its byte or by skipping", async () => {
  const all = plain(await samplesOf({}));
  for (const { number: from, at } of all) {
    assertEquals(plain(await samplesOf({ from }, from)), all.slice(from));
    if (at) assertEquals(plain(await samplesOf({ from, at }, from)), all.slice(from));
  }
  const without = await samplesOf({ bodies: false });
  assertEquals(without.map(({ size, bytes }) => [size, bytes.length]), all.map(({ size }) => [size, 0]));
});

Deno.test("tarSamples() throws the missing bytes of an archive truncated anywhere", async () => {
  const contents = bytes.length - 1024;
  for (let seed = 0; seed < 60; seed++) {
    const end = keyedRandom(seed, 2).integer(contents);
    const cut = bytes.subarray(0, end);
    const read = (marked: boolean) => Array.fromAsync(tarSamples("a.tar", pieces(cut, seed), { marked }));
    await assertThrows(() => read(true), UserError, /a\.tar": it ends within .*, and \d+ bytes are missing/);
    // At the end of an entry, only a missing end mark shows the truncation.
    const rejected = await read(false).then(() => false, () => true);
    assert(
      rejected || end % 512 === 0 || bytes.subarray(end, end + 512 - end % 512).every((byte) => byte === 0),
      String(end),
    );
  }
});

Deno.test("tarSamples() rejects absurd sizes in headers without allocating them", async () => {
  const claim = (record: string) => tar([tarEntry("pax", record, { type: "x" }), tarEntry("1.jpg", "image")]);
  const read = (bytes: Uint8Array) => Array.fromAsync(tarSamples("a.tar", pieces(bytes, 3)));
  await assertThrows(() => read(claim("30 size=8000000000000\n")), UserError, /it ends within 1\.jpg/);
  await assertThrows(() => read(claim("12 size=abc\n")), UserError, /the size of "1\.jpg" .*is not a number/);
  await assertThrows(() => read(claim("12 size=-5\n")), UserError, /the size of "1\.jpg" .*is not a number/);
  const name = tarEntry("@name", "x".repeat(2_000_000), { type: "L" });
  await assertThrows(
    () => read(tar([name, tarEntry("1.jpg", "")])),
    UserError,
    /announces a name of 2000000 bytes/,
  );
  const label = tar([tarEntry("1.cls", "x".repeat(70_000)), tarEntry("1.jpg", "image")]);
  await assertThrows(
    () => read(label),
    UserError,
    /the label "1\.cls" at byte 0 has 70000 bytes/,
  );
});

Deno.test("ByteReader takes and skips bytes across pieces", async () => {
  const all = Uint8Array.from({ length: 3000 }, (_, i) => i % 251);
  for (let seed = 0; seed < 12; seed++) {
    const reader = new ByteReader(pieces(all, seed), 100), random = keyedRandom(seed, 3);
    for (let at = 0; at < all.length;) {
      assertEquals(reader.position, 100 + at);
      const size = random.integer(400), expected = Math.min(size, all.length - at);
      if (random.chance(.5)) assertEquals(await reader.skip(size), expected);
      else assertEquals([...await reader.take(size)], [...all.subarray(at, at + size)]);
      at += expected;
    }
    assertEquals([(await reader.take(5)).length, await reader.skip(Infinity)], [0, 0]);
  }
});
