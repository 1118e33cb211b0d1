/** Samples and labels of tar archives, plain and compressed: what is used, and what is counted as left out. */
import { gzipSync, zstdCompressSync } from "node:zlib";
import { openSource } from "../../../data/sources/open.ts";
import type { OpenOptions } from "../../../data/sources/open_options.ts";
import { firstBase, roleOf } from "../../../data/sources/tar_roles.ts";
import { concatBytes } from "../../../src/base/bytes.ts";
import { UserError } from "../../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { jpeg, png, tar, tarEntry, withFolder } from "../fixtures.ts";
import { blob, plain, take } from "../streaming.ts";

/** What a source gives: `name class` of each image, and the kinds that are left out. */
interface Found {
  images: string[];
  leftOut: Record<string, number>;
  split: string | null;
}

const packings: Record<string, (bytes: Uint8Array) => Uint8Array> = {
  "a.tar": (bytes) => bytes,
  "a.tar.gz": (bytes) => new Uint8Array(gzipSync(bytes)),
  "a.tar.zst": (bytes) => new Uint8Array(zstdCompressSync(bytes)),
};

async function found(path: string | string[], options?: OpenOptions): Promise<Found> {
  const source = await openSource(path, options), { survey } = source;
  assert(survey !== undefined);
  const samples = await take(source, { seed: null });
  assertEquals(samples.length, source.length);
  samples.forEach(({ label }, i) =>
    assertEquals(source.label!(i), label, "label() differs from the image's")
  );
  return {
    images: samples.map(({ key, label }) =>
      `${key.slice(key.indexOf("/") + 1)} ${label === null ? "-" : source.classes[label]}`
    ),
    leftOut: Object.fromEntries(
      survey.groups.map(({ kind, reason, count }) => [`${kind}${reason ? `: ${reason}` : ""}`, count]),
    ),
    split: survey.split,
  };
}

/** Checks what an archive of `entries` gives, plain and compressed. */
async function assertFound(
  entries: (string | [name: string, body: string | Uint8Array, options?: { type?: string }])[],
  expected: { images: string[]; leftOut?: Record<string, number>; split?: string; packings?: string[] },
  { options, beside = {} }: { options?: OpenOptions; beside?: Record<string, string> } = {},
): Promise<void> {
  const bytes = tar(
    entries.map((entry) =>
      typeof entry === "string" ? tarEntry(entry, blob(entry.length)) : tarEntry(...entry)
    ),
  );
  for (const [name, pack] of Object.entries(packings)) {
    if (expected.packings && !expected.packings.includes(name)) continue;
    await withFolder({ [name]: pack(bytes), ...beside }, async (folder) => {
      const { images, leftOut, split } = await found(`${folder}/${name}`, options);
      assertEquals(images, expected.images, name);
      assertEquals(leftOut, expected.leftOut ?? {}, name);
      assertEquals(split, expected.split ?? null, name);
    });
  }
}

const parts: [string, string | null][] = [
  ["1.jpg", "1 | 1 |"],
  ["a/1.left.jpg", "a/1.left | a/1 | left"],
  ["a/1.seg.png", "a/1.seg | a/1 | seg"],
  ["train/cat.0.jpg", "train/cat.0 | train/cat.0 |"],
  ["scan.2023.0007.jpg", "scan.2023.0007 | scan.2023.0007 |"],
  ["v1.5/a.jpg", "v1.5/a | v1.5/a |"],
  ["./b/1.cls", "b/1 | b/1 |"],
  ["/home/me/1.jpg", "home/me/1 | home/me/1 |"],
  ["../x.jpg", "x | x |"],
  ["0001", "0001 | 0001 |"],
  ["x.0001", "x.0001 | x.0001 |"],
  ["a.b/c.d.jpg", "a.b/c.d | a.b/c | d"],
];
for (const [entry, expected] of parts) {
  Deno.test(`roleOf() finds the sample of ${entry}`, () => {
    const role = roleOf(entry);
    const { stem, base, part } = "name" in role ? role.name : { stem: "", base: "", part: "" };
    assertEquals(`${stem} | ${base} | ${part}`.trim(), expected);
  });
}

