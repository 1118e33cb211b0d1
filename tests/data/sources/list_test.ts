/** Lists of images: tables and texts. */
import type { OpenOptions } from "../../../data/sources/open_options.ts";
import { openSource } from "../../../data/sources/open.ts";
import { UserError } from "../../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { withFolder } from "../fixtures.ts";
import { serving } from "../server.ts";

/** The images of a source in order, as "key class text", and what was left out. */
async function opened(spec: string, options: OpenOptions = {}) {
  const source = await openSource(spec, options);
  assert(source.kind === "indexed" && source.survey !== undefined);
  const images: string[] = [];
  for await (const { key, label, bytes } of source) {
    images.push(`${key} ${label === null ? "-" : source.classes[label]} ${new TextDecoder().decode(bytes)}`);
  }
  const leftOut = Object.fromEntries(
    source.survey.groups.map((
      { kind, reason, count },
    ) => [reason === null ? kind : `${kind}: ${reason}`, count]),
  );
  return { source, images, leftOut, survey: source.survey };
}

const files = { "img/a.jpg": "A", "img/b b.jpg": "B", "img/c.png": "C", "d,d.jpg": "D", "e.jpg": "E" };

/** Opens the list `text` beside `files`. */
async function withList(
  name: string,
  text: string | Uint8Array,
  test: (path: string) => Promise<void>,
): Promise<void> {
  await withFolder({ ...files, [name]: text }, async (folder) => await test(`${folder}/${name}`));
}

Deno.test("openSource() of a table finds out the delimiter, the header and the columns", async () => {
  const expected = ["img/a.jpg cat A", "img/b b.jpg dog B", "d,d.jpg cat D", "e.jpg - E"];
  const tables: Record<string, string> = {
    "commas.csv": 'path,label\nimg/a.jpg,cat\nimg/b b.jpg,dog\n"d,d.jpg",cat\ne.jpg,\n',
    "quoted.csv":
      '\ufeff"Label","Filename"\r\n"cat","img/a.jpg"\r\n"dog","img/b b.jpg"\r\n"cat","d,d.jpg"\r\n"","e.jpg"\r\n',
    "semicolons.csv":
      "nr;image_path;size;class\n1;img/a.jpg;1,5;cat\n2;img/b b.jpg;2;dog\n3;d,d.jpg;3;cat\n4;e.jpg;4;-1\n",
    "tabs.tsv": "img/a.jpg\tcat\nimg/b b.jpg\tdog\nd,d.jpg\tcat\ne.jpg\tnull",
    "tabs.txt": "file\ttarget\n./img/a.jpg\tcat\nimg\\b b.jpg\tdog\nd,d.jpg\tcat\ne.jpg\tnan",
  };
  const fingerprints = new Set<string>();
  for (const [name, text] of Object.entries(tables)) {
    await withList(name, text, async (path) => {
      const { source, images, leftOut } = await opened(path);
      assertEquals(images, expected, name);
      assertEquals([source.classes, leftOut], [["cat", "dog"], {}], name);
      fingerprints.add(source.fingerprint);
    });
  }
  assertEquals(fingerprints.size, 1, "the fingerprint depends on how the list is written");
});

Deno.test("openSource() of a table reads UTF-16, and sorts numbers as classes", async () => {
  const text = "\ufeffpath\tlabel\r\nimg/a.jpg\t10\r\nimg/c.png\t9\r\ne.jpg\t10.0\r\n";
  const bytes = new Uint8Array(2 * text.length), view = new DataView(bytes.buffer);
  [...text].forEach((char, i) => view.setUint16(2 * i, char.charCodeAt(0), true));
  await withList("unicode.txt", bytes, async (path) => {
    const { source, images } = await opened(path);
    assertEquals(source.classes, ["9", "10"]);
    assertEquals(images, ["img/a.jpg 10 A", "img/c.png 9 C", "e.jpg 10 E"]);
  });
});

