import { join } from "node:path";
import { concatBytes } from "../../src/base/bytes.ts";
import { UserError } from "../../src/base/errors.ts";
import {
  encodeSafetensors,
  readSafetensors,
  type TensorEntry,
  writeSafetensors,
} from "../../src/io/safetensors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { temporaryFolder } from "./temporary_folder.ts";

/** The bytes of a file: header length, header, data. */
function file(header: string, data: Uint8Array = new Uint8Array()): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

async function read(bytes: Uint8Array) {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "x.safetensors");
  await Deno.writeFile(path, bytes);
  return await readSafetensors(path);
}

const f32 = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
const plain = (tensors: Map<string, TensorEntry>) =>
  [...tensors].map(([name, { shape, data }]) => [name, shape, [...data]]);
/** As `plain`, but −0 differs from 0 and NaN from Infinity. */
const bits = (tensors: Map<string, TensorEntry>) =>
  [...tensors].map(([name, { shape, data }]) => [name, shape, [...new Uint32Array(data.slice().buffer)]]);

Deno.test("encodeSafetensors() writes exactly this layout", () => {
  const chunks = encodeSafetensors({
    tensors: [["b", { shape: [2], data: Float32Array.of(1, -2) }], ["1", {
      shape: [],
      data: Float32Array.of(0.5),
    }]],
    metadata: { note: "hi" },
  });
  const bytes = new Uint8Array(chunks.flatMap((chunk) => [...chunk]));
  // Spaces pad the header to a multiple of eight. 1 is 3f800000, -2 c0000000, .5 3f000000, low byte first.
  const header = '{"__metadata__":{"note":"hi"},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},' +
    '"1":{"dtype":"F32","shape":[],"data_offsets":[8,12]}}';
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
  const data = [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0, 0, 0, 0x3f];
  const length = [padded.length, 0, 0, 0, 0, 0, 0, 0];
  assertEquals([...bytes], [...length, ...new TextEncoder().encode(padded), ...data]);
});

Deno.test("readSafetensors() returns what writeSafetensors() wrote", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "x.safetensors");
  const backing = Float32Array.from({ length: 10 }, (_, i) => i / 3);
  const tensors = new Map<string, TensorEntry>([
    ["layer1.0.conv1.weight", { shape: [2, 3], data: backing.subarray(2, 8) }],
    ["2", { shape: [0, 4], data: new Float32Array() }],
    ["größe", { shape: [], data: Float32Array.of(-0) }],
    ["1", { shape: [1, 1, 3], data: Float32Array.of(NaN, Infinity, 2 ** -149) }],
  ]);
  await writeSafetensors(path, { tensors, metadata: { config: '{"batch":64}' } });
  const found = await readSafetensors(path);
  assertEquals(bits(found.tensors), bits(tensors));
  assertEquals(found.metadata, { config: '{"batch":64}' });
});

Deno.test("readSafetensors() reads unaligned files with fields in any order and no metadata", async () => {
  const header = '{ "y":{"data_offsets":[4,12],"shape":[2],"dtype":"F32"},"x":{"dtype":"F32","shape":[1],' +
    '"data_offsets":[0,4]} }';
  assert(header.length % 4 !== 0, "the data must be unaligned for this test");
  const { tensors, metadata } = await read(file(header, f32(1, 2, 3)));
  assertEquals(plain(tensors), [["x", [1], [1]], ["y", [2], [2, 3]]]);
  assertEquals(metadata, {});
});

Deno.test("readSafetensors() reads numbers of 16 and 64 bits to the bit", async () => {
  // 1, −2, the largest, the least subnormal, −0, infinity, NaN; by the definitions of the types, low byte first.
  const halves = [0x3c00, 0xc000, 0x7bff, 0x0001, 0x8000, 0x7c00, 0x7e00];
  const brains = [0x3f80, 0xc000, 0x7f7f, 0x0001, 0x8000, 0x7f80, 0x7fc0];
  const doubles = [1, -2, 2 ** 127 * 1.5, 2 ** -149, -0, Infinity, NaN];
  const header = JSON.stringify({
    "bn1.num_batches_tracked": { dtype: "I64", shape: [], data_offsets: [0, 8] },
    h: { dtype: "F16", shape: [7], data_offsets: [8, 22] },
    b: { dtype: "BF16", shape: [7], data_offsets: [22, 36] },
    d: { dtype: "F64", shape: [1, 7], data_offsets: [36, 92] },
    f: { dtype: "F32", shape: [1], data_offsets: [92, 96] },
  });
  const data = concatBytes([
    new Uint8Array(8),
    ...[Uint16Array.from(halves), Uint16Array.from(brains), Float64Array.from(doubles)].map(({ buffer }) =>
      new Uint8Array(buffer)
    ),
    f32(0.1),
  ]);
  for (const padding of ["", " ", "  ", "   "]) { // at any alignment
    const { tensors } = await read(file(header + padding, data));
    assertEquals(plain(tensors), [
      ["h", [7], [1, -2, 65504, 2 ** -24, -0, Infinity, NaN]],
      ["b", [7], [1, -2, (2 - 2 ** -7) * 2 ** 127, 2 ** -133, -0, Infinity, NaN]],
      ["d", [1, 7], [1, -2, 2 ** 127 * 1.5, 2 ** -149, -0, Infinity, NaN]],
      ["f", [1], [Math.fround(0.1)]],
    ]);
  }
});