Deno.test("firstBase() ends at the first dot of the file name", () => {
  assertEquals(["a.b/c.d.e", "a/.b.c", "a"].map(firstBase), ["a.b/c", "a/.b", "a"]);
});

Deno.test("images with dots in their names are samples of their own", async () => {
  await assertFound(
    ["train/cat.0.jpg", "train/cat.1.jpg", "train/dog.0.jpg", ["train/dog.0.cls", "dog"]],
    { images: ["train/cat.0.jpg -", "train/cat.1.jpg -", "train/dog.0.jpg dog"] },
  );
  await assertFound(
    ["scan.2023.07.jpg", ["scan.2023.07.cls", "a"], "scan.2023.08.jpg", ["scan.2023.08.cls", "b"]],
    { images: ["scan.2023.07.jpg a", "scan.2023.08.jpg b"] },
  );
  // Words that are usual names of parts belong to a sample; others do not.
  await assertFound(["john.smith.jpg", "john.doe.jpg", ["john.doe.cls", "x"]], {
    images: ["john.smith.jpg -", "john.doe.jpg x"],
  });
  const hosts = Array.from({ length: 40 }, (_, i) => `www.${"abcdefghij"[i % 10].repeat(1 + i)}.jpg`);
  await assertFound(hosts, { images: hosts.map((name) => `${name} -`) });
});

Deno.test("a sample of several images gives one of them, and the others are counted", async () => {
  await assertFound(
    ["1.left.jpg", "1.right.jpg", ["1.cls", "a"], "2.left.jpg", "2.right.jpg", ["2.cls", "b"]],
    { images: ["1.left.jpg a", "2.left.jpg b"], leftOut: { "image: a further image of a sample": 2 } },
  );
  await assertFound(["1.seg.png", "1.png", ["1.cls", "7"], "2.png", "2.jpg", "3.input.png", "3.target.png"], {
    images: ["1.png 7", "2.png -", "3.input.png -"],
    leftOut: { "image: a further image of a sample": 3 },
  });
});

Deno.test("labels find their images wherever they lie in the archive", async () => {
  const images = ["3.jpg", "1.jpg", "2.jpg"];
  const labels: [string, string][] = [["2.cls", "b"], ["1.cls", "a"], ["3.cls", "c"]];
  const expected = { images: ["3.jpg c", "1.jpg a", "2.jpg b"] };
  await assertFound([...images, ...labels], expected);
  await assertFound([...labels, ...images], expected);
  await assertFound([labels[0], ...images, labels[1], labels[2]], expected);
  // By WebDataset's base, beside the image and elsewhere; and with another way to write the path.
  await assertFound(["1.v2.jpg", ["1.cls", "a"], "2.v2.jpg", "3.jpg", ["2.cls", "b"]], {
    images: ["1.v2.jpg a", "2.v2.jpg b", "3.jpg -"],
  });
  await assertFound(["x/1.jpg", "x/2.jpg", ["./x/1.cls", "a"], ["./x/2.cls", "b"]], {
    images: ["x/1.jpg a", "x/2.jpg b"],
  });
});

Deno.test("labels without an image are counted", async () => {
  await assertFound(["1.jpg", ["1.cls", "a"], ["2.cls", "b"], ["3.json", '{"label": 1}'], ["4.json", "{}"]], {
    images: ["1.jpg a"],
    leftOut: { "label: no image of its name": 2, ".json: no label in it": 1 },
  });
});

Deno.test("-1, an empty text and null are no label, and numbers with gaps are classes", async () => {
  const texts = ["-1", "205", "", "11", "null", "999", "nan", "0205\n", " 11 ", "11.0"];
  await assertFound(texts.flatMap((text, i): [string, string][] => [[`${i}.jpg`, "x"], [`${i}.cls`, text]]), {
    images: ["-", "205", "-", "11", "-", "999", "-", "205", "11", "11"].map((cls, i) => `${i}.jpg ${cls}`),
  });
  await assertFound(
    [["1.jpg", "x"], ["1.cls", "2"], ["2.jpg", "x"], ["2.cls", "-1"]],
    { images: ["1.jpg cow", "2.jpg -"] },
    { beside: { "classes.txt": "cat\ndog\ncow\n" } },
  );
});