Deno.test("openSource() of a text reads a path on each line, with a label behind it", async () => {
  const texts: Record<string, string> = {
    "spaces.txt": "# a comment\nimg/a.jpg 0\nimg/b b.jpg 3\nd,d.jpg 0\n",
    "commas.lst": "img/a.jpg, 0\nimg/b b.jpg,3\nd,d.jpg , 0",
  };
  for (const [name, text] of Object.entries(texts)) {
    await withList(name, text, async (path) => {
      const { images } = await opened(path);
      assertEquals(images, ["img/a.jpg 0 A", "img/b b.jpg 3 B", "d,d.jpg 0 D"], name);
    });
  }
  await withList("paths.txt", "img/b b.jpg\r\nd,d.jpg\r\n", async (path) => {
    assertEquals((await opened(path)).images, ["img/b b.jpg - B", "d,d.jpg - D"]);
  });
});

Deno.test("openSource() of a list tells numbers before the paths that are labels from those that count", async () => {
  const lists: [string, string, string[]][] = [
    ["labels.txt", "0 img/a.jpg\n2 img/b b.jpg\n0 e.jpg\n", [
      "img/a.jpg 0 A",
      "img/b b.jpg 2 B",
      "e.jpg 0 E",
    ]],
    ["commas.lst", "5,img/a.jpg\n-1,d,d.jpg\n5, e.jpg", ["img/a.jpg 5 A", "d,d.jpg - D", "e.jpg 5 E"]],
    ["ids.txt", "1 img/a.jpg\n2 img/b b.jpg\n3 e.jpg\n", ["img/a.jpg - A", "img/b b.jpg - B", "e.jpg - E"]],
    ["both.txt", "1 img/a.jpg 7\n1 img/b b.jpg 8\n", ["img/a.jpg 7 A", "img/b b.jpg 8 B"]],
    ["header.txt", "img_id image_name\n1 img/a.jpg\n2 e.jpg\n", ["img/a.jpg - A", "e.jpg - E"]],
    ["ids.csv", "1,img/a.jpg\n2,img/b b.jpg\n", ["img/a.jpg - A", "img/b b.jpg - B"]],
    ["labels.csv", "0\timg/a.jpg\n1\timg/b b.jpg\n1\te.jpg\n", [
      "img/a.jpg 0 A",
      "img/b b.jpg 1 B",
      "e.jpg 1 E",
    ]],
    ["behind.csv", "img/a.jpg,1\nimg/b b.jpg,2\n", ["img/a.jpg 1 A", "img/b b.jpg 2 B"]],
  ];
  for (const [name, text, expected] of lists) {
    await withList(name, text, async (path) => {
      const { images, leftOut } = await opened(path);
      assertEquals([images, leftOut], [expected, {}], name);
    });
  }
});

Deno.test("openSource() of a list takes a number before a name as a part of it if there is such a file", async () => {
  await withFolder(
    { "1 a.jpg": "A", "2 b.jpg": "B", "l.txt": "1 a.jpg\n2 b.jpg 7" },
    async (folder) => {
      assertEquals((await opened(`${folder}/l.txt`)).images, ["1 a.jpg - A", "2 b.jpg 7 B"]);
    },
  );
});

Deno.test("openSource() of a list counts missing and repeated files and empty lines", async () => {
  const lines = [
    "path,label",
    "e.jpg,1",
    "",
    "gone.jpg,1",
    "e.jpg,1",
    ",2",
    "e.jpg,2",
    "img/a.jpg,2",
    "also/gone.png,1",
  ];
  await withList("l.csv", lines.join("\n"), async (path) => {
    const { images, leftOut, survey } = await opened(path);
    assertEquals(images, ["e.jpg 1 E", "img/a.jpg 2 A"]);
    assertEquals(leftOut, {
      "empty line": 2,
      ".jpg: no such file": 1,
      ".png: no such file": 1,
      ".jpg: listed twice": 1,
      ".jpg: listed twice, with another label": 1,
    });
    assertEquals(survey.names.find(({ reason }) => reason === "no such file")?.name, "gone.jpg");
  });
  await withList("l.txt", "x/gone.jpg 1\nx/too.jpg 1\n", async (path) => {
    await assertThrows(
      () => openSource(path),
      UserError,
      /l\.txt": none of its 2 images is there; the first is looked for at ".*\/x\/gone\.jpg"\. Write the paths relative/,
    );
  });
});

Deno.test("openSource() of a list whose paths begin at another folder tells which one", async () => {
  const lists: [list: string, line: string, folder: string][] = [
    ["img/l.txt", "img/a.jpg", "img/\\.\\."],
    ["l.txt", "1 c.png", "img"],
    ["lists/l.csv", "path\nc.png", "lists/\\.\\./img"],
  ];
  for (const [list, line, folder] of lists) {
    await withList(list, line, async (path) => {
      await assertThrows(
        () => openSource(path),
        UserError,
        new RegExp(
          `, but lies at ".*/${folder}/.*(jpg|png)"\\. Write .*, or move the list into ".*/${folder}"\\.$`,
        ),
      );
    });
  }
});