const x = '"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}';
const absurd = file(`{${x}}`, f32(1, 2));
absurd[6] = 0xff;

const damaged: [what: string, bytes: Uint8Array, message: RegExp][] = [
  ["an empty file", new Uint8Array(), /must start with 8 bytes of header length, and has 0/],
  ["a truncated length", file(`{${x}}`).slice(0, 7), /has 7 bytes/],
  ["an absurd length", absurd, /header must lie within it/],
  ["a truncated header", file(`{${x}}`).slice(0, 40), /header must lie within it/],
  ["a header that is no JSON", file(`{${x}`, f32(1, 2)), /must be JSON/],
  ["a header that is no UTF-8", file(`{${x}}`, f32(1, 2)).fill(0xff, 10, 11), /must be JSON/],
  ["a header that is a list", file("[]"), /must be a JSON object/],
  ["truncated data", file(`{${x}}`, f32(1, 2)).slice(0, -1), /must have \d+ bytes for its tensors, and has/],
  ["trailing bytes", file(`{${x}}`, f32(1, 2, 3)), /must have \d+ bytes for its tensors, and has/],
  [
    "integers",
    file('{"x":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}', f32(1)),
    /of the types F32, F16, BF16, F64: x is I32\. Convert it to float32/,
  ],
  [
    "half as many bytes as a type takes",
    file('{"x":{"dtype":"BF16","shape":[4],"data_offsets":[0,4]}}', f32(1)),
    /must have 8 bytes, not 0 to 4/,
  ],
  [
    "a shape of another size",
    file('{"x":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}', f32(1, 2)),
    /must have 12 bytes, not 0 to 8/,
  ],
  [
    "a negative size",
    file('{"x":{"dtype":"F32","shape":[-1,-2],"data_offsets":[0,8]}}', f32(1, 2)),
    /whole numbers/,
  ],
  ["missing data_offsets", file('{"x":{"dtype":"F32","shape":[2]}}', f32(1, 2)), /whole numbers/],
  [
    "reversed offsets",
    file('{"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}', f32(1, 2)),
    /8 bytes, not 8 to 0/,
  ],
  [
    "overlapping tensors",
    file(`{${x},"y":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`, f32(1, 2, 3)),
    /"y" must begin at byte 8/,
  ],
  [
    "a gap",
    file(`{${x},"y":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}`, f32(1, 2, 3, 4)),
    /begin at byte 8/,
  ],
  ["metadata of another type", file(`{"__metadata__":{"step":3},${x}}`, f32(1, 2)), /names to strings/],
];

for (const [what, bytes, message] of damaged) {
  Deno.test(`readSafetensors() refuses ${what}`, () => assertThrows(() => read(bytes), UserError, message));
}

Deno.test("readSafetensors() names a missing file", async () => {
  await assertThrows(
    () => readSafetensors("no/such.safetensors"),
    UserError,
    /^Cannot read "no\/such\.safetensors": there is no such file\. Check the path\.$/,
  );
  await assertThrows(() => readSafetensors("tests/io"), UserError, /: it is a folder\. Check the path\.$/);
});

Deno.test("encodeSafetensors() refuses a wrong size, a repeated name and the reserved one", async () => {
  const one = { shape: [1], data: new Float32Array(1) };
  const encode = (...tensors: [string, TensorEntry][]) => () => encodeSafetensors({ tensors });
  await assertThrows(
    encode(["a", { ...one, shape: [2] }]),
    TypeError,
    /shape \[2\] does not hold its 1 values/,
  );
  await assertThrows(encode(["a", one], ["a", one]), TypeError, /unique/);
  await assertThrows(encode(["__metadata__", one]), TypeError, /reserved/);
});
