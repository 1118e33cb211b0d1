/** Files of embeddings: what writers write, read by our own readers, by numpy and by hyparquet. */
import { join } from "node:path";
import { parquetMetadata, parquetReadObjects } from "npm:hyparquet@1.31.5";
import { EmbeddingsWriter } from "../../src/export/embeddings_writer.ts";
import { openEmbeddings } from "../../src/export/open_embeddings.ts";
import { readLayout } from "../../src/io/safetensors_layout.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { MachineError, UserError } from "../../src/base/errors.ts";
import { PieceFile } from "../../src/export/piece_file.ts";
import { soundVectors } from "../../src/export/sound_vectors.ts";
import { rowsOf } from "./embedding_rows.ts";

const NAMES = ["x.parquet", "x.npy", "x.csv", "x.safetensors"];
const metadata = { encoder: "encoder.safetensors", size: "32" };

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Opens a writer of files of all formats that writes groups of `groupRows`. */
async function openWriter(
  folder: string,
  options: Partial<Parameters<typeof EmbeddingsWriter.open>[0]> = {},
): Promise<EmbeddingsWriter> {
  const writer = await EmbeddingsWriter.open({
    out: NAMES.map((name) => join(folder, name)),
    dims: 8,
    half: false,
    metadata,
    identity: { encoder: "abc" },
    groupRows: 16,
    ...options,
  });
  assert(writer instanceof EmbeddingsWriter, "it is finished already");
  return writer;
}

/** Writes the rows from `writer.rows` to `count − 1`, and finishes. */
async function writeUpTo(writer: EmbeddingsWriter, count: number, dims = 8): Promise<void> {
  const { groupRows } = writer;
  for (let row = writer.rows; row < count; row += groupRows) {
    const end = Math.min(count, row + groupRows);
    if (row === 16) writer.addBad({ index: 20, key: "bad.jpg", reason: "it is empty" });
    await writer.write(rowsOf(row, end, dims), { epoch: 0, offset: end });
  }
}

async function bytesIn(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { name } of Deno.readDir(folder)) {
    const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(join(folder, name)));
    found[name] = new Uint8Array(digest).toHex();
  }
  return found;
}

for (const half of [false, true]) {
  for (const [count, dims] of [[1, 1], [37, 8], [16, 12], [50, 3]]) {
    Deno.test(`openEmbeddings() reads what EmbeddingsWriter wrote: ${count} rows of ${dims}${half ? " float16" : ""}`, () =>
      withFolder(async (folder) => {
        const out = NAMES.filter((name) => dims % 2 === 0 || !name.endsWith("safetensors")).map((name) =>
          join(folder, name)
        );
        using writer = await openWriter(folder, { dims, half, out });
        await writeUpTo(writer, count, dims);
        await writer.finish();
        const expected = rowsOf(0, count, dims);
        const vectors = half ? expected.vectors.map(Math.f16round) : expected.vectors;
        for (const path of out) {
          const table = await openEmbeddings(path),
            isText = path.endsWith("npy") || path.endsWith("safetensors");
          const keys = isText ? expected.keys.map((key) => key.replace("\n", "\\n")) : expected.keys;
          assertEquals([table.rows, table.dims, table.keys], [count, dims, keys], path);
          assertEquals(await table.read(0, count), vectors, path);
          const first = Math.floor(count / 3), some = Math.min(20, count - first);
          assertEquals(
            await table.read(first, some),
            vectors.slice(first * dims, (first + some) * dims),
            path,
          );
          if (!/npy|csv/.test(path)) assertEquals({ ...table.metadata }, metadata, path);
        }
      }));
  }
}

Deno.test("EmbeddingsWriter gives the same bytes after it was left at any group", () =>
  withFolder(async (whole) => {
    {
      using writer = await openWriter(whole);
      await writeUpTo(writer, 70);
      await writer.finish();
    }
    const expected = await bytesIn(whole);
    assertEquals(
      Object.keys(expected).sort(),
      [...NAMES, "x.npy.keys.txt", "x.csv.bad.jsonl"].sort(),
    );
    for (const stop of [0, 16, 32, 64, 70]) {
      await withFolder(async (folder) => {
        {
          using writer = await openWriter(folder);
          await writeUpTo(writer, stop);
        }
        // As a process that is killed while it writes.
        for await (const { name } of Deno.readDir(folder)) {
          await Deno.writeTextFile(join(folder, name), '{"rows":7', { append: true });
        }
        using writer = await openWriter(folder);
        assertEquals([writer.rows, writer.next], [stop, { epoch: 0, offset: stop }]);
        await writeUpTo(writer, 70);
        const { rows, count } = await writer.finish();
        assertEquals([rows, count], [70, 1]);
        assertEquals(await bytesIn(folder), expected, `after ${stop} rows`);
      });
    }
  }));