Deno.test("labels are fields of .json entries, by usual names in any case or by --label", async () => {
  const fields = [
    '{"Label": "a"}',
    '{"url": "x", "CLS": 3}',
    '{"fine_label": true, "coarse": 1}',
    '{"target": null}',
  ];
  const entries = fields.flatMap((text, i): [string, string][] => [[`${i}.jpg`, "x"], [`${i}.json`, text]]);
  await assertFound(entries, { images: ["0.jpg a", "1.jpg 3", "2.jpg true", "3.jpg -"] });
  const wanted = [["1.jpg", "x"], ["1.json", '{"label": 1, "coarse": "b"}'], ["1.cls", "9"]] as [
    string,
    string,
  ][];
  await assertFound(wanted, { images: ["1.jpg 9"] });
  await assertFound(
    wanted,
    { images: ["1.jpg b"], leftOut: { '.cls: not the label "coarse"': 1 } },
    { options: { label: "coarse" } },
  );
  await assertFound([["1.jpg", "x"], ["1.json", '{"label": [1, 2]}'], ["2.jpg", "x"], ["2.json", "{"]], {
    images: ["1.jpg -", "2.jpg -"],
    leftOut: { ".json: its label is no single value": 1, ".json: damaged": 1 },
  });
});

Deno.test("without labels, folders are classes and splits", async () => {
  await assertFound(["all/cat/1.jpg", "all/dog/2.jpg", "all/cat/3.jpg", "all/4.jpg"], {
    images: ["all/cat/1.jpg cat", "all/dog/2.jpg dog", "all/cat/3.jpg cat", "all/4.jpg -"],
  });
  const entries = [
    "d/train/cat/1.jpg",
    "d/val/cat/2.jpg",
    "d/train/dog/3.jpg",
    "d/test/dog/4.jpg",
    "d/val/dog/5.jpg",
  ];
  await assertFound(entries, {
    images: ["d/train/cat/1.jpg cat", "d/train/dog/3.jpg dog"],
    leftOut: { "split validation": 2, "split test": 1 },
    split: "train",
  });
  await assertFound(entries, {
    images: ["d/val/cat/2.jpg cat", "d/val/dog/5.jpg dog"],
    leftOut: { "split train": 2, "split test": 1 },
    split: "validation",
  }, { options: { split: "validation" } });
  // Splits with labels beside the images.
  await assertFound(["train/1.jpg", ["train/1.cls", "a"], "test/2.jpg", ["test/2.cls", "b"]], {
    images: ["train/1.jpg a"],
    leftOut: { "split test": 1 },
    split: "train",
  });
});

Deno.test("streams of a split resume and know their lengths", async () => {
  const names = Array.from(
    { length: 60 },
    (_, i) => `${["train", "test"][i % 3 >> 1]}/${"ab"[i % 2]}/${i}.jpg`,
  );
  const bytes = tar(names.map((name, i) => tarEntry(name, blob(i))));
  await withFolder({ "packed/a.tar": packings["a.tar.gz"](bytes), "flat/a.tar": bytes }, async (folder) => {
    const packed = await openSource(`${folder}/packed/a.tar`),
      flat = await openSource(`${folder}/flat/a.tar`);
    const all = plain(await take(packed, { seed: null }));
    assertEquals([all.length, packed.fingerprint], [40, flat.fingerprint]);
    const content = (samples: typeof all) =>
      samples.map(({ index, key, label, tag }) => [index, key, label, tag]);
    assertEquals(content(all), content(plain(await take(flat, { seed: null }))));
    assert(packed.kind === "streamed");
    for (const from of [0, 1, 17, 39, 40]) {
      const rest = await Array.fromAsync(packed.shards[0].open({ from }));
      assertEquals(
        rest.map(({ number, key }) => [number, key]),
        all.slice(from).map(({ index, key }) => [index, key]),
      );
    }
  });
});