Deno.test("openSource() of a table honors the column of splits and the named column of labels", async () => {
  const text = "file_name,split,label,color\ne.jpg,train,1,red\nimg/a.jpg,test,2,blue\nd,d.jpg\n".replace(
    "d,d.jpg",
    '"d,d.jpg",train,2,red',
  );
  await withList("l.csv", text, async (path) => {
    const train = await opened(path);
    assertEquals([train.images, train.leftOut], [["e.jpg 1 E", "d,d.jpg 2 D"], { "split test": 1 }]);
    assertEquals([train.survey.split, [...train.survey.splits]], ["train", ["train", "test"]]);
    assertEquals((await opened(path, { split: "test" })).images, ["img/a.jpg 2 A"]);
    assertEquals((await opened(path, { label: "COLOR" })).images, ["e.jpg red E", "d,d.jpg red D"]);
    await assertThrows(
      () => openSource(path, { label: "shape" }),
      UserError,
      /Cannot read the labels of ".*l\.csv": it has no column "shape", but file_name, split, label, color\. Change --label/,
    );
  });
  await withList("n.csv", "1,e.jpg,x\n2,img/a.jpg,y\n", async (path) => {
    assertEquals((await opened(path)).images, ["e.jpg - E", "img/a.jpg - A"]);
    assertEquals((await opened(path, { label: "3" })).images, ["e.jpg x E", "img/a.jpg y A"]);
  });
});

Deno.test("openSource() of a table takes its only other column as labels if values return, and completes names", async () => {
  await withList("breeds.csv", "id,breed\nimg/a,pug\ne,pug\nd,dingo\nimg/x,pug\n", async (path) => {
    const { images, leftOut } = await opened(path);
    assertEquals(images, ["img/a pug A", "e pug E"]);
    assertEquals(leftOut, {
      "without an extension: no such file": 2,
      "class: without a readable image": 1,
    });
  });
  await withList(
    "captions.csv",
    "image,text\nimg/a.jpg,a dog\ne.jpg,two dogs\nimg/c.png,no dog\n",
    async (path) => {
      assertEquals((await opened(path)).images, ["img/a.jpg - A", "e.jpg - E", "img/c.png - C"]);
    },
  );
  await withList("none.csv", "height,width\n1,2\n", async (path) => {
    await assertThrows(
      () => openSource(path),
      UserError,
      /none\.csv": no column has paths or addresses of images/,
    );
  });
});

Deno.test("openSource() of a table without labels counts the columns that may hold some", async () => {
  const rows = [
    "img/a.jpg,1,pug,0.5,web",
    "img/c.png,2,elk,0.5,web",
    "d,d.jpg,1,pug,0.1,web",
    "e.jpg,2,elk,0.1,web",
  ];
  const text = rows.map((row) => row.replace("d,d.jpg", '"d,d.jpg"')).join("\n");
  await withList("l.csv", `path,site,species,score,origin\n${text}`, async (path) => {
    const { source, leftOut, survey } = await opened(path);
    assertEquals(leftOut, { "column: site, species: --label NAME takes one as labels": 2 });
    assertEquals([source.classes, survey.names.map(({ name }) => name)], [[], ["site", "species"]]);
    const chosen = await opened(path, { label: "species" });
    assertEquals([chosen.source.classes, chosen.leftOut], [["elk", "pug"], {}]);
  });
});

Deno.test("openSource() of several lists takes their names as splits", async () => {
  const lists = { "val.txt": "e.jpg 1\n", "train.txt": "img/a.jpg 0\nimg/c.png 1\n" };
  await withFolder({ ...files, ...lists }, async (folder) => {
    const { images, leftOut } = await opened(`${folder}/{train,val}.txt`);
    assertEquals([images, leftOut], [["img/a.jpg 0 A", "img/c.png 1 C"], { "split validation": 1 }]);
    assertEquals((await opened(`${folder}/{train,val}.txt`, { split: "validation" })).images, ["e.jpg 1 E"]);
  });
});

