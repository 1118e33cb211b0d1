// deno-lint-ignore-file no-control-regex -- files begin with control characters
/**
 * Recognizes files by their first bytes: image formats that can be read, and what else lies in folders of images.
 *
 * @module
 */
import { ascii, type FormatName, viewOf } from "./format.ts";
import { textKind } from "./text_kind.ts";

/** What a file is, by its first bytes. */
export type Kind =
  | { format: FormatName }
  /** Completes "it is …" and says what to do where that is known. */
  | { format: null; what: string };

/** Bytes that are enough for `looksLikeImage` and for most kinds; only texts are recognized better by more. */
export const KIND_BYTES = 64;

/** Whether `bytes`, the first `KIND_BYTES` of a file or more, begin like an image that can be read. */
export function looksLikeImage(bytes: Uint8Array): boolean {
  return formatOf(bytes) !== null;
}

/** What the file is that begins with `bytes`. */
export function kindOf(bytes: Uint8Array): Kind {
  const format = formatOf(bytes);
  return format ? { format } : { format, what: otherKind(bytes) };
}

function formatOf(bytes: Uint8Array): FormatName | null {
  const head = ascii(bytes, 0, KIND_BYTES);
  if (head.startsWith("\xff\xd8")) return "JPEG";
  if (head.startsWith("\x89PNG\r\n\x1a\n")) return "PNG";
  if (/^RIFF.{4}WEBP/s.test(head)) return "WebP";
  if (/^GIF8[79]a/.test(head)) return "GIF";
  if (/^(II[*+]\0|MM\0[*+])/.test(head) && !/^.{8}CR/s.test(head)) return "TIFF";
  if (isBmp(bytes)) return "BMP";
  if (/^P([1-6]\s+(#|\d+\s)|7\s*\n)/.test(head)) return "PNM";
  if (/^(\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n)/.test(head)) return "JPEG XL";
  return head.slice(4, 8) === "ftyp" && brandsOf(bytes).some((brand) => HEIF_BRANDS.test(brand))
    ? "HEIF"
    : null;
}

/** The sizes of BMP's headers: OS/2 1 and 2 (whole and cut), Windows 3, with masks, 4 and 5. */
const BMP_HEADERS = [12, 16, 40, 52, 56, 64, 108, 124];

/** BMP, or a DIB, which lacks the file header of 14 bytes. Two letters would not tell a BMP from a text. */
function isBmp(bytes: Uint8Array): boolean {
  if (bytes.length < MIN_BYTES) return false;
  const view = viewOf(bytes);
  if (ascii(bytes, 0, 2) === "BM") return BMP_HEADERS.includes(view.getUint32(14, true));
  return [40, 108, 124].includes(view.getUint32(0, true)) &&
    view.getUint16(12, true) === 1 && [1, 2, 4, 8, 16, 24, 32].includes(view.getUint16(14, true));
}

/** The brands in the first box of an ISO media file: the major one, then the compatible ones. */
function brandsOf(bytes: Uint8Array): string[] {
  const end = Math.min(viewOf(bytes).getUint32(0), bytes.length);
  const brands = bytes.length < 12 ? [] : [ascii(bytes, 8)];
  for (let at = 16; at + 4 <= end; at += 4) brands.push(ascii(bytes, at));
  return brands;
}

/** AVIF, HEIC, and images and sequences of any coding. */
const HEIF_BRANDS = /^(avi[fs]|hei[cxms]|hev[cxms]|mif[12]|msf1)$/;

/** Kinds by a pattern of their first `KIND_BYTES`. */
const others: [RegExp, string][] = [
  [/^.{8}CR/s, "a camera raw file (CR2): develop it"],
  [/^(IIR[OS]|MMOR)/, "a camera raw file (ORF): develop it"],
  [/^IIU\0/, "a camera raw file (RW2): develop it"],
  [/^FUJIFILMCCD-RAW/, "a camera raw file (RAF): develop it"],
  [/^FOVb/, "a camera raw file (X3F): develop it"],
  [/^II.{4}HEAPCCDR/s, "a camera raw file (CRW): develop it"],
  [/^\0MRM/, "a camera raw file (MRW): develop it"],
  [/^8BPS/, "a Photoshop document (PSD): convert it"],
  [/^gimp xcf/, "a GIMP document (XCF): convert it"],
  [/^\0\0[\x01\x02]\0[\x01-\x40]\0/, "an icon (ICO or CUR): convert it"],
  [/^icns/, "an icon (ICNS): convert it"],
  [/^(\0\0\0\x0cjP {2}\r\n\x87\n|\xff\x4f\xff\x51)/, "a JPEG 2000: convert it"],
  [/^(II\xbc\x01)/, "a JPEG XR: convert it"],
  [/^v\/1\x01/, "an OpenEXR: convert it"],
  [/^#\?(RADIANCE|RGBE)/, "a Radiance HDR: convert it"],
  [/^P[Ff]\s/, "a PFM, of floating-point samples: convert it"],
  [/^(DDS |\xabKTX)/, "a texture (DDS or KTX): convert it"],
  [/^\x01\xda[\0\x01][\x01\x02]/, "an SGI image: convert it"],
  [/^\x59\xa6\x6a\x95/, "a Sun raster: convert it"],
  [/^\x0a[\0-\x05]\x01[\x01\x02\x04\x08]/, "a PCX: convert it"],
  [/^qoif/, "a QOI: convert it"],
  [/^[\x8a\x8b](MNG|JNG)\r\n/, "an MNG or JNG: convert it"],
  [/^FLIF/, "a FLIF: convert it"],
  [/^BPG\xfb/, "a BPG: convert it"],
  [/^(BA|CI|CP|IC|PT).{4}\0\0\0\0/s, "an OS/2 bitmap array or icon: convert it"],
  [/^(\xd7\xcd\xc6\x9a|\x01\0\0\0.{36} EMF)/s, "a Windows metafile, a vector drawing: render it"],
  [/^SIMPLE {2}=/, "a FITS: convert it"],
  [/^\x5c\x01\0\0.{36}|^.{4}n[i+]1\0/s, "a NIfTI volume: export its slices"],
  [/^AT&TFORM/, "a DjVu document: render its pages"],
  [/^\x89HDF\r\n/, "an HDF5 file: export its images"],
  [/^\x93NUMPY/, "a NumPy array: export its images"],
  [/^MATLAB 5\.0 MAT-file/, "a MATLAB file: export its images"],
  [/^\x80[\x02-\x05][\x95}\]c(]/, "a Python pickle: export its images"],
  [/^%PDF-/, "a PDF: render its pages"],
  [/^(%!PS|\xc5\xd0\xd3\xc6)/, "PostScript: render it"],
  [/^PK(\x03\x04|\x05\x06|\x07\x08)/, "a zip archive: name it as the data, or unpack it"],
  [/^\x1f\x8b/, "compressed by gzip: unpack it"],
  [/^BZh[1-9]/, "compressed by bzip2: unpack it"],
  [/^\xfd7zXZ\0/, "compressed by xz: unpack it"],
  [/^\x28\xb5\x2f\xfd/, "compressed by zstd: unpack it"],
  [/^7z\xbc\xaf\x27\x1c/, "a 7z archive: unpack it"],
  [/^Rar!\x1a\x07/, "a RAR archive: unpack it"],
  [/^PAR1/, "a Parquet file: name it as the data"],
  [/^\0\x05\x16[\0\x07]/, "an AppleDouble file, which macOS writes beside files (._ names): delete it"],
  [/^bplist0/, "a property list of Apple, perhaps of an image that is still in iCloud: download it"],
  [/^(book\0\0\0\0mark|L\0\0\0\x01\x14\x02\0)/, "a shortcut to another file: use that file"],
  [/^\0\0\0.Bud1/s, "a .DS_Store of macOS, no image"],
  [/^SQLite format 3\0/, "an SQLite database (Thumbs.db or a catalog), no image"],
  [/^\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1/, "a Windows Thumbs.db or Office document, no image"],
  [/^RIFF.{4}AVI /s, "a video (AVI): extract its frames"],
  [/^\x1aE\xdf\xa3/, "a video (Matroska or WebM): extract its frames"],
  [/^(FLV\x01|\0\0\x01[\xba\xb3]|\x30\x26\xb2\x75)/, "a video: extract its frames"],
  [/^(RIFF.{4}WAVE|OggS|fLaC|ID3)/s, "sound, no image"],
  [/^\x7fELF|^MZ/, "a program, no image"],
];

/** No image format needs fewer bytes, but for texts of Netpbm. */
const MIN_BYTES = 18;

/** What else the file may be: completes "it is …". */
function otherKind(bytes: Uint8Array): string {
  if (bytes.length === 0) return "empty";
  const text = bytes.length < 8 ? null : textKind(bytes);
  if (bytes.length < MIN_BYTES) {
    return text ?? `a truncated file of ${bytes.length} bytes: fetch it again`;
  }
  if (bytes.every((byte) => byte === 0)) {
    return `filled with zeros (${bytes.length} bytes), as a broken download or copy leaves it: fetch it again`;
  }
  const head = ascii(bytes, 0, KIND_BYTES);
  if (ascii(bytes, 128) === "DICM") return "a DICOM file: export its images";
  if (ascii(bytes, 257, 5) === "ustar") return "a tar archive: name it as the data, or unpack it";
  if (ascii(bytes, bytes.length - 18, 16) === "TRUEVISION-XFILE") return "a TGA: convert it";
  if (head.slice(4, 8) === "ftyp") return mediaKind(brandsOf(bytes));
  if (/^.{4}(moov|mdat|wide|free|skip)/s.test(head)) return "a video (QuickTime or MP4): extract its frames";
  const other = others.find(([pattern]) => pattern.test(head));
  if (other) return other[1];
  if (text) return text;
  if (bytes.subarray(0, KIND_BYTES).every((byte) => byte === 0)) {
    return "damaged: it begins with zeros, as a broken download or copy leaves it; fetch it again";
  }
  return "of an unknown kind: no image format that can be read begins like it";
}

function mediaKind([brand = ""]: string[]): string {
  if (brand === "crx ") return "a camera raw file (CR3): develop it";
  if (/^j[2p]/.test(brand)) return "a JPEG 2000: convert it";
  if (/^M4[AB]/.test(brand)) return "sound, no image";
  if (/^mi[afpr]/.test(brand)) return "an HEIF of an unknown coding: convert it";
  return "a video (QuickTime or MP4): extract its frames";
}
