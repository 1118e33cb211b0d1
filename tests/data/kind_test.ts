// deno-lint-ignore-file no-control-regex -- files begin with control characters
import { decodeImage } from "../../data/decode.ts";
import { isImageExtension, unreadableImageKind } from "../../data/formats/extensions.ts";
import { KIND_BYTES, kindOf, looksLikeImage } from "../../data/formats/kind.ts";
import { messageOf } from "../../src/base/errors.ts";
import { keyedRandom } from "../../src/base/random.ts";
import { assert, assertEquals } from "../assert.ts";
import { golden, goldenFiles } from "./golden.ts";

/** The file that begins with `text`, of which each character is a byte, up to `size` bytes. */
function file(text: string, size = 200): Uint8Array {
  const bytes = new Uint8Array(Math.max(size, text.length)), random = keyedRandom(1);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = i < text.length ? text.charCodeAt(i) : random.integer(256);
  }
  return bytes;
}

const text = (content: string) => new TextEncoder().encode(content);

/** Files that are no image that can be read, and the reason that is given. */
const others: [string, Uint8Array, RegExp][] = [
  [
    "web page",
    text("<!DOCTYPE html>\n<title>404 Not Found</title>"),
    /^it is a web page \(HTML\).*“404 Not Found”$/,
  ],
  ["web page, upper case", text("\n <HTML><BODY>no</BODY></HTML>"), /^it is a web page/],
  ["web page after a comment", text("<!-- x --><html lang=de>"), /^it is a web page/],
  ["web page in UTF-16", file("\xff\xfe<\0h\0t\0m\0l\0>\0", 12), /^it is a web page/],
  [
    "LFS pointer",
    text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"),
    /Git LFS.*git lfs pull/,
  ],
  ["git-annex pointer", text("/annex/../.git/annex/objects/ab/cd\n"), /git-annex.*git annex get/],
  ["DVC pointer", text("outs:\n- md5: 0123\n  path: a.jpg\n"), /DVC.*dvc pull/],
  ["JSON", text('{"error": "rate limit exceeded"}'), /^it is JSON text.*“{"error": "rate limit exceeded"}”$/],
  [
    "XML",
    text('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'),
    /^it is XML text.*AccessDenied/,
  ],
  ["SVG", text('<?xml version="1.0"?>\n<!-- a -->\n<svg xmlns="x"></svg>'), /^it is an SVG/],
  ["bare SVG", text("<svg width='1'></svg>"), /^it is an SVG/],
  ["text", text("Too many requests, try again later"), /^it is text, no image: “Too many requests/],
  ["blank text", text(" \n".repeat(9)), /^it is blank text/],
  ["base64", text("iVBORw0KGgoAAAANSUhEUgAA"), /base64/],
  ["data URL", text("data:image/png;base64,iVBORw0KGgo"), /data URL/],
  ["BM text", text("BM is the name of a museum in London"), /^it is text/],
  ["P5 text", text("P5 is the name of a road in London"), /^it is text/],
  ["PDF", file("%PDF-1.7\n"), /^it is a PDF/],
  ["PostScript", file("%!PS-Adobe-3.0 EPSF-3.0\n"), /^it is PostScript/],
  ["QuickTime", file("\0\0\0\x14ftypqt  \0\0\0\0qt  "), /^it is a video \(QuickTime or MP4\)/],
  ["MP4", file("\0\0\0\x18ftypisom\0\0\0\0isommp42"), /^it is a video \(QuickTime or MP4\)/],
  ["old QuickTime", file("\0\0\0\x08wide\0\0\x01\0mdat"), /^it is a video \(QuickTime or MP4\)/],
  ["AVI", file("RIFF\0\0\0\0AVI LIST"), /^it is a video \(AVI\)/],
  ["Matroska", file("\x1aE\xdf\xa3"), /^it is a video/],
  ["CR2", file("II*\0\x10\0\0\0CR\x02\0"), /camera raw file \(CR2\)/],
  ["CR3", file("\0\0\0\x18ftypcrx \0\0\0\x01crx isom"), /camera raw file \(CR3\)/],
  ["ORF", file("IIRO\x08\0\0\0"), /camera raw file \(ORF\)/],
  ["RW2", file("IIU\0\x08\0\0\0"), /camera raw file \(RW2\)/],
  ["RAF", file("FUJIFILMCCD-RAW 0201"), /camera raw file \(RAF\)/],
  ["PSD", file("8BPS\0\x01"), /Photoshop/],
  ["XCF", file("gimp xcf v011\0"), /GIMP/],
  ["ICO", file("\0\0\x01\0\x01\0\x10\x10\0\0\x01\0"), /icon/],
  ["JPEG 2000", file("\0\0\0\x0cjP  \r\n\x87\n"), /JPEG 2000/],
  ["JPEG 2000 codestream", file("\xff\x4f\xff\x51\0"), /JPEG 2000/],
  ["JPEG XR", file("II\xbc\x01\x20\0\0\0"), /JPEG XR/],
  ["OpenEXR", file("v/1\x01\x02\0\0\0"), /OpenEXR/],
  ["Radiance", text("#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n"), /Radiance/],
  ["PFM", file("PF\n3 2\n-1.0\n"), /PFM/],
  ["DICOM", file("\0".repeat(128) + "DICM"), /DICOM/],
  ["HDF5", file("\x89HDF\r\n\x1a\n"), /HDF5/],
  ["NumPy", file("\x93NUMPY\x01\0"), /NumPy/],
  ["FITS", file("SIMPLE  =                    T", 400), /FITS/],
  ["MATLAB", file("MATLAB 5.0 MAT-file, Platform: GLNXA64"), /MATLAB/],
  ["pickle", file("\x80\x04\x95\x10\0"), /pickle/],
  ["MNG", file("\x8aMNG\r\n\x1a\n"), /MNG/],
  ["XPM", text("/* XPM */\nstatic char *a[] = {};\n"), /XPM/],
  ["XBM", text("#define a_width 16\n#define a_height 7\n"), /XBM/],
  ["TGA", new Uint8Array([...file("\0\0\x02", 100), ...text("TRUEVISION-XFILE.\0")]), /TGA/],
  ["tar", new Uint8Array([...file("a.jpg\0", 257), ...text("ustar\0"), ...file("00", 300)]), /tar archive/],
  ["iCloud placeholder", file("bplist00\xd4"), /iCloud/],
  ["Windows shortcut", file("L\0\0\0\x01\x14\x02\0"), /shortcut/],
  ["zip", file("PK\x03\x04"), /zip archive/],
  ["gzip", file("\x1f\x8b\x08"), /gzip/],
  ["7z", file("7z\xbc\xaf\x27\x1c"), /7z/],
  ["RAR", file("Rar!\x1a\x07\0"), /RAR/],
  ["Parquet", file("PAR1"), /Parquet/],
  ["AppleDouble", file("\0\x05\x16\x07\0\x02\0\0Mac OS X        "), /AppleDouble.*\._/],
  [".DS_Store", file("\0\0\0\x01Bud1\0"), /\.DS_Store/],
  ["Thumbs.db", file("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), /Thumbs\.db/],
  ["zeros", new Uint8Array(3000), /^it is filled with zeros \(3000 bytes\)/],
  ["zeros, then data", file("\0".repeat(100)), /^it is damaged: it begins with zeros/],
  ["nothing", new Uint8Array(0), /^it is empty$/],
  ["few bytes", file("\x89PN", 3), /^it is a truncated file/],
  ["noise", file("\x80\x81\x82"), /^it is of an unknown kind/],
];

Deno.test("decodeImage() names what is no image", async () => {
  for (const [name, bytes, pattern] of others) {
    const message = await decodeImage(bytes).then(() => "decoded", messageOf);
    assert(pattern.test(message), `${name}: ${message}`);
    assert(!/[\0-\x1f]/.test(message), `${name}: ${JSON.stringify(message)} has control characters`);
    assert(!looksLikeImage(bytes), name);
  }
});

Deno.test("looksLikeImage() recognizes every golden file by its first bytes", () => {
  for (const { name, file } of goldenFiles) {
    assert(looksLikeImage(file.subarray(0, KIND_BYTES)), name);
    assertEquals(kindOf(file.subarray(0, KIND_BYTES)), kindOf(file), name);
  }
});

Deno.test("decodeImage() refuses camera raw files that are TIFF files with a preview", async () => {
  const { file } = golden("tiff rgb 16 bits II"); // a directory behind its pixels
  const view = new DataView(file.buffer), at = view.getUint32(4, true), count = view.getUint16(at, true);
  for (
    const [tags, expected] of [
      [[[50706, 1, 4, 1]], /camera raw file \(DNG\)/],
      [[[254, 4, 1, 1], [330, 4, 1, 8]], /camera raw file \(NEF/],
      [[[254, 4, 1, 0], [330, 4, 1, 8]], /^decoded$/],
    ] as [number[][], RegExp][]
  ) {
    const raw = new Uint8Array(file.length + 12 * tags.length), directory = new DataView(raw.buffer, at);
    raw.set(file);
    directory.setUint16(0, count + tags.length, true);
    raw.copyWithin(at + 2 + 12 * (count + tags.length), at + 2 + 12 * count, file.length);
    tags.forEach(([tag, type, length, value], i) => {
      const entry = 2 + 12 * (count + i);
      directory.setUint16(entry, tag, true);
      directory.setUint16(entry + 2, type, true);
      directory.setUint32(entry + 4, length, true);
      directory.setUint32(entry + 8, value, true);
    });
    // Values that lie behind the directory moved with it.
    for (let i = 0; i < count; i++) {
      const entry = 2 + 12 * i, place = directory.getUint32(entry + 8, true);
      if (directory.getUint32(entry + 4, true) > 2 && place > at) {
        directory.setUint32(entry + 8, place + 12 * tags.length, true);
      }
    }
    const message = await decodeImage(raw).then(() => "decoded", messageOf);
    assert(expected.test(message), `${tags}: ${message}`);
  }
});

Deno.test("isImageExtension() accepts the extensions of readable images in any case", () => {
  const readable =
    "jpg JPG jpeg jpe jfif jif png PNG apng webp gif tif tiff TIFF bmp BMP dib pbm pgm ppm pnm pam avif heic HEIC heif hif jxl";
  for (const extension of readable.split(" ")) {
    assert(isImageExtension(extension) && unreadableImageKind(extension) === null, extension);
  }
  const others: Record<string, string | null> = {
    DNG: "camera raw",
    cr2: "camera raw",
    nef: "camera raw",
    psd: "Photoshop",
    jp2: "JPEG 2000",
    svg: "vector drawing",
    dcm: "DICOM",
    ico: "icon",
    exr: "floating-point image",
    txt: null,
    MOV: null,
    json: null,
    "": null,
  };
  for (const [extension, kind] of Object.entries(others)) {
    assert(!isImageExtension(extension), extension);
    assertEquals(unreadableImageKind(extension), kind, extension);
  }
});
