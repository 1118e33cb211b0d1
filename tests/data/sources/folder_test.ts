/** Folders of images: what is found, what is left out and counted, splits and classes. */
import type { OpenOptions } from "../../../data/sources/open_options.ts";
import { openSource } from "../../../data/sources/open.ts";
import { leftOutText } from "../../../data/sources/survey.ts";
import { decodeImage } from "../../../data/decode.ts";
import { recipes } from "../../../data/views/recipe.ts";
import { Canvas } from "../../../src/plots/canvas.ts";
import { previewSheet } from "../../../src/plots/view_sheet.ts";
import { UserError } from "../../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { tar, tarEntry, withFolder } from "../fixtures.ts";

/** The first bytes of a JPEG. */
const JPEG = new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 16, 74, 70, 73, 70, 0, 1]);

/** A source's images by key with their class, and its survey as counts by kind and reason. */
async function opened(spec: string, options: OpenOptions = {}) {
  const source = await openSource(spec, options);
  assert(source.kind === "indexed" && source.survey !== undefined);
  const labels: Record<string, string | null> = {};
  for (let i = 0; i < source.length; i++) {
    const label = source.label(i);
    labels[source.key(i)] = label === null ? null : source.classes[label];
  }
  const leftOut = Object.fromEntries(
    source.survey.groups.map((
      { kind, reason, count },
    ) => [reason === null ? kind : `${kind}: ${reason}`, count]),
  );
  return { source, labels, leftOut, survey: source.survey };
}

const sorted = (labels: Record<string, unknown>) => Object.keys(labels).sort();

Deno.test("openSource() of a folder counts what looks like an image, and all other files but clutter", async () => {
  const files = {
    "1.jpg": "1",
    "a.b.2.JPG": "2",
    "3.cr2": "",
    "4.CR2": "",
    "5.psd": "",
    "6.jpg.part": "",
    "notes.txt": "",
    "film.MOV": "",
    "old.tar.gz": "",
    "set.7z": "",
    ".7.jpg": "",
    "._1.jpg": "",
    ".8.heic.icloud": "",
    ".DS_Store": "",
    "Thumbs.db": "",
    "desktop.ini": "",
    "lost+found/9.jpg": "",
    "sub/@eaDir/1.jpg/thumb.jpg": "",
    ".cache/10.jpg": "",
    "sub/__MACOSX/11.jpg": "",
  };
  await withFolder(files, async (folder) => {
    await Deno.symlink("/nowhere/at/all", `${folder}/disk`);
    const { labels, leftOut, survey } = await opened(folder);
    assertEquals(labels, { "1.jpg": null, "a.b.2.JPG": null });
    assertEquals(leftOut, {
      ".cr2: camera raw, not readable": 2,
      ".psd: Photoshop, not readable": 1,
      ".part: an incomplete download": 1,
      ".txt": 1,
      ".mov": 1,
      ".tar.gz: an archive beside images; give it by --data": 1,
      ".7z: an archive; unpack it": 1,
      ".jpg: hidden": 1,
      ".icloud: not downloaded from iCloud": 1,
      "folder: of the system": 3,
      "folder: hidden": 1,
      "link: it leads nowhere": 1,
    });
    assertEquals(survey.names.find(({ kind }) => kind === ".mov")?.name, "film.MOV");
    assertEquals(survey.names.filter(({ reason }) => reason === "of the system").map(({ name }) => name), [
      "lost+found",
      "sub/@eaDir",
      "sub/__MACOSX",
    ]);
    assert(
      leftOutText(survey).startsWith(
        "15 left out: 3 folder (of the system), 2 .cr2 (camera raw, not readable), ",
      ),
    );
  });
});

Deno.test("openSource() of a folder finds images without a known extension by their content", async () => {
  const files: Record<string, string | Uint8Array> = {
    "cats/photo": JPEG,
    "cats/IMG_1.jpg_large": JPEG,
    "dogs/No. 7 (copy)": JPEG,
    "dogs/2.jpg": JPEG,
    "dogs/README": "no image",
    "dogs/empty": "",
    "dogs/data.xyz": "text",
  };
  await withFolder(files, async (folder) => {
    const { labels, leftOut } = await opened(folder);
    assertEquals(labels, {
      "cats/photo": "cats",
      "cats/IMG_1.jpg_large": "cats",
      "dogs/No. 7 (copy)": "dogs",
      "dogs/2.jpg": "dogs",
    });
    assertEquals(leftOut, { "without an extension": 2, ".xyz": 1 });
  });
});

