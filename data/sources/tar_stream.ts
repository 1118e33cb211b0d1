/**
 * The samples of a tar archive that can only be read from start to end.
 *
 * @module
 */
import { concatBytes } from "../../src/base/bytes.ts";
import { oversizeReason } from "../file_range.ts";
import { KIND_BYTES, looksLikeImage } from "../formats/kind.ts";
import { ByteReader } from "./bytes.ts";
import { BLOCK, padding, TarHeaders, type TarKind } from "./tar_header.ts";
import { labelIn, labelSizeReason } from "./tar_labels.ts";
import { countedAs } from "./file_names.ts";
import { type Role, roleOf, type SampleName } from "./tar_roles.ts";
import { type Ended, Runs, type Stray } from "./tar_runs.ts";

/** An image of an archive. */
export interface TarSample {
  /** Its number in the archive. */
  number: number;
  /** The name of its entry. */
  name: string;
  size: number;
  /** Empty where no bytes were asked for. */
  bytes: Uint8Array;
  /** The text of the label beside it: an integer or a class name. */
  cls: string | null;
  /** Whether there is a label beside it, which may say that it has none. */
  isLabeled: boolean;
  /** The byte at which reading can begin for this sample; null if that is the archive's beginning. */
  at: number | null;
  /** Why it has no bytes although they were asked for. */
  failure: string | null;
}

/** Hears of what is not a sample, in the order of the archive. */
export interface TarObserver {
  /** An entry that looks like an image or a label and is not used. `offset` is the byte of its header. */
  leaveOut?(entry: { name: string; kind: string; reason: string | null; offset: number }): void;
  /** A label that has no image beside it. */
  stray?(label: Stray & { offset: number }): void;
  /** Asked for each image: whether its first bytes are of interest, */
  samples?(name: string): boolean;
  /** and then told them. */
  sampled?(name: string, head: Uint8Array): void;
}

/** First bytes that identify a content. */
export const SAMPLED_BYTES = 1 << 16;

/** How data behind the end mark are counted. */
export const REST = { kind: "data behind the end of an archive", reason: null };

/** How images that belong to another one's sample are counted. */
export const FURTHER = { kind: "image", reason: "a further image of a sample" };

/** How an archive is read. */
export interface TarReading {
  from?: number;
  at?: number;
  bodies?: boolean;
  marked?: boolean;
  /** The field of the label in .json entries. */
  label?: string;
  observer?: TarObserver;
}

type Image = Omit<TarSample, "number" | "cls" | "isLabeled" | "at"> & { start: number; offset: number };

/**
 * The samples of `archive`, read from `chunks`, starting with number `from`. If `at` is given, it is that sample's byte, and
 * `chunks` begin there. Throws a UserError with the archive and the byte if it is damaged or truncated; with `marked`, also
 * if the end mark is missing. Some tools write none, so this is for transfers whose length is unknown.
 */
export async function* tarSamples(
  archive: string,
  chunks: AsyncGenerator<Uint8Array>,
  reading: TarReading = {},
): AsyncGenerator<TarSample> {
  const { from = 0, at = 0, bodies = true, marked = false, label: wanted, observer = {} } = reading;
  const reader = new ByteReader(chunks, at), runs = new Runs<Image>();
  let number = at > 0 ? from : 0, start = at, offset = at;
  const given = ({ samples, further, strays }: Ended<Image>): TarSample[] => {
    further.forEach(({ image }) => leaveOut(observer, image, FURTHER));
    strays.forEach((stray) => observer.stray?.({ ...stray, offset }));
    return samples.map(({ image: { start: _, offset: __, ...image }, name, label, isFirst }) => ({
      ...image,
      name: name.path,
      number: number++,
      cls: label ?? null,
      isLabeled: label !== undefined,
      at: isFirst ? start : null,
    })).filter((sample) => sample.number >= from);
  };
  try {
    const onRest = (offset: number) => leaveOut(observer, { name: `byte ${offset}`, offset }, REST);
    for await (const entry of streamedFiles(archive, reader, { marked, onRest })) {
      const role = await settledRole(entry);
      if (role.kind === "ignored" || role.kind === "left out" || role.kind === "unknown") {
        if (role.kind === "left out") leaveOut(observer, entry, { kind: role.as, reason: role.reason });
        continue;
      }
      const { name } = role, ended = runs.enter({ name, isLabel: role.kind !== "image" });
      if (ended) {
        yield* given(ended);
        start = entry.start;
      }
      offset = entry.offset;
      if (role.kind === "image") {
        // It may be the sample `from` if all that wait before it are samples.
        const isWanted = bodies && number + runs.waiting >= from;
        runs.addImage(name, await imageOf(entry, { name, isWanted, observer }));
        continue;
      }
      const tooLarge = labelSizeReason(archive, { ...entry, kind: role.kind });
      const found = tooLarge ? { reason: tooLarge } : labelIn(role.kind, await entry.take(), wanted);
      if ("label" in found) runs.addLabel(name, found.label, role.kind === "cls");
      else leaveOut(observer, entry, { kind: `.${role.kind}`, reason: found.reason });
    }
    // Read on to the end although nothing follows the end mark: checksums and the file's length are checked there.
    await reader.skip(Infinity);
    yield* given(runs.end());
  } finally {
    await chunks.return(undefined);
  }
}

