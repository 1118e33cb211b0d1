import { assert, assertEquals, assertThrows } from "../assert.ts";
import { onGpu, sharedGpu } from "./shared.ts";
import { MachineError } from "../../src/base/errors.ts";
import { openGpu } from "../../src/gpu/device.ts";
import { type Kernel, moduleOf, packParams, pipelineOf } from "../../src/gpu/kernel.ts";
import { Memory, roundUp, type Store } from "../../src/gpu/memory.ts";

const storeOf = (bytes: number): Store => ({ name: "store", category: "input", bytes });

Deno.test(
  "openGpu() has at least WebGPU's guaranteed limits, and a subgroup size if there is only one",
  onGpu,
  async () => {
    const { limits, subgroupSize, name } = await sharedGpu();
    assert(limits.maxBinding >= 2 ** 27 && limits.maxBuffer >= 2 ** 28 && limits.maxGrid >= 65535);
    assert([0, 4, 8, 16, 32, 64, 128].includes(subgroupSize) && name.length > 0);
  },
);

Deno.test("Gpu.check() throws the first uncaptured error", onGpu, async () => {
  using gpu = await openGpu();
  gpu.check();
  using memory = new Memory(gpu);
  const encoder = gpu.device.createCommandEncoder();
  encoder.copyBufferToBuffer(memory.buffer(storeOf(16)), 0, memory.buffer(storeOf(16)), 0, 2 ** 20);
  encoder.finish();
  await gpu.device.queue.onSubmittedWorkDone();
  const refused = /^The GPU refused a command(?: \(Dawn\))?: .*[Cc]opy/s;
  await assertThrows(() => gpu.check(), MachineError, refused);
  gpu.fail(new MachineError("a later one"));
  await assertThrows(() => gpu.check(), MachineError, refused);
});

Deno.test("Memory.read() throws if a kernel does not compile", onGpu, async () => {
  using gpu = await openGpu();
  using memory = new Memory(gpu);
  const kernel: Kernel = {
    name: "broken",
    files: { "broken.wgsl": "fn main() { let x = 1 }" },
    bindings: {},
    params: {},
  };
  pipelineOf(gpu, { kernel, constants: {} });
  await assertThrows(
    () => memory.read({ store: storeOf(16), offset: 0, bytes: 16 }),
    MachineError,
    /^The GPU refused a command(?: \(Dawn\))?: .*broken/s,
  );
});

Deno.test("Gpu.check() does not throw after the device was closed", onGpu, async () => {
  const gpu = await openGpu();
  gpu[Symbol.dispose]();
  await gpu.device.lost;
  gpu.check();
});

Deno.test("pipelineOf() creates one pipeline per kernel and constants", onGpu, async () => {
  const gpu = await sharedGpu();
  const code = "override A: u32 = 0; @compute @workgroup_size(1) fn main() { _ = A; }";
  const kernel: Kernel = { name: "constants", files: { code }, bindings: {}, params: {} };
  const [one, same, other] = [1, 1, 2].map((A) => pipelineOf(gpu, { kernel, constants: { A } }));
  assert(one === same && one !== other);
});

Deno.test(
  "moduleOf() compiles kernels with subgroups where the device has them",
  onGpu,
  async () => {
    const gpu = await sharedGpu();
    if (gpu.subgroupSize === 0) return;
    const code =
      "@compute @workgroup_size(8) fn main(@builtin(subgroup_size) n: u32) { _ = subgroupAdd(n); }";
    const { messages } = await moduleOf(gpu, { name: "sum", files: { code }, bindings: {}, params: {} })
      .getCompilationInfo();
    assertEquals(messages.map(({ message }) => message), []);
  },
);

