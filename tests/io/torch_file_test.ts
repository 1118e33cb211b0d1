/** Files that torch.save wrote (golden/torch_files.py), and pickles that are refused. */
import { UserError } from "../../src/base/errors.ts";
import { isTorchFile, readTorchFile } from "../../src/io/torch_file.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { zip } from "../data/zip.ts";

const folder = new URL("../golden/torch/", import.meta.url);
const bytesOf = (name: string) => Deno.readFile(new URL(`${name}.pth`, folder));

async function read(name: string) {
  const bytes = await bytesOf(name);
  assert(isTorchFile(bytes));
  const tensors = await readTorchFile(`${name}.pth`, bytes);
  return Object.fromEntries(
    Array.from(tensors, ([name, { shape, data }]) => [name, { shape, data: [...data] }]),
  );
}

/** The golden script's values: (k − 5) / 4. */
const values = (count: number, first = 0) => Array.from({ length: count }, (_, k) => (k + first - 5) / 4);
const state = {
  "conv1.weight": { shape: [4, 3, 2, 2], data: values(48) },
  "bn1.running_mean": { shape: [4], data: values(4) },
  "fc.bias": { shape: [], data: values(1) },
};

for (
  const name of ["zip", "half", "bfloat16", "double", "parameters", "checkpoint", "legacy", "protocol4"]
) {
  Deno.test(`readTorchFile() reads a state dictionary: ${name}`, async () => {
    assertEquals(await read(name), state);
  });
}

for (const name of ["views", "legacy_views"]) {
  Deno.test(`readTorchFile() follows strides and offsets: ${name}`, async () => {
    const { transposed, channels_last, offset, shared, expanded, empty } = await read(name);
    assertEquals(transposed, {
      shape: [5, 3],
      data: [0, 5, 10, 1, 6, 11, 2, 7, 12, 3, 8, 13, 4, 9, 14].map((k) => (k - 5) / 4),
    });
    assertEquals(channels_last, { shape: [2, 3, 4, 5], data: values(120) });
    assertEquals(offset, { shape: [3, 4], data: values(12, 8) });
    assertEquals(shared, { shape: [10], data: values(10, 30) });
    assertEquals(expanded, {
      shape: [3, 4],
      data: [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2].map((k) => (k - 5) / 4),
    });
    assertEquals(empty, { shape: [0, 3], data: [] });
  });
}

Deno.test("readTorchFile() joins the names of nested dictionaries", async () => {
  assertEquals(await read("nested"), { "encoder.conv1.weight": state["conv1.weight"] });
});

Deno.test("readTorchFile() advises to fetch a file again that is cut off", async () => {
  for (const name of ["zip", "legacy"]) {
    const bytes = await bytesOf(name);
    await assertThrows(
      () => readTorchFile(name, bytes.subarray(0, bytes.length - 100)),
      UserError,
      /Fetch or copy the file again\.$/,
    );
  }
});

const refused: [name: string, message: RegExp][] = [
  ["system", /its pickle asks for "posix\.system"/],
  ["eval", /its pickle asks for "__builtin__\.eval"/],
  ["exec", /its pickle asks for "__builtin__\.exec"/],
  ["open", /its pickle asks for "io\.open"/],
  ["getattr", /its pickle asks for "__builtin__\.getattr"/],
  ["module", /its pickle asks for "torch\.nn\.modules\.linear\.Linear"/],
  ["complex", /its pickle asks for "__builtin__\.complex"/],
  ["set", /its pickle asks for "__builtin__\.set"/],
  ["bytes", /its pickle asks for "__builtin__\.bytearray"/],
  ["inst", /the instruction 0x53 at byte 1/],
  ["extension", /the instruction 0x82 at byte 2/],
  ["beyond", /a tensor reaches beyond its storage/],
  ["called", /its pickle calls the type of a storage/],
];
for (const [name, message] of refused) {
  Deno.test(`readTorchFile() refuses a pickle with more than tensors: ${name}`, async () => {
    const bytes = await bytesOf(`refused_${name}`);
    await assertThrows(() => readTorchFile("x.pth", bytes), UserError, message);
  });
}

Deno.test("readTorchFile() names the defect of every truncation, and of random bytes", async () => {
  for (const name of ["zip", "legacy"]) {
    const bytes = await bytesOf(name);
    for (let n = 0; n < 60; n++) {
      const cut = bytes.slice(0, Math.floor(n * bytes.length / 60));
      await assertThrows(
        () => readTorchFile("x.pth", cut),
        UserError,
        /^Cannot read the weights in "x\.pth": ./,
      );
    }
  }
});

