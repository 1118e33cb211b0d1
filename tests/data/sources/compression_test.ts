import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { compressionOf, unpacked } from "../../../data/sources/compression.ts";
import { openSource } from "../../../data/sources/open.ts";
import { concatBytes } from "../../../src/base/bytes.ts";
import { UserError } from "../../../src/base/errors.ts";
import { keyedRandom } from "../../../src/base/random.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { withFolder } from "../fixtures.ts";
import { archive, plain, tag, take } from "../streaming.ts";

const golden = new URL("../../golden/", import.meta.url);
const read = (name: string) => Deno.readFile(new URL(`archive_${name}`, golden));

/** Image i of the golden archives. */
function image(i: number): Uint8Array {
  return Uint8Array.from({ length: 3000 + 10 * (i % 17) }, (_, j) => (31 * i + 7 * j + (j >> 8)) % 251);
}

/** `bytes` in pieces of random lengths, some of them empty. */
async function* pieces(bytes: Uint8Array, seed: number): AsyncGenerator<Uint8Array> {
  const random = keyedRandom(seed, 1), largest = [1, 40, 700, 50_000][seed % 4];
  for (let at = 0; at < bytes.length;) {
    const size = random.integer(largest + 1);
    yield bytes.slice(at, at + size);
    at += size;
  }
}

const unpack = async (bytes: Uint8Array, seed = 3) =>
  concatBytes(await Array.fromAsync(unpacked("a.tar", pieces(bytes, seed))));

// As the command writes it: with a checksum.
const zstd = (bytes: Uint8Array) =>
  new Uint8Array(zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: 1 } }));
const skippable = Uint8Array.of(0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3);
const contents = archive(0, 40);
/** The same bytes in each kind of compression, of several streams each. */
const packed: Record<string, { bytes: Uint8Array; contents: Uint8Array }> = {
  gzip: {
    bytes: concatBytes([gzipSync(contents.subarray(0, 20_000)), gzipSync(contents.subarray(20_000))]),
    contents,
  },
  zstd: {
    bytes: concatBytes([
      skippable,
      zstd(contents.subarray(0, 20_000)),
      skippable,
      zstd(contents.subarray(20_000)),
    ]),
    contents,
  },
  bzip2: { bytes: await read("two.tar.bz2"), contents: await unpack(await read("two.tar.xz")) },
  xz: { bytes: await read("two.tar.xz"), contents: await unpack(await read("two.tar.bz2")) },
};

for (const [name, { bytes, contents }] of Object.entries(packed)) {
  Deno.test(`unpacked() gives the bytes of ${name}, however they are split`, async () => {
    assertEquals(compressionOf(bytes)?.name, name);
    for (let seed = 0; seed < 4; seed++) {
      const piece = seed % 4 === 0 ? bytes.subarray(0, 3000) : bytes; // single bytes are slow
      if (piece === bytes) assertEquals(tag(await unpack(bytes, seed)), tag(contents));
      else {await assertThrows(
          () => unpack(piece, seed),
          UserError,
          new RegExp(`its ${name} data are damaged`),
        );}
    }
  });

  Deno.test(`unpacked() rejects ${name} that is truncated anywhere`, async () => {
    for (let seed = 0; seed < 25; seed++) {
      const end = 12 + keyedRandom(seed, 4).integer(bytes.length - 13);
      const part = await unpack(bytes.subarray(0, end)).catch((error) => error);
      if (part instanceof Uint8Array) {
        // Only where a stream ends, nothing tells that another one should follow.
        assertEquals(part, contents.subarray(0, part.length), `truncated after ${end} bytes`);
        assert([contents.length >> 1, 20_000, 0].includes(part.length), `${part.length} bytes of ${end}`);
      } else {
        assert(part instanceof UserError, String(part));
        assert(
          part.message.includes(`Cannot read "a.tar": its ${name} data are damaged or truncated: after`),
        );
      }
    }
  });

  Deno.test(`unpacked() finds damage in ${name}`, async () => {
    let found = 0;
    for (let seed = 0; seed < 25; seed++) {
      const copy = bytes.slice(), random = keyedRandom(seed, 5);
      copy[12 + random.integer(bytes.length - 12)] ^= 1 << random.integer(8);
      const result = await unpack(copy).catch((error) => error);
      if (result instanceof UserError) found++;
      else assert(result instanceof Uint8Array, String(result));
    }
    assert(found >= 22, `${found} of 25`); // fields such as times and skipped bytes may hold anything
  });
}