Deno.test("hard and symbolic links are the images to which they lead", async () => {
  const link = (name: string, target: string, type: string): Uint8Array => {
    const entry = tarEntry(name, "", { type });
    entry.set(new TextEncoder().encode(target), 157);
    entry.fill(0x20, 148, 156);
    const sum = entry.subarray(0, 512).reduce((a, b) => a + b, 0);
    entry.set(new TextEncoder().encode(sum.toString(8).padStart(6, "0") + "\0 "), 148);
    return entry;
  };
  const long = `${"n".repeat(120)}.jpg`;
  const bytes = tar([
    link("a/0.jpg", "../store/x", "2"),
    tarEntry("./store/x", "one"),
    tarEntry("b/1.jpg", "two"),
    link("b/2.jpg", "b/1.jpg", "1"),
    link("b/3.jpg", "2.jpg", "2"),
    link("b/4.jpg", "gone.jpg", "2"),
    link("b/5.jpg", "/elsewhere/1.jpg", "2"),
    link("b/6.jpg", "6.jpg", "2"),
    link("b/notes", "gone", "1"),
    tarEntry("@name", `${long}\0`, { type: "L" }),
    tarEntry("cut", "three"),
    tarEntry("@link", `${long}\0`, { type: "K" }),
    link("c/7.jpg", "cut", "1"),
  ]);
  await withFolder({ "a.tar": bytes, "a.tar.gz": packings["a.tar.gz"](bytes) }, async (folder) => {
    const source = await openSource(`${folder}/a.tar`);
    const samples = await take(source, { seed: null });
    assertEquals(samples.map(({ key, bytes }) => [key, new TextDecoder().decode(bytes)]), [
      ["a.tar/a/0.jpg", "one"],
      ["a.tar/b/1.jpg", "two"],
      ["a.tar/b/2.jpg", "two"],
      ["a.tar/b/3.jpg", "two"],
      [`a.tar/${long}`, "three"],
      ["a.tar/c/7.jpg", "three"],
    ]);
    const { leftOut } = await found(`${folder}/a.tar`);
    assertEquals(leftOut, {
      "symbolic link: it leads to no file of the archive": 3,
      "without an extension: no image": 1,
    });
    const packed = await found(`${folder}/a.tar.gz`);
    assertEquals(packed.images.length, 2);
    assertEquals(packed.leftOut, {
      "symbolic link: in a compressed archive: unpack it": 5,
      "hard link: in a compressed archive: unpack it": 2,
      "class: without a readable image": 2,
      "without an extension: no image": 1,
    });
  });
});

Deno.test("sparse entries are counted, and what follows them is read", async () => {
  const old = tarEntry("1.jpg", "stored", { type: "S" });
  old[482] = 1; // the list of parts continues
  old.fill(0x20, 148, 156);
  const sum = old.subarray(0, 512).reduce((a, b) => a + b, 0);
  old.set(new TextEncoder().encode(sum.toString(8).padStart(6, "0") + "\0 "), 148);
  const more = new Uint8Array(1024);
  more[504] = 1;
  const sparse = concatBytes([old.subarray(0, 512), more, old.subarray(512)]);
  const records = "22 GNU.sparse.major=1\n25 GNU.sparse.name=2.jpg\n";
  const bytes = tar([
    sparse,
    tarEntry("pax", records, { type: "x" }),
    tarEntry("GNUSparseFile.1/2.jpg", "1\n0\n"),
    tarEntry("3.jpg", "x"),
  ]);
  for (const [name, pack] of Object.entries(packings)) {
    await withFolder({ [name]: pack(bytes) }, async (folder) => {
      const { images, leftOut } = await found(`${folder}/${name}`);
      assertEquals([images, leftOut], [["3.jpg -"], { "sparse file: stored with holes: unpack it": 2 }]);
    });
  }
});