Deno.test("EmbeddingsWriter finishes files that were complete but not renamed", () =>
  withFolder(async (folder) => {
    {
      using writer = await openWriter(folder);
      await writeUpTo(writer, 20);
      await writer.finish();
    }
    const expected = await bytesIn(folder);
    // As a process that is killed after its first rename.
    await Deno.rename(join(folder, "x.npy"), join(folder, "x.npy.part"));
    const identity = { encoder: "abc", files: [...NAMES].sort() };
    const entry = {
      rows: 20,
      next: { epoch: 0, offset: 20 },
      sizes: [],
      notes: [],
      bad: { count: 1, leftOut: 0, bytes: 4 },
    };
    const lines = [{ version: 1, identity, groupRows: 16 }, entry, { finished: true }].map((line) =>
      `${JSON.stringify(line)}\n`
    );
    await Deno.writeTextFile(join(folder, "x.csv.part.jsonl"), lines.join(""));
    const finished = await EmbeddingsWriter.open({
      out: NAMES.map((name) => join(folder, name)),
      dims: 8,
      half: false,
      metadata,
      identity: { encoder: "abc" },
    });
    assert(!(finished instanceof EmbeddingsWriter));
    assertEquals([finished.rows, finished.count, finished.paths.length], [20, 1, 5]);
    assertEquals(await bytesIn(folder), expected);
  }));

Deno.test("EmbeddingsWriter refuses to continue another embedding, unless it is told to restart", () =>
  withFolder(async (folder) => {
    {
      using writer = await openWriter(folder);
      await writeUpTo(writer, 32);
    }
    await assertThrows(
      () => openWriter(folder, { identity: { encoder: "other", f16: true } }),
      UserError,
      /x\.csv\.part\.jsonl": it has 32 rows of another one, which differs in encoder, f16\. Repeat/,
    );
    await assertThrows(
      () => openWriter(folder, { out: [join(folder, "x.npy")] }),
      UserError,
      /Cannot write ".*x\.npy": ".*x\.npy\.part" is left of an unfinished embedding/,
    );
    using writer = await openWriter(folder, { identity: { encoder: "other" }, restart: true });
    assertEquals(writer.rows, 0);
    await writeUpTo(writer, 20);
    await writer.finish();
    assertEquals((await openEmbeddings(join(folder, "x.csv"))).rows, 20);
  }));

Deno.test("EmbeddingsWriter refuses files that another writer has open", () =>
  withFolder(async (folder) => {
    using first = await openWriter(folder);
    await writeUpTo(first, 16);
    await assertThrows(() => openWriter(folder), UserError, /another process writes these embeddings/);
  }));

Deno.test("EmbeddingsWriter keeps whole rows on a full disk, and goes on after them", () =>
  withFolder(async (folder) => {
    let room = Infinity;
    const openPiece: typeof PieceFile.open = async (path, size) => {
      const piece = await PieceFile.open(path, size), append = piece.append.bind(piece);
      piece.append = async (bytes) => {
        const written = bytes.subarray(0, Math.max(0, room));
        room -= bytes.length;
        await append(written);
        if (room < 0) {
          throw Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
        }
      };
      return piece;
    };
    {
      using writer = await openWriter(folder, { openPiece });
      await writeUpTo(writer, 32);
      const before = await bytesIn(folder);
      room = 1500;
      await assertThrows(
        () => writeUpTo(writer, 48),
        MachineError,
        /the disk is full .* 32 whole rows are kept: the same command continues after them/,
      );
      assertEquals(await bytesIn(folder), before);
    }
    using writer = await openWriter(folder);
    await writeUpTo(writer, 70);
    await writer.finish();
    assertEquals((await openEmbeddings(join(folder, "x.parquet"))).keys.length, 70);
  }));

