/** Fuzzing: hundreds of damaged archives. Each is rejected or gives its undamaged images; none hangs or crashes. */
import { gzipSync } from "node:zlib";
import { parquetMetadataAsync } from "npm:hyparquet@1.31.5";
import { readSamples } from "../../data/read.ts";
import { openSource } from "../../data/sources/open.ts";
import { UserError } from "../../src/base/errors.ts";
import { keyedRandom, type Random } from "../../src/base/random.ts";
import { assert } from "../assert.ts";
import { tar, tarEntry, withFolder } from "./fixtures.ts";
import { archive, blob, tag } from "./streaming.ts";
import { rawZip } from "./raw_zip.ts";
import { zip } from "./zip.ts";

/** Damaged files of each kind. */
const CASES = 150;
/** A case that takes longer hangs. */
const TIMEOUT_MS = 5000;

/** `bytes` with a few of them changed, or truncated; and whether a range is unchanged. */
function mutated(
  bytes: Uint8Array,
  random: Random,
): { copy: Uint8Array; isWhole(from: number, to: number): boolean } {
  const copy = bytes.slice();
  if (random.chance(.2)) {
    const end = random.integer(bytes.length);
    return { copy: copy.subarray(0, end), isWhole: (_, to) => to <= end };
  }
  const positions = Array.from({ length: 1 + random.integer(4) }, () => random.integer(bytes.length));
  // Headers and lists are short compared with the data, and lie at the end of the file.
  if (random.chance(.5)) positions.push(bytes.length - 1 - random.integer(Math.min(bytes.length, 600)));
  for (const position of positions) {
    copy[position] = random.chance(.5) ? copy[position] ^ (1 << random.integer(8)) : random.integer(256);
  }
  return {
    copy,
    isWhole: (from, to) => positions.every((at) => at < from || at >= to || copy[at] === bytes[at]),
  };
}

/** The result of reading a damaged file. */
interface Outcome {
  samples: { key: string; index: number; tag: string }[];
  failed: number;
  /** How many entries were counted as left out. */
  leftOut: number;
  rejected: string | null;
}