Deno.test("openSource() reads archives of bzip2 and xz", async () => {
  for (const name of ["two.tar.bz2", "two.tar.xz"]) {
    const source = await openSource(new URL(`archive_${name}`, golden).pathname);
    assert(source.kind === "streamed");
    assertEquals([source.length, source.classes], [120, ["0", "1", "2"]]);
    const samples = plain(await take(source, { seed: null }));
    for (const [i, { key, label, tag: content }] of samples.entries()) {
      assertEquals([key, label, content], [`archive_${name}/d/${i}.jpg`, i % 3, tag(image(i))]);
    }
  }
});

Deno.test("two streams of each kind are unpacked at the same time", async () => {
  for (const { bytes, contents } of Object.values(packed)) {
    const readers = [1, 2, 3].map((seed) => unpacked("a.tar", pieces(bytes, seed)));
    const parts: Uint8Array[][] = [[], [], []];
    for (let open = 3; open > 0;) {
      open = 0;
      for (const [k, reader] of readers.entries()) {
        const { done, value } = await reader.next();
        if (done) continue;
        parts[k].push(value);
        open++;
      }
    }
    for (const part of parts) assertEquals(tag(concatBytes(part)), tag(contents));
  }
});

Deno.test("unpacked() of bzip2 undoes runs, single values and noise", async () => {
  const bytes = await unpack(await read("runs.bz2"));
  let at = 0;
  for (let n = 1; n <= 260; n++) for (let k = 0; k < n; k++) assertEquals(bytes[at++], n % 256);
  for (let n = 0; n < 256; n++) assertEquals(bytes[at++], n);
  for (let k = 0; k < 100_000; k++) {
    if (bytes[at++] !== 7) throw new Error(`byte ${at - 1} is ${bytes[at - 1]}`);
  }
  for (let k = 0, state = 1; k < 30_000; k++) {
    state = Number(BigInt(state) * 1103515245n + 12345n & 0x7fffffffn);
    if (bytes[at++] !== (state >> 16 & 255)) throw new Error(`byte ${at - 1} is ${bytes[at - 1]}`);
  }
  assertEquals(at, bytes.length);
});

Deno.test("what cannot be unpacked is named", async () => {
  await assertThrows(
    async () => unpack(await read("sha256.tar.xz")),
    UserError,
    /a kind of checksum that cannot/,
  );
  await assertThrows(async () => unpack(await read("delta.tar.xz")), UserError, /a filter or a kind/);
  await assertThrows(
    async () => unpack(await read("alone.tar.lzma")),
    UserError,
    /compressed by LZMA, which is not/,
  );
  const others: [string, number[]][] = [
    ["LZ4", [0x04, 0x22, 0x4d, 0x18, 0x64, 0x40, 0xa7]],
    ["lzip", [0x4c, 0x5a, 0x49, 0x50, 1, 12]],
    ["compress \\(\\.Z\\)", [0x1f, 0x9d, 0x90]],
  ];
  for (const [name, magic] of others) {
    const bytes = concatBytes([Uint8Array.from(magic), new Uint8Array(600)]);
    await withFolder({ "a.tar": bytes }, (folder) =>
      assertThrows(
        () => openSource(`${folder}/a.tar`),
        UserError,
        new RegExp(`a\\.tar": it is compressed by ${name}, which is not supported\\. Unpack it`),
      ));
  }
});

Deno.test("leaving a stream of each kind early releases its file", async () => {
  for (const { bytes } of Object.values(packed)) {
    let closed = false;
    const chunks = async function* () {
      try {
        for (;;) yield bytes.slice();
      } finally {
        closed = true;
      }
    };
    for await (const part of unpacked("a.tar", chunks())) {
      assert(part.length > 0);
      break;
    }
    assert(closed, "it is still open");
  }
});
