/**
 * The samples of a tar archive that can only be read from start to end.
 *
 * @module
 */
import { oversizeReason } from "../file_range.ts";
import { ByteReader } from "./bytes.ts";
import { BLOCK, padding, TarHeaders } from "./tar_header.ts";
import { checkLabelSize, roleOf } from "./tar_samples.ts";

/** An image of an archive. */
export interface TarSample {
  /** Its number in the archive. */
  number: number;
  /** The name of its entry. */
  name: string;
  size: number;
  /** Empty where no bytes were asked for. */
  bytes: Uint8Array;
  /** The text of the .cls entry: an integer or a class name. */
  cls: string | null;
  /** The byte at which the sample's first entry begins. */
  at: number;
  /** Why it has no bytes although they were asked for. */
  failure: string | null;
}

/** The entries of the sample that is being read. */
interface Current {
  base: string;
  start: number;
  image: TarSample | null;
  cls: string | null;
}

/**
 * The samples of `archive`, read from `chunks`, starting with number `from`. If `at` is given, it is that sample's byte, and
 * `chunks` begin there. Throws a UserError with the archive and the byte if it is damaged or truncated; with `marked`, also
 * if the end mark is missing. Some tools write none, so this is for transfers whose length is unknown.
 */
export async function* tarSamples(
  archive: string,
  chunks: AsyncGenerator<Uint8Array>,
  { from = 0, at = 0, bodies = true, marked = false }: {
    from?: number;
    at?: number;
    bodies?: boolean;
    marked?: boolean;
  } = {},
): AsyncGenerator<TarSample> {
  const reader = new ByteReader(chunks, at);
  let number = at > 0 ? from : 0, current: Current | null = null;
  const finished = ({ image, cls }: Current) => image && image.number >= from ? [{ ...image, cls }] : [];
  try {
    for await (const entry of streamedFiles(archive, reader, { marked })) {
      const role = roleOf(entry.name);
      if (!role) continue;
      if (current === null || role.base !== current.base) {
        if (current) yield* finished(current);
        current = { base: role.base, start: entry.start, image: null, cls: null };
      }
      if (role.kind === "image" && !current.image) {
        const image = sampleOf(entry, { number: number++, at: current.start });
        if (image.failure === null && bodies && image.number >= from) image.bytes = await entry.take();
        current.image = image;
      } else if (role.kind === "cls") {
        checkLabelSize(archive, entry);
        current.cls = new TextDecoder().decode(await entry.take()).trim();
      }
    }
    // Read on to the end although nothing follows the end mark: gzip's checksum and the file's length are checked there.
    await reader.skip(Infinity);
    if (current) yield* finished(current);
  } finally {
    await chunks.return(undefined);
  }
}

function sampleOf(
  { name, size }: StreamedFile,
  { number, at }: { number: number; at: number },
): TarSample {
  return { number, name, size, bytes: new Uint8Array(0), cls: null, at, failure: oversizeReason(size) };
}

/** A file of the archive. */
interface StreamedFile {
  name: string;
  size: number;
  /** The byte of its header, */
  offset: number;
  /** and of the first extension header that belongs to it. */
  start: number;
  /** Reads its body; valid until the next file is asked for. */
  take(): Promise<Uint8Array>;
}

/** The files of an archive in order. A body that is not taken is skipped. */
async function* streamedFiles(
  archive: string,
  reader: ByteReader,
  { marked }: { marked: boolean },
): AsyncGenerator<StreamedFile> {
  const headers = new TarHeaders(archive);
  for (let start = -1;;) {
    const offset = reader.position, block = await reader.take(BLOCK);
    if (block.length === 0 && !marked) return;
    const header = headers.read(block, offset);
    if (header === null) return;
    const { name, size, kind } = header, end = reader.position + size;
    if (start < 0) start = offset;
    const take = async () => {
      const body = await reader.take(size);
      if (body.length < size) throw headers.truncated(name, size - body.length);
      return body;
    };
    if (kind === "extension") headers.extend(await take());
    else if (kind === "file") yield { name, size, offset, start, take };
    const rest = end - reader.position, missing = rest - await reader.skip(rest);
    if (missing > 0) throw headers.truncated(name, missing);
    await reader.skip(padding(size)); // may be missing at the end
    if (kind === "file" || !headers.isExtended) start = -1;
  }
}