/** The parts of pickles, as bytes. */
const ascii = (text: string) => [...new TextEncoder().encode(text)];
const put = (key: number) => [0x71, key], get = (key: number) => [0x68, key];
const unicode = (text: string) => [0x58, text.length, 0, 0, 0, ...ascii(text)];
const TENSOR = ascii("ctorch._utils\n_rebuild_tensor_v2\n");
/** A tensor of the storage "0", with its last axis `rows` times the same number. */
const tensor = (rows: number[] = [0x4b, 1]) => [
  ...[...TENSOR, 0x28, 0x28, ...unicode("storage"), ...ascii("ctorch\nFloatStorage\n"), ...unicode("0")],
  ...[...unicode("cpu"), 0x4b, 1, 0x74, 0x51, 0x4b, 0, ...rows, 0x85, 0x4b, 0, 0x85, 0x74, 0x52],
];

/** A file as torch.save wrote before PyTorch 1.6, whose object is `program`: the storage "0" has one number. */
function legacyFile(program: number[]): Uint8Array {
  const pickle = (...code: number[]) => [0x80, 2, ...code, 0x2e];
  const magic = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
  return Uint8Array.from([
    ...[...pickle(0x8a, 10, ...magic), ...pickle(0x4d, 0xe9, 3), ...pickle(0x7d), ...pickle(...program)],
    ...[...pickle(0x5d, ...unicode("0"), 0x61), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x3f],
  ]);
}

Deno.test("readTorchFile() reads a file whose pickle was made by hand", async () => {
  const found = await readTorchFile("x.pth", legacyFile([0x7d, ...unicode("a"), ...tensor(), 0x73]));
  assertEquals([...found], [["a", { shape: [1], data: Float32Array.of(1) }]]);
});

/** Small files that would take memory or time without end. */
const endless: [what: string, program: number[], message: RegExp][] = [
  [
    "a tensor that repeats a number a billion times",
    [0x7d, ...unicode("a"), ...tensor([0x4a, 0, 0xca, 0x9a, 0x3b]), 0x73],
    /its tensors have more numbers than the file has bytes/,
  ],
  [
    "a dictionary within itself",
    [0x7d, ...put(0), 0x28, ...unicode("a"), ...tensor(), ...unicode("b"), ...get(0), 0x75],
    /the same dictionary in several places/,
  ],
  [
    "dictionaries that have another one twice",
    [0x7d, ...put(0), ...unicode("a"), ...tensor(), 0x73].concat(
      ...Array.from({ length: 60 }, (_, i) => [
        ...[0x30, 0x7d, ...put(i + 1), 0x28],
        ...[...unicode("a"), ...get(i), ...unicode("b"), ...get(i), 0x75],
      ]),
    ),
    /the same dictionary in several places/,
  ],
  [
    "a name of lists that have another one twice",
    [0x7d, 0x5d, ...put(0)].concat(
      ...Array.from({ length: 60 }, (_, i) => [0x30, 0x28, ...get(i), ...get(i), 0x74, ...put(i + 1)]),
      tensor(),
      [0x73],
    ),
    /a tensor whose name is no text/,
  ],
  [
    "a function whose name is such a list",
    [0x7d, ...unicode("a"), 0x5d, ...put(0)].concat(
      ...Array.from({ length: 60 }, (_, i) => [0x30, 0x28, ...get(i), ...get(i), 0x74, ...put(i + 1)]),
      [...unicode("b"), 0x93],
    ),
    /whose name is no text/,
  ],
];
for (const [what, program, message] of endless) {
  Deno.test(`readTorchFile() refuses ${what}`, async () => {
    await assertThrows(() => readTorchFile("x.pth", legacyFile(program)), UserError, message);
  });
}

Deno.test("readTorchFile() refuses an archive that unpacks to much more, and reads one that is compressed", async () => {
  const pickle = Uint8Array.from([0x80, 2, 0x7d, ...unicode("a"), ...tensor(), 0x73, 0x2e]);
  const file = (floats: number) =>
    zip({
      "x/data.pkl": pickle,
      "x/data/0": new Uint8Array(Float32Array.from({ length: floats }, () => 1).buffer),
    });
  assertEquals([...(await readTorchFile("x.pth", await file(1))).keys()], ["a"]);
  const bomb = await file(1e6);
  await assertThrows(
    () => readTorchFile("x.pth", bomb),
    UserError,
    /an archive of \d+ bytes that unpacks to 4000\d\d\d/,
  );
});