Deno.test("Parquet files have labels, sizes and metadata in typed columns", () =>
  withFolder(async (folder) => {
    using writer = await openWriter(folder);
    await writeUpTo(writer, 37);
    await writer.finish();
    const { buffer } = await Deno.readFile(join(folder, "x.parquet"));
    const rows = await parquetReadObjects({ file: buffer }), expected = rowsOf(0, 37, 8);
    assertEquals(rows.length, 37);
    for (const i of [0, 2, 16, 36]) {
      const { key, label, label_index, width, height, vector } = rows[i];
      const isLabeled = expected.labels[i] >= 0;
      assertEquals([key, width, height], [expected.keys[i], 10 + i, 1000 - i]);
      assertEquals(
        [label ?? null, label_index ?? null],
        isLabeled ? [expected.names[i], expected.labels[i]] : [null, null],
      );
      assertEquals([...vector], [...expected.vectors.subarray(i * 8, i * 8 + 8)]);
    }
    const { row_groups, key_value_metadata } = parquetMetadata(buffer);
    assertEquals(row_groups.map(({ num_rows }) => Number(num_rows)), [16, 16, 5]);
    assertEquals(key_value_metadata, Object.entries(metadata).map(([key, value]) => ({ key, value })));
  }));

Deno.test("safetensors files have labels, sizes and classes as tensors", () =>
  withFolder(async (folder) => {
    using writer = await openWriter(folder);
    await writeUpTo(writer, 37);
    await writer.finish();
    const path = join(folder, "x.safetensors"), bytes = await Deno.readFile(path);
    const { tensors } = await readLayout(path), expected = rowsOf(0, 37, 8);
    const part = (name: string) => bytes.slice(tensors.get(name)!.begin, tensors.get(name)!.end);
    assertEquals(new Int32Array(part("labels").buffer), expected.labels);
    const sizes = new Int32Array(part("sizes").buffer);
    assertEquals([sizes.length, sizes[0], sizes[1], sizes[72], sizes[73]], [74, 10, 1000, 46, 964]);
    const classes = JSON.parse(new TextDecoder().decode(part("classes")));
    assertEquals(classes, Object.fromEntries([0, 1, 2, 3, 4].map((label) => [label, `class ${label}, so`])));
  }));

const python = "/usr/bin/python3";
const hasNumpy = await new Deno.Command(python, { args: ["-c", "import numpy"], stderr: "null" }).output()
  .then(({ success }) => success, () => false);

Deno.test({
  name: "numpy reads .npy files as they are, also as a memory map, and numbers of .csv files exactly",
  ignore: !hasNumpy,
  fn: () =>
    withFolder(async (folder) => {
      for (const half of [false, true]) {
        using writer = await openWriter(folder, { half, restart: true });
        await writeUpTo(writer, 37);
        await writer.finish();
        const script = `import csv, json, numpy, sys
a = numpy.load(sys.argv[1] + "/x.npy")
m = numpy.load(sys.argv[1] + "/x.npy", mmap_mode="r")
rows = list(csv.reader(open(sys.argv[1] + "/x.csv", newline="", encoding="utf-8")))
c = numpy.array([[float(v) for v in row[5:]] for row in rows[1:]]).astype(a.dtype)
print(json.dumps([str(a.dtype), a.shape, a.astype("f4").ravel().tolist(), bool((m == a).all()), bool((c == a).all()),
  [row[0] for row in rows[1:]], rows[1][:5], rows[3][:5]]))`;
        const { success, stdout, stderr } = await new Deno.Command(python, { args: ["-c", script, folder] })
          .output();
        assert(success, new TextDecoder().decode(stderr));
        const expected = rowsOf(0, 37, 8);
        const vectors = half ? expected.vectors.map(Math.f16round) : expected.vectors;
        assertEquals(JSON.parse(new TextDecoder().decode(stdout)), [
          half ? "float16" : "float32",
          [37, 8],
          [...vectors],
          true,
          true,
          expected.keys,
          ["a/1.jpg", "class 0, so", "0", "10", "1000"],
          ["line\nbreak.jpg", "", "", "12", "998"],
        ]);
      }
    }),
});

Deno.test("soundVectors() refuses what float16 cannot hold, and names the first vector that is not finite", async () => {
  const lines: string[] = [], rows = rowsOf(0, 4, 8);
  const options = { dims: 8, log: (line: string) => lines.push(line) };
  rows.vectors[17] = -65504;
  soundVectors({ ...options, half: true })(rows);
  rows.vectors[17] = -65520;
  soundVectors({ ...options, half: false })(rows);
  assertEquals(lines, []);
  await assertThrows(
    () => soundVectors({ ...options, half: true })(rows),
    UserError,
    /Cannot write the vector of "line\nbreak\.jpg" as float16: it has the number -65520/,
  );
  rows.vectors[17] = NaN;
  rows.vectors[30] = Infinity;
  soundVectors({ ...options, half: false })(rows);
  assertEquals(lines.length, 1);
  assert(
    lines[0].startsWith("Warning about line\nbreak.jpg: its vector has numbers that are not finite"),
    lines[0],
  );
});
