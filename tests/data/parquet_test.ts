import type { ImageSource, StreamedSource } from "../../data/sources/types.ts";
import { openSource } from "../../data/sources/open.ts";
import { UserError } from "../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { withFolder } from "./fixtures.ts";
import { assertResumes, plain, tag, take } from "./streaming.ts";

const golden = new URL("../golden/", import.meta.url).pathname;
const file = (name: string) => `${golden}parquet_${name}.parquet`;

/** The tag of image i in the golden files. */
function image(i: number): string {
  return tag(Uint8Array.from({ length: 40 + 10 * (i % 17) }, (_, j) => (31 * i + 7 * j) % 251));
}

function asStreamed(source: ImageSource): StreamedSource {
  assert(source.kind === "streamed", "it is not streamed");
  return source;
}

const read = async (source: ImageSource) => plain(await take(source, { seed: null }));

Deno.test("openSource() reads Parquet as Hugging Face writes it: structs, class names, rows without bytes", async () => {
  const source = asStreamed(await openSource(file("struct")));
  assertEquals([source.length, source.classes], [60, ["cat", "dog", "cow"]]);
  assertEquals(source.shards.map(({ length }) => length), [25, 25, 10]);
  const samples = await read(source);
  for (const [i, sample] of samples.entries()) {
    assertEquals([sample.index, sample.key], [i, `parquet_struct.parquet/${i}`]);
    assertEquals(sample.label, i === 5 ? null : i % 3);
    if (i === 7 || i === 11) {
      const elsewhere = i === 7 ? ", which only names the file elsewhere.png" : "";
      assertEquals(sample.failure, `it cannot be read: its row has no bytes${elsewhere}`);
    } else assertEquals([sample.failure, sample.tag], [null, image(i)]);
  }
  await assertResumes(source, { count: 60, cuts: [0, 24, 25, 59, 60, 130] });
});

Deno.test("openSource() reads Parquet with plain bytes, names as labels and a page index", async () => {
  const source = asStreamed(await openSource(file("binary")));
  assertEquals([source.length, source.classes], [50, ["x", "y"]]);
  const samples = await read(source);
  assertEquals(samples.map(({ tag }) => tag), Array.from({ length: 50 }, (_, i) => image(i)));
  assertEquals(
    samples.map(({ label }) => label),
    Array.from({ length: 50 }, (_, i) => i === 3 ? null : i % 2),
  );
  for (const from of [0, 1, 7, 25, 49]) {
    const images = await Array.fromAsync(source.shards[0].open({ from }));
    assertEquals(images.map(({ number }) => number), Array.from({ length: 50 - from }, (_, i) => from + i));
    assertEquals(tag(images[0].bytes), image(from));
  }
});

Deno.test("openSource() reads Parquet in gzip and brotli, with numbers or nothing as labels", async () => {
  const expected = Array.from({ length: 9 }, (_, i) => image(i));
  const gzip = await openSource(file("gzip")), brotli = await openSource(file("brotli"));
  assertEquals([gzip.classes, brotli.classes], [["0", "1", "4"], []]);
  assertEquals((await read(gzip)).map(({ tag }) => tag), expected);
  assertEquals((await read(gzip)).map(({ label }) => gzip.classes[label!]), [..."404040401"]);
  assertEquals(
    (await read(brotli)).map(({ tag, label }) => [tag, label]),
    expected.map((tag) => [tag, null]),
  );
});

Deno.test("openSource() opens the Parquet files of a folder or a pattern as one source", async () => {
  const files = {
    "train-0.parquet": await Deno.readFile(file("struct")),
    "train-1.parquet": await Deno.readFile(file("brotli")),
    "README.md": "",
  };
  await withFolder(files, async (folder) => {
    const source = await openSource(folder);
    assertEquals([source.length, source.classes], [69, ["cat", "dog", "cow"]]);
    assertEquals((await read(source))[60].key, "train-1.parquet/0");
    const { fingerprint } = source;
    assertEquals((await openSource(`${folder}/train-*.parquet`)).fingerprint, fingerprint);
    assertEquals((await openSource(`${folder}/train-{0..1}.parquet`)).fingerprint, fingerprint);
    assert(
      (await openSource(`${folder}/train-{1,0}.parquet`)).fingerprint !== fingerprint,
      "the fingerprint does not show the order",
    );
    await Deno.writeTextFile(`${folder}/1.jpg`, "");
    const beside = await openSource(folder);
    assertEquals([beside.length, beside.fingerprint], [69, fingerprint]);
    assertEquals(beside.survey?.names, [{ name: "1.jpg", kind: ".jpg", reason: "beside Parquet files" }]);
  });
});

Deno.test("openSource() rejects Parquet files that are truncated, of another kind or without images", async () => {
  await assertThrows(
    () => openSource(file("none")),
    UserError,
    /none\.parquet": no column holds bytes.*Its columns are text/,
  );
  const bytes = await Deno.readFile(file("struct"));
  await withFolder({ "cut.parquet": bytes.subarray(0, 2000), "no.parquet": "nothing" }, async (folder) => {
    await assertThrows(
      () => openSource(`${folder}/cut.parquet`),
      UserError,
      /cut\.parquet": the metadata at its end cannot be read/,
    );
    await assertThrows(
      () => openSource(`${folder}/no.parquet`),
      UserError,
      /no\.parquet": the metadata at its end cannot be read/,
    );
  });
});

Deno.test("a damaged row group ends the stream with an error that names its rows", async () => {
  const bytes = await Deno.readFile(file("struct"));
  const { shards } = asStreamed(await openSource(file("struct")));
  assertEquals(shards.length, 3);
  bytes.fill(255, bytes.length / 3, bytes.length / 3 + 300);
  await withFolder({ "a.parquet": bytes }, async (folder) => {
    const source = await openSource(`${folder}/a.parquet`);
    const got: number[] = [];
    await assertThrows(
      async () => {
        for await (const { index } of source) {
          got.push(index);
          if (index === 6) break;
        }
        await take(source, { seed: null });
      },
      UserError,
      /a\.parquet": column picture in the rows \d+ to \d+ cannot be read: .*damaged/,
    );
    assert(got.length > 0, "no image was delivered before it");
  });
});

Deno.test("openSource() reads Parquet with more rows than a call can have arguments", async () => {
  const source = await openSource(new URL("../golden/parquet_many.parquet", import.meta.url).pathname);
  assertEquals([source.length, source.classes], [150_000, ["0", "1", "2"]]);
});