function leaveOut(
  observer: TarObserver,
  { name, offset }: { name: string; offset: number },
  { kind, reason }: { kind: string; reason: string | null },
): void {
  observer.leaveOut?.({ name, kind, reason, offset });
}

/** The role of an entry; images among those of unknown names are found by their first bytes. */
async function settledRole(entry: StreamedFile): Promise<Role> {
  const role = roleOf(entry.name);
  if (entry.kind !== "file" && "name" in role) {
    const reason = entry.kind === "sparse file" ? "stored with holes" : "in a compressed archive";
    return role.kind === "unknown"
      ? { kind: "ignored" }
      : { kind: "left out", as: entry.kind, reason: `${reason}: unpack it` };
  }
  if (role.kind !== "unknown") return role;
  if (looksLikeImage(await entry.peek(KIND_BYTES))) return { ...role, kind: "image" };
  return { kind: "left out", as: countedAs(entry.name), reason: "no image" };
}

async function imageOf(
  entry: StreamedFile,
  { name, isWanted, observer }: { name: SampleName; isWanted: boolean; observer: TarObserver },
): Promise<Image> {
  const { size, start, offset } = entry;
  if (observer.samples?.(name.path)) observer.sampled?.(name.path, await entry.peek(SAMPLED_BYTES));
  const failure = oversizeReason(size);
  const bytes = isWanted && failure === null ? await entry.take() : new Uint8Array(0);
  return { name: name.path, size, bytes, failure, start, offset };
}

/** A file of the archive. */
interface StreamedFile {
  name: string;
  kind: TarKind;
  size: number;
  /** The byte of its header, */
  offset: number;
  /** and of the first extension header that belongs to it. */
  start: number;
  /** Reads its body; valid until the next file is asked for. */
  take(): Promise<Uint8Array>;
  /** Its first `length` bytes, which `take` gives again. */
  peek(length: number): Promise<Uint8Array>;
}

/** The files of an archive in order. A body that is not taken is skipped. */
async function* streamedFiles(
  archive: string,
  reader: ByteReader,
  { marked, onRest }: { marked: boolean; onRest(offset: number): void },
): AsyncGenerator<StreamedFile> {
  const headers = new TarHeaders(archive);
  for (let start = -1, hasEnded = false;;) {
    const offset = reader.position, block = await reader.take(BLOCK);
    if (block.length === 0 && (hasEnded || !marked)) return;
    if (hasEnded) {
      const found = headers.behindEnd(block);
      if (found === "other") return onRest(offset);
      if (found === "zeros") continue;
    }
    const header = headers.read(block, offset);
    hasEnded = header === null;
    if (header === null) continue;
    const { name, size, kind } = header, end = reader.position + size;
    if (start < 0) start = offset;
    let head = new Uint8Array(0);
    const part = async (length: number) => {
      const body = await reader.take(length);
      if (body.length < length) throw headers.truncated(name, length - body.length);
      return body;
    };
    const peek = async (length: number) => {
      const missing = Math.min(length, size) - head.length;
      if (missing > 0) head = concatBytes([head, await part(missing)]);
      return head.subarray(0, length);
    };
    const take = async () => {
      const rest = await part(size - head.length);
      return head.length === 0 ? rest : concatBytes([head, rest]);
    };
    if (kind === "extension") headers.extend(await take());
    else if (kind !== "other") yield { name, kind, size, offset, start, take, peek };
    const rest = end - reader.position, missing = rest - await reader.skip(rest);
    if (missing > 0) throw headers.truncated(name, missing);
    await reader.skip(padding(size)); // may be missing at the end
    if (!headers.isExtended) start = -1;
  }
}