Deno.test("images of unknown and missing extensions are found by their bytes, other files are counted", async () => {
  const entries: [string, string | Uint8Array, { type?: string }?][] = [
    ["cat/", "", { type: "5" }],
    ["cat/0001", await jpeg()],
    ["dog/scan.0002", png()],
    ["dog/readme", "text"],
    ["dog/3.jpg", "x"],
    ["dog/3.txt", "a caption"],
    ["dog/4.xcf", "gimp"],
    ["dog/more.zip", "PK"],
    ["dog/._3.jpg", "mac"],
    [".thumbs/3.jpg", "small"],
    ["__MACOSX/dog/._3.jpg", "mac"],
    ["dog/Thumbs.db", "windows"],
    ["dog/.hidden.jpg", "x"],
  ];
  await assertFound(entries, {
    images: ["cat/0001 cat", "dog/scan.0002 dog", "dog/3.jpg dog"],
    leftOut: {
      "without an extension: no image": 1,
      ".txt": 1,
      ".xcf: GIMP, not readable": 1,
      ".zip: an archive beside images; give it by --data": 1,
      "image: in a hidden folder": 1,
      ".jpg: hidden": 1,
    },
  });
});

Deno.test("of entries with one name the last is read", async () => {
  const bytes = tar([tarEntry("1.jpg", "old"), tarEntry("2.jpg", "x"), tarEntry("1.jpg", "new")]);
  for (const [name, pack] of Object.entries(packings)) {
    await withFolder({ [name]: pack(bytes) }, async (folder) => {
      const samples = await take(await openSource(`${folder}/${name}`), { seed: null });
      assertEquals(samples.map(({ bytes }) => new TextDecoder().decode(bytes)), ["x", "new"]);
      assertEquals((await found(`${folder}/${name}`)).leftOut, {
        ".jpg: a later entry has the same name": 1,
      });
    });
  }
});

Deno.test("the fingerprint of archives depends on contents, not on packing", async () => {
  const of = async (change: number | null, label = "a") => {
    const entries = Array.from({ length: 20 }, (_, i) => [
      tarEntry(`${i}.jpg`, i === change ? blob(i).map((byte) => byte ^ 1) : blob(i)),
      tarEntry(`${i}.cls`, i === 7 ? label : "a"),
    ]).flat();
    const prints = new Set<string>();
    for (const pack of Object.values(packings)) {
      await withFolder({ "a.tar": pack(tar(entries)) }, async (folder) => {
        prints.add((await openSource(`${folder}/a.tar`)).fingerprint);
      });
    }
    assertEquals(prints.size, 1);
    return [...prints][0];
  };
  const prints = [await of(null), await of(3), await of(19), await of(null, "b")];
  assertEquals(new Set(prints).size, 4);
  assertEquals(await of(null), prints[0]);
});

Deno.test("archives one behind another in a file are all read, other data behind the end are counted", async () => {
  const one = (name: string) => tar([tarEntry(name, "x")]);
  const joined = concatBytes([one("1.jpg"), new Uint8Array(9 * 512), one("2.jpg"), one("3.jpg")]);
  const junk = concatBytes([one("1.jpg"), new TextEncoder().encode("signature")]);
  for (const [name, pack] of Object.entries(packings)) {
    await withFolder({ [`a/${name}`]: pack(joined), [`b/${name}`]: pack(junk) }, async (folder) => {
      assertEquals((await found(`${folder}/a`)).images, ["1.jpg -", "2.jpg -", "3.jpg -"]);
      const { images, leftOut } = await found(`${folder}/b`);
      assertEquals([images, leftOut], [["1.jpg -"], { "data behind the end of an archive": 1 }]);
    });
  }
});

Deno.test("an archive without images says what it has", async () => {
  await withFolder(
    { "a.tar": tar([tarEntry("1.npy", "x"), tarEntry("2.xcf", "x")]) },
    (folder) =>
      assertThrows(
        () => openSource(`${folder}/a.tar`),
        UserError,
        /no entry ends in \.jpg.*; 2 left out: 1 \.npy, 1 \.xcf \(GIMP, not readable\)\. Check the path/,
      ),
  );
});

Deno.test("joined sources unite number labels by their numbers", async () => {
  const one = (cls: string) => tar([tarEntry("1.jpg", "x"), tarEntry("1.cls", cls)]);
  await withFolder(
    { "a.tar": one("205"), "b.tar": one("11"), "c.tar.gz": packings["a.tar.gz"](one("205")) },
    async (f) => {
      const { images } = await found([`${f}/a.tar`, `${f}/b.tar`, `${f}/c.tar.gz`]);
      assertEquals(images.map((image) => image.split(" ").at(-1)), ["205", "11", "205"]);
    },
  );
});