async function outcomeOf(path: string): Promise<Outcome> {
  const outcome: Outcome = { samples: [], failed: 0, leftOut: 0, rejected: null };
  try {
    const source = await openSource(path);
    outcome.leftOut = source.survey?.count ?? 0;
    for await (const { key, index, bytes, failure } of readSamples(source, { seed: null })) {
      if (failure === null) outcome.samples.push({ key, index, tag: tag(bytes) });
      else {
        assert(/^it cannot be read: ./.test(failure), `the failure of ${key} is ${JSON.stringify(failure)}`);
        outcome.failed++;
      }
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    assert(/^Cannot .*: /.test(error.message), error.message);
    outcome.rejected = error.message;
  }
  return outcome;
}

/** Damages `bytes` many times, and calls `check` with each result. */
async function damage(
  bytes: Uint8Array,
  { name, seed, check }: {
    name: string;
    seed: number;
    check(outcome: Outcome, isWhole: (from: number, to: number) => boolean): void;
  },
): Promise<void> {
  let rejected = 0, failed = 0, delivered = 0;
  await withFolder({}, async (folder) => {
    for (let i = 0; i < CASES; i++) {
      const { copy, isWhole } = mutated(bytes, keyedRandom(seed, i));
      await Deno.writeFile(`${folder}/${name}`, copy);
      const before = performance.now();
      const outcome = await outcomeOf(`${folder}/${name}`);
      const took = performance.now() - before;
      assert(took < TIMEOUT_MS, `case ${i} took ${took} ms`);
      try {
        check(outcome, isWhole);
      } catch (error) {
        throw new Error(`case ${i} of ${name}`, { cause: error });
      }
      rejected += Number(outcome.rejected !== null);
      failed += outcome.failed;
      delivered += outcome.samples.length;
    }
  });
  assert(
    rejected > 10 && delivered > 100,
    `${rejected} rejected, ${failed} bad images, ${delivered} delivered`,
  );
}

const count = 12;
const tags = Array.from({ length: count }, (_, i) => tag(blob(i)));
const numberOf = (key: string) => Number(/(\d+)\.jpg$/.exec(key)?.[1]);

Deno.test("readSamples() of damaged tar archives gives the undamaged images", async () => {
  const bytes = archive(0, count);
  // The range of each image's bytes.
  const spans = Array.from({ length: count }, (_, i) => {
    const from = find(bytes, blob(i));
    return [from, from + blob(i).length];
  });
  await damage(bytes, {
    name: "a.tar",
    seed: 1,
    check({ samples }, isWhole) {
      for (const sample of samples) {
        const i = numberOf(sample.key), [from, to] = spans[i];
        assert(!isWhole(from, to) || sample.tag === tags[i], `${sample.key} has changed`);
      }
    },
  });
});

Deno.test("readSamples() of damaged tar archives with long names gives the undamaged images", async () => {
  const long = (i: number) => `${"d".repeat(120)}/${i}.jpg`;
  const entries = tags.flatMap((_, i) => {
    const record = `path=${long(i)}\n`, size = record.length + 4;
    return [
      i % 2
        ? tarEntry("@LongLink", `${long(i)}\0`, { type: "L" })
        : tarEntry("pax", `${size} ${record}`, { type: "x" }),
      tarEntry("short", blob(i)),
    ];
  });
  const known = new Set(tags);
  await damage(tar(entries), {
    name: "a.tar",
    seed: 2,
    check({ samples }) {
      // Names have no checksum here, so an image may be missing or have another name.
      const strange = samples.filter(({ tag }) => !known.has(tag)).length;
      assert(strange <= 5, `${strange} images have changed`);
    },
  });
});

Deno.test("readSamples() of damaged compressed archives gives all images or throws", async () => {
  await damage(new Uint8Array(gzipSync(archive(0, count))), {
    name: "a.tar.gz",
    seed: 3,
    check({ samples, rejected }) {
      for (const sample of samples) {
        assert(sample.tag === tags[numberOf(sample.key)], `${sample.key} differs`);
      }
      assert(rejected !== null || samples.length === count, "images are missing");
    },
  }).catch((error) => {
    if (!/delivered/.test(error.message)) throw error; // few are delivered: gzip detects nearly every damage
  });
});

Deno.test("readSamples() of damaged zip archives gives the undamaged images", async () => {
  const files = Object.fromEntries(
    tags.map((_, i) => [`${i % 2 ? "a" : "b"}/${i % 3 ? "stored-" : ""}${i}.jpg`, blob(i)]),
  );
  const known = new Set(tags);
  const entries = Object.entries(files).map(([name, content], i) => ({
    name,
    content,
    method: i % 2 ? 8 : 0,
    large: i % 3 === 0,
  }));
  for (
    const bytes of [await zip(files), rawZip(entries), rawZip(entries, { large: true, before: "before" })]
  ) {
    await damage(bytes, {
      name: "a.zip",
      seed: 4,
      check({ samples, failed, leftOut, rejected }) {
        for (const sample of samples) assert(known.has(sample.tag), `${sample.key} has changed`);
        const found = samples.length + failed + leftOut;
        assert(
          rejected !== null || found === tags.length,
          `${found} of ${tags.length} entries are accounted for`,
        );
      },
    });
  }
});

Deno.test("readSamples() of damaged Parquet files gives the undamaged row groups", async () => {
  for (const [seed, kind] of ["struct", "binary", "gzip", "brotli"].entries()) {
    const path = new URL(`../golden/parquet_${kind}.parquet`, import.meta.url);
    const bytes = await Deno.readFile(path);
    const { samples: whole } = await outcomeOf(path.pathname);
    const { row_groups } = await parquetMetadataAsync(bytes.buffer, { geoparquet: false });
    // Pages have no checksums: damage within a row group is detected only if it makes no sense.
    let first = 0;
    const groups = row_groups.map(({ num_rows, columns }) => {
      const starts = columns.map(({ meta_data: m }) =>
        Number(m!.dictionary_page_offset ?? m!.data_page_offset)
      );
      const ends = columns.map(({ meta_data: m }, c) => starts[c] + Number(m!.total_compressed_size));
      first += Number(num_rows);
      return { rows: [first - Number(num_rows), first], from: Math.min(...starts), to: Math.max(...ends) };
    });
    const end = Math.max(...groups.map(({ to }) => to));
    const expected = new Map(whole.map(({ index, tag }) => [index, tag]));
    await damage(bytes, {
      name: "a.parquet",
      seed: 5 + seed,
      check({ samples }, isWhole) {
        if (!isWhole(end, bytes.length)) return; // the metadata may say anything
        for (const { index, tag } of samples) {
          const group = groups.find(({ rows: [first, last] }) => index >= first && index < last)!;
          assert(
            !isWhole(group.from, group.to) || tag === expected.get(index),
            `row ${index} has changed`,
          );
        }
      },
    });
  }
});

/** The index of `part` in `bytes`. */
function find(bytes: Uint8Array, part: Uint8Array): number {
  for (let at = 0;; at++) {
    at = bytes.indexOf(part[0], at);
    assert(at >= 0, "not found");
    if (part.every((byte, i) => bytes[at + i] === byte)) return at;
  }
}
