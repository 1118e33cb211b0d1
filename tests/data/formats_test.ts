/** Damaged, truncated and unsupported files of the formats without a library, and what their headers may say. */
import { decodeImage } from "../../data/decode.ts";
import { concatBytes } from "../../src/base/bytes.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { golden } from "./golden.ts";

const text = (content: string) => new TextEncoder().encode(content);

/** `bytes` with little-endian numbers of 4 bytes at some places. */
function withNumbers(bytes: Uint8Array, numbers: Record<number, number>): Uint8Array {
  const copy = bytes.slice(), view = new DataView(copy.buffer);
  for (const [at, value] of Object.entries(numbers)) view.setUint32(Number(at), value, true);
  return copy;
}

const rejects = (bytes: Uint8Array, pattern: RegExp) =>
  assertThrows(() => decodeImage(bytes), Error, pattern);

Deno.test("decodeImage() rejects damaged, truncated and unsupported BMP files", async () => {
  const plain = golden("bmp 24 bits").file, runs = golden("bmp rle8").file;
  const fields = golden("bmp fields 565").file;
  await rejects(plain.subarray(0, -9), /truncated BMP: 8 bytes are missing/); // the last line needs no padding
  await rejects(plain.subarray(0, 50), /truncated BMP: it ends within its header/);
  await rejects(withNumbers(plain, { 18: -17 }), /damaged BMP: its width is -17/);
  await rejects(withNumbers(plain, { 18: 30000, 22: 30000 }), /30000×30000 .*210 million/);
  await rejects(withNumbers(plain, { 22: 2 ** 31 }), /17×2147483648 .*million/);
  await rejects(withNumbers(plain, { 22: 0 }), /17×0/);
  await rejects(withNumbers(plain, { 10: 20 }), /pixels begin at byte 20, in its header/);
  await rejects(withNumbers(plain, { 30: 7 }), /compression 7, which is not supported/);
  await rejects(withNumbers(plain, { 30: 1 }), /24 bits per pixel with compression 1/);
  await rejects(withNumbers(plain, { 26: 1 | 48 << 16 }), /48 bits per pixel/);
  await rejects(withNumbers(golden("bmp header of 64 bytes").file, { 30: 3 }), /Huffman/);
  await rejects(withNumbers(fields, { 54: 0xf10 }), /mask 3856 has gaps/);
  await rejects(runs.subarray(0, -60), /truncated BMP: its runs end early/);
});

Deno.test("decodeImage() ends the runs of a BMP at the image's edges", async () => {
  // Beyond the right edge, beyond the last line, and a move far away.
  const header = golden("bmp rle8 moves").file.subarray(0, 14 + 40 + 4 * 256);
  for (
    const body of [[255, 1, 0, 0, 255, 1], [0, 2, 255, 255, 9, 1], [0, 2, 0, 10, 255, 1, 0, 0, 9, 9]]
  ) {
    const { width, height } = await decodeImage(concatBytes([header, new Uint8Array([...body, 0, 1])]));
    assertEquals([width, height], [17, 11]);
  }
});

Deno.test("decodeImage() rejects damaged, truncated and unsupported PNM files", async () => {
  const bytes = golden("pnm p6 to 255").file, plain = golden("pnm p2 to 255").file;
  await rejects(bytes.subarray(0, -2), /truncated PNM: 2 bytes are missing/);
  await rejects(golden("pnm p4").file.subarray(0, -1), /truncated PNM: 1 bytes are missing/);
  await rejects(golden("pnm p5 to 4095").file.subarray(0, -1), /truncated PNM: 1 bytes are missing/);
  await rejects(plain.subarray(0, -4), /truncated PNM: it ends within its samples/);
  await rejects(text("P2 2 2 255\n1 2 x 4 5 6"), /damaged PNM: its samples are not numbers/);
  await rejects(text("P1 2 2\n1 2 0 1"), /damaged PNM: its samples are not 0 and 1/);
  await rejects(text("P6 2 3 65536\n"), /samples reach 65536/);
  await rejects(text("P6 2 3 0\n"), /samples reach 0/);
  await rejects(text("P6 20000 20000 255\n"), /20000×20000 .*million/);
  await rejects(text("P6 0 5 255\n"), /0×5/);
  await rejects(text("P6 3 -5 255\n"), /damaged PNM: width, height and the largest sample must follow P6/);
  await rejects(text("P5 99999999999 5 255\n"), /damaged PNM: its size is no number/);
  const pam = (fields: string) => text(`P7\n${fields}\nENDHDR\n${"a".repeat(99)}`);
  await rejects(text("P7\nWIDTH 3\nHEIGHT 3\nDEPTH 1\n"), /damaged PAM: its header does not end/);
  await rejects(pam("WIDTH 3\nHEIGHT 3\nMAXVAL 255"), /DEPTH is missing/);
  await rejects(pam("WIDTH 3\nHEIGHT 3\nDEPTH 4\nMAXVAL 255\nTUPLTYPE CMYK"), /PAM of type CMYK/);
  await rejects(pam("WIDTH 3\nHEIGHT 3\nDEPTH 5\nMAXVAL 255"), /PAM of 5 samples per pixel/);
  await rejects(pam("WIDTH 3\nHEIGHT 3\nDEPTH 2\nMAXVAL 255\nTUPLTYPE RGB"), /RGB has 2 samples per pixel/);
});

Deno.test("decodeImage() rejects damaged, truncated and unsupported HEIF files", async () => {
  const latin1 = new TextDecoder("latin1");
  for (const name of ["avif", "heic", "heic grid"]) {
    const { file } = golden(name);
    const at = (kind: string) => latin1.decode(file).indexOf(kind);
    await rejects(file.subarray(0, -9), /truncated HEIF: it ends within a box/);
    await rejects(file.subarray(0, at("meta") - 4), /truncated HEIF/);
    const huge = file.slice();
    for (let i = 0, from = 0; i < 3 && (from = latin1.decode(huge).indexOf("ispe", from)) > 0; i++) {
      huge.set([0, 1, 0, 0, 0, 1, 0, 0], from + 8);
      from += 8;
    }
    await rejects(huge, /65536×65536 .*million/);
    const other = file.slice();
    other.set(text(name === "avif" ? "vvcC" : "avcC"), at(name === "avif" ? "av1C" : "hvcC"));
    await rejects(other, name === "avif" ? /HEIF with VVC samples/ : /HEIF with H.264 samples/);
    const without = file.slice();
    without.set(text("free"), latin1.decode(file).lastIndexOf("ispe"));
    if (name !== "heic") await rejects(without, /damaged HEIF: its primary image has no size/);
  }
  const track = concatBytes([
    golden("avif sequence").file.subarray(0, 0x2c),
    new Uint8Array([0, 0, 0, 8]),
    text("moov"),
  ]);
  await rejects(track, /sequence without a still image/);
});

Deno.test("decodeImage() rejects damaged and truncated JPEG XL files", async () => {
  for (const name of ["jxl", "jxl container"]) {
    const { file } = golden(name);
    await rejects(file.subarray(0, -20), /truncated JPEG XL/);
    await rejects(file.subarray(0, 14), /truncated (JPEG XL|file)|damaged JPEG XL/);
  }
  const huge = golden("jxl").file.slice();
  huge.set([0xfe, 0xff, 0xff, 0xff], 2); // a height of 18 bits or more
  await rejects(huge, /pixels, more than 210 million/);
});