Deno.test("openSource() of a folder opens no more than 1,000 files of an extension without an image", async () => {
  const files: Record<string, string | Uint8Array> = { "1.jpg": JPEG, "other/z": JPEG };
  for (let i = 0; i < 1003; i++) files[`a/${String(i).padStart(4, "0")}.abc`] = i < 1000 ? "text" : JPEG;
  await withFolder(files, async (folder) => {
    const { labels, leftOut } = await opened(folder);
    assertEquals(sorted(labels), ["1.jpg", "other/z"]);
    assertEquals(leftOut, { ".abc": 1000, ".abc: not opened, as 1000 others are no images": 3 });
    await Deno.writeFile(`${folder}/a/0999.abc`, JPEG);
    assertEquals((await opened(folder)).source.length, 6);
  });
});

Deno.test("openSource() of a folder leaves out what this program wrote there, but not other folders of that name", async () => {
  const files = {
    "1.jpg": "",
    "runs/a/config.json": "{}",
    "runs/a/checkpoints/step-1.safetensors": "",
    "runs/a/preview.png": "",
    "runs/b/config.json": "{}",
    "runs/b/metrics.jsonl": "",
    "evaluation/evaluation.json": "{}",
    "evaluation/confusion.svg": "",
    "checkpoints/2.jpg": "",
    "web/config.json": "{}",
    "web/3.jpg": "",
  };
  await withFolder(files, async (folder) => {
    const { labels, leftOut } = await opened(folder);
    assertEquals(sorted(labels), ["1.jpg", "checkpoints/2.jpg", "web/3.jpg"]);
    assertEquals(leftOut, { "folder: written by this program": 3, ".json": 1 });
    assertEquals((await opened(`${folder}/runs/a`)).source.length, 1, "a folder that is named is data");
  });
});

Deno.test("openSource() of a folder leaves out the sheets of views that lie among images, and no other preview", async () => {
  const source = await openSource("shapes:4");
  const sheet = await previewSheet(source, { recipe: recipes.shapes, size: 32, count: 1, seed: 0 });
  assertEquals((await decodeImage(sheet)).height > 32, true);
  const plain = new Canvas(40, 40).png();
  await withFolder(
    { "1.jpg": JPEG, "preview.png": sheet, "a/my views-2.PNG": sheet, "b/preview.png": plain },
    async (folder) => {
      const { labels, leftOut } = await opened(folder);
      assertEquals(sorted(labels), ["1.jpg", "b/preview.png"]);
      assertEquals(leftOut, { ".png: written by this program": 2 });
    },
  );
});

Deno.test("openSource() of a folder passes over folders that cannot be read, and counts them", async () => {
  await withFolder({ "a/1.jpg": "", "b/2.jpg": "", "b/c/3.jpg": "" }, async (folder) => {
    const readDir = Deno.readDir;
    Deno.readDir = (path) => {
      if (String(path).endsWith("/b")) throw new Deno.errors.PermissionDenied("Permission denied");
      return readDir(path);
    };
    try {
      const { labels, leftOut, survey } = await opened(folder);
      assertEquals(labels, { "a/1.jpg": null });
      assertEquals(leftOut, { "folder: it cannot be read": 1 });
      assertEquals(survey.names[0].name, "b");
      await assertThrows(
        () => openSource(`${folder}/b`),
        UserError,
        /Cannot read ".*\/b": Permission denied/,
      );
    } finally {
      Deno.readDir = readDir;
    }
  });
});

Deno.test("openSource() of a folder takes classes below the folders that all images share, and counts empty ones", async () => {
  const files = {
    "set/images/cat/1.jpg": "",
    "set/images/dog/2.jpg": "",
    "set/images/dog/deep/3.jpg": "",
    "set/images/4.jpg": "",
    "set/images/bird/5.cr2": "",
    "set/images/notes/6.txt": "",
  };
  await withFolder(files, async (folder) => {
    for (const spec of [folder, `${folder}/set/images`]) {
      const { source, labels, leftOut, survey } = await opened(spec);
      assertEquals(source.classes, ["cat", "dog"]);
      const start = spec === folder ? "set/images/" : "";
      assertEquals(labels, {
        [`${start}cat/1.jpg`]: "cat",
        [`${start}dog/2.jpg`]: "dog",
        [`${start}dog/deep/3.jpg`]: "dog",
        [`${start}4.jpg`]: null,
      });
      assertEquals(leftOut, {
        ".cr2: camera raw, not readable": 1,
        ".txt": 1,
        "class: without a readable image": 1,
      });
      assertEquals(survey.names.at(-1)?.name, "bird");
    }
  });
});

