/** Files that torch.save wrote (golden/torch_files.py), and pickles that are refused. */
import { UserError } from "../../src/base/errors.ts";
import { isTorchFile, readTorchFile } from "../../src/io/torch_file.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

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