Deno.test("openSource() of a list reads addresses, retries them, and gives those that fail as bad images", async () => {
  const served = {
    "1.jpg?key=secret": new TextEncoder().encode("one"),
    "2.jpg": new TextEncoder().encode("two"),
  };
  await serving(served, { statuses: [503] }, async (base) => {
    const lines = [`${base}/1.jpg?key=secret 1`, `${base}/2.jpg 0`, "e.jpg 0", `${base}/3.jpg 0`];
    await withList("urls.txt", lines.join("\n"), async (path) => {
      const retryPolicy = { attempts: 3, delayMs: 1, maxDelayMs: 1, idleTimeoutMs: 2000 };
      const source = await openSource(path, { retryPolicy });
      assert(source.kind === "indexed");
      const texts = [];
      for (let i = 0; i < 3; i++) texts.push(new TextDecoder().decode((await source.read(i)).bytes));
      assertEquals([texts, source.label(0)], [["one", "two", "E"], 1]);
      assert(!source.key(0).includes("secret"), source.key(0));
      await assertThrows(() => source.read(3), UserError, /3\.jpg": the server answers with status 404/);
    });
  });
});

Deno.test("the fingerprint of a list depends on labels, order and contents", async () => {
  const fingerprints: string[] = [];
  const of = (text: string, content = "E") =>
    withFolder({ ...files, "e.jpg": content, "l.txt": text }, async (folder) => {
      fingerprints.push((await openSource(`${folder}/l.txt`)).fingerprint);
    });
  await of("e.jpg 1\nimg/a.jpg 1");
  await of("e.jpg 1\nimg/a.jpg 1\n");
  await of("e.jpg 2\nimg/a.jpg 1");
  await of("img/a.jpg 1\ne.jpg 1");
  await of("e.jpg 1\nimg/a.jpg 1", "F");
  assertEquals(new Set(fingerprints).size, 4);
  assertEquals(fingerprints[0], fingerprints[1]);
});

Deno.test("openSource() of a text takes paths in quotes, labels with spaces, and a header", async () => {
  const text = 'file label\n"img/b b.jpg" 3\nimg/a.jpg golden retriever\ne.jpg, 3\n"img/c.png"\n';
  await withList("l.txt", text, async (path) => {
    const { images, leftOut } = await opened(path);
    assertEquals(images, ["img/b b.jpg 3 B", "img/a.jpg golden retriever A", "e.jpg 3 E", "img/c.png - C"]);
    assertEquals(leftOut, {});
  });
});

Deno.test("openSource() of a list counts labels that are no classes, folders and other spellings of a path", async () => {
  const rows = 'img/a.jpg,"[1, 2]"\nimg/c.png,0.5\ne.jpg,7\n./e.jpg,7\nimg,8\n';
  await withList("l.csv", `path,labels\n${rows}`, async (path) => {
    const { images, leftOut } = await opened(path);
    assertEquals(images, ["img/a.jpg - A", "img/c.png - C", "e.jpg 7 E"]);
    assertEquals(leftOut, {
      ".jpg: listed twice": 1,
      "without an extension: no such file": 1,
      "class: without a readable image": 1,
      "label: not a single value": 1,
      "label: a fraction, no class": 1,
    });
  });
  await withList("l.txt", "img/a.jpg 1 0 1\ne.jpg -1 1 1\n", async (path) => {
    const { images, leftOut } = await opened(path);
    assertEquals([images, leftOut], [["img/a.jpg - A", "e.jpg - E"], { "label: not a single value": 2 }]);
  });
});

Deno.test("openSource() of a list passes over a column that numbers the rows, and reads Windows-1252", async () => {
  await withList(
    "l.lst",
    "0\t5.0\timg/a.jpg\n1\t7.0\te.jpg\n2\t5.0\td,d.jpg\n3\t7.0\timg/c.png\n4\t5.0\timg/b b.jpg\n",
    async (path) => {
      const { images } = await opened(path);
      assertEquals(images, ["img/a.jpg 5 A", "e.jpg 7 E", "d,d.jpg 5 D", "img/c.png 7 C", "img/b b.jpg 5 B"]);
    },
  );
  const latin = Uint8Array.from("path,label\ne.jpg,\xe9t\xe9\n", (c) => c.charCodeAt(0));
  await withList("l.csv", latin, async (path) => assertEquals((await opened(path)).images, ["e.jpg été E"]));
});
