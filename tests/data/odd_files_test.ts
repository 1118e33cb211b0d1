/** Files that other programs write: unusual, but readable; and those that are refused with the name of their kind. */
import { concatBytes } from "../../src/base/bytes.ts";
import { messageOf } from "../../src/base/errors.ts";
import { decodeImage } from "../../data/decode.ts";
import { assert, assertClose, assertEquals, assertThrows } from "../assert.ts";
import { jpeg } from "./fixtures.ts";
import { golden, oddFiles, toleranceOf } from "./golden.ts";

for (const format of ["jpeg", "png", "gif", "tiff", "pnm"]) {
  for (const stretch of [undefined, "percentile"] as const) {
    const files = oddFiles.filter((file) =>
      file.name.split(/[ ,]/)[0] === format && file.stretch === (stretch === "percentile")
    );
    const how = stretch ? "stretches" : "decodes";
    Deno.test(`decodeImage() ${how} ${files.length} unusual variants of ${format} to the golden pixels`, async () => {
      assert(files.length >= 1 || format === "pnm");
      for (const { name, file, width, height, rgba } of files) {
        const image = await decodeImage(file, { stretch });
        assertEquals([image.width, image.height], [width, height], name);
        assertClose(name, image.data, rgba, { absolute: toleranceOf(name) });
      }
    });
  }
}

const scanOf = (bytes: Uint8Array) => bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xda);

Deno.test("decodeImage() refuses a truncated JPEG, also if zeros or other bytes follow", async () => {
  for (
    const whole of [
      await jpeg(),
      golden("jpeg progressive with fill bytes").file,
      golden("jpeg baseline with fill bytes").file,
    ]
  ) {
    const isProgressive = whole.some((byte, i) => byte === 0xff && whole[i + 1] === 0xc2);
    const start = scanOf(whole) + 14, step = Math.ceil((whole.length - start) / 40);
    for (let length = start; length < whole.length - 2; length += step) {
      for (const count of [0, 2, 600]) {
        const cut = concatBytes([whole.subarray(0, length), new Uint8Array(count)]);
        await assertThrows(() => decodeImage(cut), Error, /truncated JPEG/);
      }
      const marked = concatBytes([whole.subarray(0, length), new Uint8Array([0xff, 0xd9])]);
      const message = await decodeImage(marked).then(() => "", messageOf);
      // A progressive file may end after any scan.
      assert(/damaged JPEG/.test(message) || isProgressive, `${length}: ${message}`);
    }
  }
});

Deno.test("decodeImage() names kinds of JPEG that no decoder reads", async () => {
  const bytes = golden("jpeg baseline before another").file,
    frame = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xc0);
  const kinds: [marker: number, bits: number, kind: RegExp][] = [
    [0xc1, 12, /it is a 12-bit JPEG, which is not supported: convert it/],
    [0xc3, 8, /it is a lossless JPEG/],
    [0xc5, 8, /it is a hierarchical JPEG/],
    [0xc9, 8, /it is an arithmetic-coded JPEG/],
    [0xca, 8, /it is an arithmetic-coded JPEG/],
    [0xcb, 8, /it is a lossless JPEG/],
  ];
  for (const [marker, bits, kind] of kinds) {
    const other = bytes.slice();
    other[frame + 1] = marker;
    other[frame + 4] = bits;
    await assertThrows(() => decodeImage(other), Error, kind);
  }
});

/** A little-endian TIFF with one tag's first value replaced. */
function withTag(file: Uint8Array, tag: number, value: number): Uint8Array {
  const copy = file.slice(), view = new DataView(copy.buffer), directory = view.getUint32(4, true);
  for (let i = 0; i < view.getUint16(directory, true); i++) {
    const at = directory + 2 + 12 * i;
    if (view.getUint16(at, true) === tag) view.setUint16(at + 8, value, true);
  }
  return copy;
}

Deno.test("decodeImage() refuses numbers of unknown range, and stretches them", async () => {
  const refused: [name: string, pattern: RegExp][] = [
    [
      "tiff i2, stretched",
      /its integer samples reach from -\d+ to \d+, and only 0 … 255 is unambiguous: .*stretch/,
    ],
    ["tiff u4, stretched", /its integer samples reach from \d+ to \d+, and only 0 … 255 is unambiguous/],
    [
      "tiff f4 white is zero, stretched",
      /its floating-point samples reach from -20 to 20, and only 0 … 1 is unambiguous/,
    ],
  ];
  for (const [name, pattern] of refused) {
    await assertThrows(() => decodeImage(golden(name).file), Error, pattern);
    await decodeImage(golden(name).file, { stretch: "percentile" });
  }
});

Deno.test("decodeImage() names what it cannot read of a TIFF", async () => {
  const cases: [name: string, tag: number, value: number, pattern: RegExp][] = [
    ["tiff rgb lzw", 259, 34887, /compression 34887 \(LERC\), which is not supported: convert it/],
    ["tiff rgb lzw", 259, 34925, /compression 34925 \(LZMA\)/],
    ["tiff rgb lzw", 259, 6, /compression 6 \(old-style JPEG\)/],
    ["tiff f4 II", 339, 6, /complex samples/],
    ["tiff f4 II", 258, 24, /floating-point samples of 24 bits/],
    ["tiff f4 II", 262, 32803, /raw data of a camera's sensor/],
    ["tiff rgb lzw predictor", 317, 3, /predictor 3 for 8-bit samples/],
  ];
  for (const [name, tag, value, pattern] of cases) {
    await assertThrows(() => decodeImage(withTag(golden(name).file, tag, value)), Error, pattern);
  }
});

Deno.test("decodeImage() refuses truncated fax, zstd, BigTIFF and floating-point TIFF files", async () => {
  const files = oddFiles.filter(({ name }) => /^tiff (fax|f\d|-8|-c zstd)/.test(name));
  assert(files.length > 30);
  for (const { name, file, stretch } of files) {
    for (let length = 9; length < file.length - 8; length += Math.ceil(file.length / 25)) {
      const options = { stretch: stretch ? "percentile" : undefined } as const;
      const message = await decodeImage(file.subarray(0, length), options).then(
        () => "it is decoded",
        messageOf,
      );
      assert(
        /^it is a (truncated|damaged)/.test(message),
        `${name}, ${length} of ${file.length}: ${message}`,
      );
    }
  }
});

Deno.test("decodeImage() notes that a 16-bit image is nearly black", async () => {
  const note = async (name: string) => (await decodeImage(golden(name).file)).note;
  assert(/16-bit samples are all below 4096/.test(await note("tiff u2 II, stretched") ?? ""));
  assert(/16-bit samples are all below 4096/.test(await note("png gray 16 bits, stretched") ?? ""));
  assertEquals(await note("png of 12 bits in 16"), undefined); // its sBIT chunk says so
  assertEquals(await note("png gray 16 bits"), undefined);
  assertEquals(await note("gif"), undefined);
  const stretched = await decodeImage(golden("tiff u2 II, stretched").file, { stretch: "percentile" });
  assertEquals(stretched.note, undefined);
});