Deno.test("openSource() of a folder keeps the classes of one whose other class has no readable image", async () => {
  await withFolder({ "cat/1.jpg": "", "dog/2.nef": "" }, async (folder) => {
    assertEquals((await opened(folder)).labels, { "cat/1.jpg": "cat" });
  });
});

Deno.test("openSource() of a folder reads the training split, or the one that is named", async () => {
  const files = {
    "set/train/cat/1.jpg": "",
    "set/train/dog/2.jpg": "",
    "set/val/dog/3.jpg": "",
    "set/val/cat/4.jpg": "",
    "set/val/cat/5.jpg": "",
    "set/test/6.jpg": "",
  };
  await withFolder(files, async (folder) => {
    const train = await opened(folder);
    assertEquals([train.survey.split, [...train.survey.splits].sort()], ["train", [
      "test",
      "train",
      "validation",
    ]]);
    assertEquals(train.labels, { "set/train/cat/1.jpg": "cat", "set/train/dog/2.jpg": "dog" });
    assertEquals(train.leftOut, { "split validation": 3, "split test": 1 });
    const validation = await opened(folder, { split: "validation" });
    assertEquals(validation.labels, {
      "set/val/dog/3.jpg": "dog",
      "set/val/cat/4.jpg": "cat",
      "set/val/cat/5.jpg": "cat",
    });
    assertEquals((await opened(folder, { split: "test" })).labels, { "set/test/6.jpg": null });
    assert(train.source.fingerprint !== validation.source.fingerprint);
  });
});

Deno.test("openSource() of a folder finds splits below the classes, and in folders of a split's own layout", async () => {
  const below = { "cat/train/1.jpg": "", "cat/test/2.jpg": "", "dog/train/3.jpg": "", "dog/test/4.jpg": "" };
  await withFolder(below, async (folder) => {
    assertEquals((await opened(folder)).labels, { "cat/train/1.jpg": "cat", "dog/train/3.jpg": "dog" });
    assertEquals((await opened(folder, { split: "test" })).labels, {
      "cat/test/2.jpg": "cat",
      "dog/test/4.jpg": "dog",
    });
  });
  const own = {
    "train/a/images/1.jpg": "",
    "train/b/images/2.jpg": "",
    "val/images/3.jpg": "",
    "val/images/4.jpg": "",
  };
  await withFolder(own, async (folder) => {
    assertEquals((await opened(folder)).labels, { "train/a/images/1.jpg": "a", "train/b/images/2.jpg": "b" });
    assertEquals((await opened(folder, { split: "validation" })).source.classes, []);
  });
});

Deno.test("openSource() of a folder takes its images or its archives, whichever are more, and counts the others", async () => {
  const shard = tar([tarEntry("1.jpg", "one")]);
  await withFolder({ "flowers.tgz": "", "jpg/1.jpg": "1", "jpg/2.jpg": "2" }, async (folder) => {
    const { labels, leftOut } = await opened(folder);
    assertEquals(sorted(labels), ["jpg/1.jpg", "jpg/2.jpg"]);
    assertEquals(leftOut, { ".tgz: an archive beside images; give it by --data": 1 });
  });
  const shards = {
    "0.tar": shard,
    "1.tar": shard,
    "cover.png": "",
    "raw.cr2": "",
    "examples/1.jpg": "",
    "notes/1.txt": "",
  };
  await withFolder(shards, async (folder) => {
    const { labels, leftOut } = await opened(folder);
    assertEquals(sorted(labels), ["0.tar/1.jpg", "1.tar/1.jpg"]);
    assertEquals(leftOut, {
      ".png: beside tar archives": 1,
      ".cr2: beside tar archives": 1,
      "folder: beside tar archives": 1,
    });
  });
  await withFolder({ "0.tar": shard, "1.zip": "" }, async (folder) => {
    await assertThrows(
      () => openSource(folder),
      UserError,
      /it has both "0\.tar" and "1\.zip".*give ".*0\.tar" as/,
    );
  });
});

Deno.test("openSource() of a folder without images tells what it found", async () => {
  await withFolder({ "1.cr2": "", "2.cr2": "", "sub/3.rar": "" }, async (folder) => {
    await assertThrows(
      () => openSource(folder),
      UserError,
      /found no images .*; 3 left out: 2 \.cr2 \(camera raw, not readable\), 1 \.rar \(an archive; unpack it\)\. Check the path\./,
    );
  });
});