Deno.test("packParams() packs scalars in order, pads to 16 bytes, and rejects missing and invalid ones", async () => {
  const kernel: Kernel = {
    name: "k",
    files: {},
    bindings: {},
    params: { n: "u32", eps: "f32", a: "u32", b: "u32", c: "u32" },
  };
  const bytes = packParams(kernel, { c: 9, n: 2 ** 32 - 1, eps: 0.5, a: 1, b: 2 });
  assertEquals([...new Uint32Array(bytes.buffer)], [2 ** 32 - 1, 0x3f000000, 1, 2, 9, 0, 0, 0]);
  await assertThrows(
    () => packParams(kernel, { n: 1 }),
    TypeError,
    /^Cannot run "k": its parameter eps is missing$/,
  );
  for (const n of [-1, 0.5, 2 ** 32, NaN]) {
    await assertThrows(
      () => packParams(kernel, { n, eps: 0, a: 0, b: 0, c: 0 }),
      RangeError,
      /^Cannot run "k": n must be a 32-bit index, but it is /,
    );
  }
});

Deno.test("Memory reads and writes regions at their offsets, and stores start as zeros", onGpu, async () => {
  using memory = new Memory(await sharedGpu());
  const store = storeOf(1024);
  assertEquals([...await memory.read({ store, offset: 0, bytes: 1024 })], Array(256).fill(0));
  memory.write(store, Float32Array.from({ length: 256 }, (_, i) => i));
  assertEquals([...await memory.read({ store, offset: 256, bytes: 12 })], [64, 65, 66]);
  assertEquals([...await memory.read({ store, offset: 1020, bytes: 4 })], [255]);
  memory.write(store, Float32Array.of(-1, -2), 512);
  assertEquals([...await memory.read({ store, offset: 508, bytes: 16 })], [127, -1, -2, 130]);
});

Deno.test("Memory writes and reads an empty store", onGpu, async () => {
  using memory = new Memory(await sharedGpu());
  const store = storeOf(0);
  memory.write(store, new Float32Array(0));
  assertEquals(await memory.read({ store, offset: 0, bytes: 0 }), new Float32Array(0));
});

Deno.test("Memory.read() reads uniform stores", onGpu, async () => {
  using memory = new Memory(await sharedGpu());
  const store: Store = { ...storeOf(32), uniform: true };
  memory.write(store, Float32Array.of(1, 2, 3));
  assertEquals([...await memory.read({ store, offset: 0, bytes: 16 })], [1, 2, 3, 0]);
});

Deno.test("Memory.free() lets a store start as zeros again", onGpu, async () => {
  using memory = new Memory(await sharedGpu());
  const [freed, kept] = [storeOf(16), storeOf(16)];
  const before = memory.buffer(freed);
  assert(memory.buffer(freed) === before);
  memory.write(freed, Float32Array.of(1));
  memory.write(kept, Float32Array.of(2));
  memory.free([freed]);
  assertEquals([...await memory.read({ store: freed, offset: 0, bytes: 4 })], [0]);
  assertEquals([...await memory.read({ store: kept, offset: 0, bytes: 4 })], [2]);
});

Deno.test("Memory.buffer() rejects a store larger than the largest buffer", onGpu, async () => {
  const gpu = await sharedGpu();
  using memory = new Memory({ ...gpu, limits: { ...gpu.limits, maxBuffer: 2 ** 15 } });
  memory.buffer(storeOf(2 ** 15));
  await assertThrows(
    () => memory.buffer(storeOf(2 ** 15 + 4)),
    MachineError,
    /^Cannot allocate "store": it takes 49152 bytes, and a buffer of this GPU has at most 32768\.$/,
  );
});

Deno.test("Memory.texture() rejects a store with too many rows", onGpu, async () => {
  const gpu = await sharedGpu();
  using memory = new Memory(gpu);
  const rows = gpu.device.limits.maxTextureDimension2D + 1;
  await assertThrows(
    () => memory.texture(storeOf(rows * 16384)),
    MachineError,
    /^Cannot copy to "store": it takes \d+ rows, and a texture of this GPU has at most \d+\.$/,
  );
});

Deno.test("roundUp() rounds up to the next multiple", () => {
  assertEquals([0, 1, 16, 17].map((n) => roundUp(n, 16)), [0, 16, 16, 32]);
});
