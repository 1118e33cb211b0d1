/**
 * The samples of a tar archive that can only be read from its begin to its end.
 *
 * @module
 */
import { excessOf } from "../place.ts";
import { ByteReader } from "./bytes.ts";
import { BLOCK, padding, TarHeaders } from "./tar_header.ts";
import { expectLabel, roleOf } from "./tar_samples.ts";

/** An image of an archive. */
export interface TarSample {
  /** Its place in the archive. */
  number: number;
  /** The name of its entry. */
  name: string;
  size: number;
  /** Empty where no bytes were asked for. */
  bytes: Uint8Array;
  /** The text of the .cls entry: an integer or the name of a class. */
  cls: string | null;
  /** The byte at which the first entry of the sample begins. */
  at: number;
  /** Why it has no bytes although they were asked for. */
  failure: string | null;
}

/**
 * The samples of `archive`, read from `chunks`, from number `from` on. With `at`, that sample's byte, `chunks` begin
 * there. Throws a UserError that names the archive and the byte if it is damaged or cut off; with `marked`, for want of
 * anything else that tells, also if it ends without an end mark, which some tools do not write.
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
  const headers = new TarHeaders(archive);
  const reader = new ByteReader(chunks, at);
  let number = at > 0 ? from : 0;
  let base: string | null = null, start = 0, image: TarSample | null = null, cls: string | null = null;
  try {
    for (let entryAt = -1;;) {
      const offset = reader.position;
      const block = await reader.take(BLOCK);
      if (block.length === 0 && !marked) break;
      const header = headers.read(block, offset);
      if (header === null) break;
      const { name, size, kind } = header;
      if (entryAt < 0) entryAt = offset; // the first header of an entry, which may have some
      const take = async () => {
        const body = await reader.take(size);
        if (body.length < size) throw headers.truncated(name, size - body.length);
        return body;
      };
      let taken = false;
      if (kind === "extension") {
        headers.extend(await take());
        taken = true;
      }
      const role = kind === "file" ? roleOf(name) : null;
      if (role) {
        if (role.base !== base) {
          if (image && image.number >= from) yield { ...image, cls };
          [base, start, image, cls] = [role.base, entryAt, null, null];
        }
        if (role.kind === "image" && !image) {
          image = {
            number: number++,
            name,
            size,
            bytes: new Uint8Array(0),
            cls: null,
            at: start,
            failure: excessOf(size),
          };
          if (image.failure === null && bodies && image.number >= from) {
            image.bytes = await take();
            taken = true;
          }
        } else if (role.kind === "cls") {
          expectLabel(archive, { name, offset, size });
          cls = new TextDecoder().decode(await take()).trim();
          taken = true;
        }
      }
      if (!taken) {
        const missing = size - await reader.skip(size);
        if (missing > 0) throw headers.truncated(name, missing);
      }
      await reader.skip(padding(size)); // which may be missing at the end
      if (kind === "file" || !headers.isExtended) entryAt = -1;
    }
    // What lies behind the end mark is passed over, but read: gzip's checksum and a server's length are told at the end.
    await reader.skip(Infinity);
    if (image && image.number >= from) yield { ...image, cls };
  } finally {
    await chunks.return(undefined);
  }
}
