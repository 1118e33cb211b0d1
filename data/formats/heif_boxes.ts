/**
 * The boxes of HEIF that say how large the primary image is and how it lies (ISO/IEC 23008-12; 14496-12, 4.2).
 *
 * @module
 */
import { ascii, viewOf } from "./format.ts";

/** What the boxes say of the primary image. */
export interface HeifLayout {
  /** Its size as coded, before it is cropped and turned. */
  width: number;
  height: number;
  /** Whether its samples are AV1; else they are HEVC. */
  isAv1: boolean;
  /** What is shown of it; null for all. */
  crop: { left: number; top: number; width: number; height: number } | null;
  /** How it is turned then, as in EXIF: 1 … 8. */
  orientation: number;
}

interface Box {
  kind: string;
  body: Uint8Array;
}

/** The boxes in `bytes`; null if one ends beyond them. */
function readBoxes(bytes: Uint8Array): Box[] | null {
  const view = viewOf(bytes), boxes: Box[] = [];
  for (let at = 0; at + 8 <= bytes.length;) {
    let size = view.getUint32(at), head = 8;
    if (size === 1 && at + 16 <= bytes.length) [size, head] = [Number(view.getBigUint64(at + 8)), 16];
    else if (size === 0) size = bytes.length - at; // to the end
    if (size < head || at + size > bytes.length) return null;
    boxes.push({ kind: ascii(bytes, at + 4), body: bytes.subarray(at + head, at + size) });
    at += size;
  }
  return boxes;
}

/** Reads what comes before the image data. Throws an Error if it is damaged or not supported. */
export function readHeifLayout(bytes: Uint8Array): HeifLayout {
  const boxes = readBoxes(bytes);
  if (!boxes) throw new Error("it is a truncated HEIF: it ends within a box");
  const meta = boxes.find(({ kind }) => kind === "meta");
  if (!meta) {
    throw new Error(
      boxes.some(({ kind }) => kind === "moov")
        ? "it is an HEIF sequence without a still image, which is not supported: export its frames"
        : "it is a truncated HEIF: it has no image",
    );
  }
  try {
    return layoutOf(propertiesOf(meta.body));
  } catch (error) {
    if (error instanceof RangeError) throw new Error("it is a damaged HEIF: a box is too short"); // from a DataView
    throw error;
  }
}

/** The properties of the primary image, in the order in which they apply, and the kinds of all images' properties. */
function propertiesOf(meta: Uint8Array): { own: Box[]; kinds: string[] } {
  const find = (boxes: Box[] | null, kind: string) => {
    const found = boxes?.find((box) => box.kind === kind);
    if (!found) throw new Error(`it is a damaged HEIF: it has no ${kind} box`);
    return found.body;
  };
  const boxes = readBoxes(meta.subarray(4)), reference = viewOf(find(boxes, "pitm"));
  const primary = reference.getUint8(0) === 0 ? reference.getUint16(4) : reference.getUint32(4);
  const groups = readBoxes(find(boxes, "iprp"));
  const all = readBoxes(find(groups, "ipco"));
  if (!all) throw new Error("it is a damaged HEIF: its properties are cut off");
  const numbers = associations(viewOf(find(groups, "ipma")), primary);
  return {
    own: numbers.flatMap((number) => number === 0 ? [] : all[number - 1] ?? []),
    kinds: all.map(({ kind }) => kind),
  };
}

/** The numbers of the properties of `item`, from 1 on. */
function associations(view: DataView, item: number): number[] {
  const version = view.getUint8(0), isWide = view.getUint8(3) & 1;
  let at = 8;
  for (let left = view.getUint32(4); left > 0; left--) {
    const id = version === 0 ? view.getUint16(at) : view.getUint32(at);
    at += version === 0 ? 2 : 4;
    const count = view.getUint8(at++);
    const numbers = Array.from(
      { length: count },
      (_, i) => isWide ? view.getUint16(at + 2 * i) & 0x7fff : view.getUint8(at + i) & 0x7f,
    );
    if (id === item) return numbers;
    at += isWide ? 2 * count : count;
  }
  return [];
}

/** The number of AV1's level 7.0, which is younger than the decoder, and the one for what no level allows. */
const FIRST_LARGE_LEVEL = 20, ANY_LEVEL = 31;

/** The codings that no decoder here knows, by their property. */
const OTHER_CODINGS: Record<string, string> = {
  avcC: "H.264",
  jpgC: "JPEG",
  vvcC: "VVC",
  j2kH: "JPEG 2000",
  uncC: "plain",
};

function layoutOf({ own, kinds }: { own: Box[]; kinds: string[] }): HeifLayout {
  // A grid has no coding of its own; that of its tiles is among the others.
  const coding = [...own.map(({ kind }) => kind), ...kinds].find((kind) =>
    /^(av1C|hvcC)$/.test(kind) || kind in OTHER_CODINGS
  );
  if (coding === undefined || coding in OTHER_CODINGS) {
    const name = coding === undefined ? "unknown" : OTHER_CODINGS[coding];
    throw new Error(`it is an HEIF with ${name} samples, which is not supported: convert it`);
  }
  const level = own.find(({ kind }) => kind === "av1C")?.body[1] ?? 0;
  if ((level & 31) >= FIRST_LARGE_LEVEL && (level & 31) < ANY_LEVEL) {
    throw new Error(
      "it is an AVIF of AV1 level 7, of more than 35 megapixels, which is not supported: convert it",
    );
  }
  const size = own.find(({ kind }) => kind === "ispe");
  if (!size) throw new Error("it is a damaged HEIF: its primary image has no size");
  const width = viewOf(size.body).getUint32(4), height = viewOf(size.body).getUint32(8);
  const aperture = own.find(({ kind }) => kind === "clap");
  return {
    width,
    height,
    isAv1: coding === "av1C",
    crop: aperture ? cropOf(viewOf(aperture.body), { width, height }) : null,
    orientation: orientationOf(own),
  };
}

/** The clean aperture: its size and the offset of its center, as fractions. */
function cropOf(view: DataView, { width, height }: { width: number; height: number }): HeifLayout["crop"] {
  const fraction = (at: number) => view.getInt32(at) / view.getInt32(at + 4);
  const crop = { left: 0, top: 0, width: Math.round(fraction(0)), height: Math.round(fraction(8)) };
  crop.left = Math.floor((width - crop.width) / 2 + fraction(16));
  crop.top = Math.floor((height - crop.height) / 2 + fraction(24));
  const isInside = crop.width > 0 && crop.height > 0 && crop.left >= 0 && crop.top >= 0 &&
    crop.left + crop.width <= width && crop.top + crop.height <= height;
  if (!isInside) throw new Error("it is a damaged HEIF: its clean aperture is not within the image");
  return crop;
}

/** EXIF's orientations by quarter turns to the left, without and with an exchange of top and bottom after them. */
const TURNED = [1, 8, 3, 6], TURNED_AND_FLIPPED = [4, 5, 2, 7];

/** Turns (irot) and mirrorings (imir) in their order. EXIF data in HEIF repeat them and do not count. */
function orientationOf(properties: Box[]): number {
  let turns = 0, isFlipped = false;
  for (const { kind, body } of properties) {
    if (kind === "irot") turns += isFlipped ? -(body[0] & 3) : body[0] & 3;
    if (kind !== "imir") continue;
    isFlipped = !isFlipped;
    if (body[0] & 1) turns += 2; // left and right, which is top and bottom and half a turn
  }
  return (isFlipped ? TURNED_AND_FLIPPED : TURNED)[(turns % 4 + 4) % 4];
}
