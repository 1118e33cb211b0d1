// deno-lint-ignore-file no-control-regex -- files begin with control characters
/**
 * Compressed streams of bytes, recognized by their first bytes: gzip, bzip2, xz and zstd are unpacked.
 *
 * @module
 */
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { concatBytes } from "../../src/base/bytes.ts";
import { messageOf, UserError } from "../../src/base/errors.ts";

/** Bytes unpacked at a time. */
const CHUNK = 1 << 18;

type Unpack = (chunks: AsyncGenerator<Uint8Array>) => AsyncGenerator<Uint8Array>;

/** A kind of compression. */
export interface Compression {
  name: string;
  /** The first bytes of its files, as characters. */
  magic: RegExp;
  /** Unpacks a stream, and throws an Error with the defect; null if that is not supported. */
  unpack: Unpack | null;
}

const compressions: Compression[] = [
  // Reads all members, as pigz and `cat` write several; DecompressionStream fails at the second.
  { name: "gzip", magic: /^\x1f\x8b/, unpack: gunzipped },
  {
    name: "bzip2",
    magic: /^BZh[1-9](1AY&SY|\x17rE8P\x90)/,
    unpack: loaded(async () => (await import("./bzip2.ts")).bunzipped),
  },
  { name: "xz", magic: /^\xfd7zXZ\0/, unpack: loaded(async () => (await import("./xz.ts")).unxzipped) },
  {
    name: "zstd",
    magic: /^([\x50-\x5f]\x2a\x4d\x18|\x28\xb5\x2f\xfd)/,
    unpack: loaded(async () => (await import("./zstd.ts")).unzstd),
  },
  { name: "LZ4", magic: /^\x04\x22\x4d\x18/, unpack: null },
  { name: "lzip", magic: /^LZIP/, unpack: null },
  { name: "LZMA", magic: /^\x5d\0\0/, unpack: null },
  { name: "compress (.Z)", magic: /^\x1f[\x9d\xa0]/, unpack: null },
];

/** Bytes that are enough for {@linkcode compressionOf}. */
export const MAGIC_BYTES = 10;

/** The compression of a file that begins with `bytes`; null if it is not compressed. */
export function compressionOf(bytes: Uint8Array): Compression | null {
  const head = String.fromCharCode(...bytes.subarray(0, MAGIC_BYTES));
  return compressions.find(({ magic }) => magic.test(head)) ?? null;
}

function loaded(load: () => Promise<Unpack>): Unpack {
  return async function* (chunks) {
    yield* (await load())(chunks);
  };
}

/**
 * The bytes of `chunks`, unpacked if they begin like a compressed file. The name does not decide: servers may unpack on the
 * way. Throws a UserError that names `archive` if the data are truncated or damaged.
 */
export async function* unpacked(
  archive: string,
  chunks: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const { compression, all } = await detected(chunks);
  yield* compression ? decompressed(archive, compression, all) : all;
}

/** The compression of `chunks`, and all of their bytes. */
export async function detected(
  chunks: AsyncGenerator<Uint8Array>,
): Promise<{ compression: Compression | null; all: AsyncGenerator<Uint8Array> }> {
  const begun: Uint8Array[] = [];
  for (let length = 0; length < MAGIC_BYTES;) {
    const { done, value } = await chunks.next();
    if (done) break;
    begun.push(value);
    length += value.length;
  }
  const head = concatBytes(begun.map((chunk) => chunk.subarray(0, MAGIC_BYTES)));
  return { compression: compressionOf(head), all: resumed(begun, chunks) };
}

async function* resumed(begun: Uint8Array[], rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* begun;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}

/** The error for a compression that is not supported. */
export function unsupported(archive: string, { name }: Compression): UserError {
  return new UserError(
    `Cannot read "${archive}": it is compressed by ${name}, which is not supported. Unpack it, or compress it by gzip or zstd.`,
  );
}

/** The unpacked bytes of `chunks`. Throws a UserError that names `archive` if they are truncated or damaged. */
export async function* decompressed(
  archive: string,
  compression: Compression,
  chunks: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (!compression.unpack) throw unsupported(archive, compression);
  let count = 0, fromSource: { error: unknown } | null = null;
  const watched = async function* () {
    try {
      yield* chunks;
    } catch (error) {
      fromSource = { error };
      throw error;
    }
  };
  try {
    for await (const chunk of compression.unpack(watched())) {
      yield chunk;
      count += chunk.length;
    }
  } catch (error) {
    if (fromSource) throw (fromSource as { error: unknown }).error; // the packed bytes could not be read
    throw new UserError(
      `Cannot read "${archive}": its ${compression.name} data are damaged or truncated: after ${count} unpacked bytes, ` +
        `"${messageOf(error)}". Copy or download it again.`,
      { cause: error },
    );
  } finally {
    await chunks.return(undefined);
  }
}

async function* gunzipped(chunks: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: CHUNK });
  let settled = () => {};
  const ended = new Promise<void>((resolve) => settled = resolve);
  pipeline(Readable.from(chunks, { objectMode: false }), gunzip, () => settled());
  try {
    yield* gunzip as AsyncIterable<Uint8Array>;
  } finally {
    gunzip.destroy();
    await ended; // the source of the bytes is closed only then
  }
}
