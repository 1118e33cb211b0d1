import { MachineError } from "../../src/base/errors.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { onGpu } from "../gpu/shared.ts";
import { checkOp, newTape, placed, sumError } from "../ops/harness.ts";
import { add } from "../../src/reference/add.ts";
import { batchNorm as batchNormReference } from "../../src/reference/batch_norm.ts";
import { linear as linearReference } from "../../src/reference/linear.ts";
import type { Kernel } from "../../src/gpu/kernel.ts";
import { originOf, regionOf, sizeOf, slice } from "../../src/graph/tensor.ts";
import { batchNorm } from "../../src/ops/batch_norm.ts";
import { linear } from "../../src/ops/linear.ts";

const kernel: Kernel = { name: "copy", files: {}, bindings: { x: "read", y: "read_write" }, params: {} };
const tapeOf = (maxGrid: number) => newTape({ maxGrid });

Deno.test("DispatchList.grid() holds n workgroups, in several rows where one is too short", () => {
  const tape = tapeOf(7);
  assertEquals(tape.grid(1), [1, 1, 1]);
  assertEquals(tape.grid(7, 3), [7, 1, 3]);
  assertEquals(tape.grid(8), [4, 2, 1]);
  for (let n = 1; n <= 49; n++) {
    const [x, y] = tape.grid(n);
    if (x > 7 || y > 7 || x * y < n || x * y >= n + y) throw new Error(`${n} workgroups got [${x}, ${y}]`);
  }
});

Deno.test("DispatchList.dispatch() rejects grids that are too large, empty or not integers", async () => {
  const tape = tapeOf(7), tensors = { x: placed("x", [4]), y: placed("y", [4]) };
  for (const grid of [tape.grid(50), [1, 1, 8], [0, 1, 1], [1.5, 1, 1]] as [number, number, number][]) {
    await assertThrows(
      () => tape.dispatch(kernel, { tensors, grid }),
      MachineError,
      /^Cannot run "copy": it needs a grid of \[.*\], and each dimension has 1 … 7 workgroups on this device\.$/,
    );
  }
  tape.dispatch(kernel, { tensors, grid: tape.grid(49) });
  assertEquals(tape.dispatches.length, 1);
});

Deno.test("DispatchList.dispatch() orders tensors as the kernel does, and names a missing one", async () => {
  const tape = tapeOf(7), x = placed("x", [4]), y = placed("y", [4]);
  tape.dispatch(kernel, { tensors: { y, x }, grid: [1, 1, 1] });
  assertEquals(tape.dispatches[0].tensors.map(({ name }) => name), ["x", "y"]);
  await assertThrows(
    () => tape.dispatch(kernel, { tensors: { x }, grid: [1, 1, 1] }),
    TypeError,
    /^Cannot run "copy": its tensor y is missing$/,
  );
});

Deno.test("Tape rejects reshaping to and accumulating other sizes", async () => {
  const tape = tapeOf(7), x = placed("x", [4, 6]);
  await assertThrows(
    () => tape.reshape(x, [5, 5]),
    TypeError,
    /^Cannot reshape "x": \[4,6\] and \[5,5\] differ in size$/,
  );
  await assertThrows(
    () => tape.accumulate(x, placed("g", [4])),
    TypeError,
    /^Cannot add to the gradient of "x": \[4\] and \[4,6\] differ in size$/,
  );
});

Deno.test("DispatchList.pieces() returns the tensors themselves if they fit", () => {
  const x = placed("x", [4, 64]), y = placed("y", [4, 16]);
  const [piece, ...more] = newTape({ maxBinding: 4 * 256 }).pieces({ x, y });
  assertEquals([more.length, piece.row], [0, 0]);
  assertEquals([piece.tensors.x === x, piece.tensors.y === y], [true, true]);
});

Deno.test("DispatchList.pieces() fills aligned pieces with as many images as fit", () => {
  const cut = (maxBinding: number, ...shapes: number[][]) => {
    const tensors = Object.fromEntries(shapes.map((shape, i) => [`t${i}`, placed(`t${i}`, shape)]));
    let next = 0;
    return newTape({ maxBinding }).pieces(tensors).map(({ tensors, row }) => {
      assertEquals(row, next, "the pieces follow each other");
      Object.values(tensors).forEach((slice, i) => {
        const { offset, bytes } = regionOf(slice), [rows, ...image] = shapes[i];
        assertEquals(
          [offset, bytes],
          [row, slice.shape[0]].map((n) => n * sizeOf(image) * 4),
          `t${i} of ${rows}`,
        );
        assertEquals([offset % 256, bytes <= maxBinding, slice.shape.slice(1)], [0, true, image]);
      });
      const [count] = tensors.t0.shape;
      next += count;
      return count;
    });
  };
  assertEquals(cut(2 * 256, [5, 64]), [2, 2, 1]);
  assertEquals(cut(1024, [5, 64], [5, 2, 64]), [2, 2, 1]);
  assertEquals(cut(256 * 4, [65, 4]), [64, 1]);
  assertEquals(cut(256 * 4 - 1, [65, 4]), [48, 17]); // aligned by sixteens
  assertEquals(cut(48 * 37, [37, 12], [37, 4]), [37]);
  assertEquals(cut(48 * 36, [37, 12], [37, 4]), [32, 5]);
});

Deno.test("DispatchList.pieces() starts pieces of given items at the aligned row before", () => {
  const begins = [0, 10, 30, 37]; // rows of 64 bytes, aligned by fours
  const items = { count: 3, begin: (i: number) => begins[i] };
  const pieces = newTape({ maxBinding: 64 * 30 }).pieces({ x: placed("x", [37, 16]) }, items);
  assertEquals(pieces.map(({ first, end, row }) => [first, end, row]), [[0, 2, 0], [2, 3, 28]]);
  assertEquals(pieces.map(({ tensors }) => tensors.x.shape[0]), [30, 9]);
});

Deno.test("DispatchList.pieces() rejects rows that cannot be split enough", async () => {
  const tape = newTape({ maxBinding: 1600 });
  await assertThrows(
    () => tape.pieces({ x: placed("x", [37, 24]), y: placed("y", [37, 64]) }),
    MachineError,
    /^Cannot split "y": 8 of its 37 rows of 256 bytes must be bound together, and a binding of this device has at most 1600 bytes\.$/,
  );
});

Deno.test("slice() keeps its offset when reshaped, and has no gradient of its own", async () => {
  const tape = tapeOf(7), x = tape.tensor("x", [4, 64]), part = slice(x, { begin: 1, end: 3 });
  const other = slice(tape.reshape(part, [8, 4, 4]), { begin: 4, end: 8 });
  assertEquals([other.shape, other.offset, originOf(other) === x], [[4, 4, 4], 512, true]);
  x.region = placed("store", [5, 64]).region!;
  assertEquals({ ...regionOf(other) }, { store: x.region.store, offset: 512, bytes: 256 });
  await assertThrows(
    () => tape.accumulate(part, placed("g", [2, 64])),
    TypeError,
    /^Cannot add to the gradient of "x": \[2,64\] and/,
  );
  await assertThrows(
    () => slice(x, { begin: 3, end: 5 }),
    RangeError,
    /^Cannot slice "x" from 3 to 5: it has 4/,
  );
  await assertThrows(
    () => slice(tape.reshape(x, [16, 16]), { begin: 1, end: 3 }),
    RangeError,
    /^Cannot slice "x": offset 64 is not aligned$/,
  );
});

Deno.test("Tape.noGrad() records no gradients", () => {
  const tape = tapeOf(7), x = placed("x", [2, 4]), w = placed("w", [1, 1, 4, 4], placed("dw", [1, 1, 4, 4]));
  const y = tape.noGrad(() => linear(tape, { x, w, name: "target" }));
  tape.accumulate(y, placed("dy", [2, 4]));
  tape.backward();
  assertEquals(tape.dispatches.length, 1);
  const z = linear(tape, { x, w, name: "after" });
  tape.accumulate(z, placed("dz", [2, 4]));
  tape.backward();
  assertEquals(tape.dispatches.length, 2, "recording does not go on after the backward pass");
});

Deno.test("Tape.backward() adds the gradients of a tensor that is used twice", onGpu, async () => {
  const rows = 33, C = 8;
  await checkOp("used twice", {
    shapes: { x: [rows, C], w: [1, 1, C, C], gamma: [C], beta: [C], runningMean: [C], runningVar: [C] },
    trained: ["w", "gamma", "beta"],
    op(tape, { x, w, gamma, beta, runningMean, runningVar }) {
      const h = linear(tape, { x, w, name: "linear" });
      const norm = { x: h, gamma, beta, runningMean, runningVar, relu: false, residual: x, name: "norm" };
      return linear(tape, { x: batchNorm(tape, norm), w, name: "again" });
    },
    reference({ x, w, gamma, beta, runningMean, runningVar }) {
      const sizes = { N: rows, inputs: C, outputs: C };
      const h = linearReference({ x, w }, sizes);
      const norm = { x: h, gamma, beta, running_mean: runningMean, running_var: runningVar };
      const y = add(batchNormReference(norm, { groups: 1, rows, C }).y, x);
      return linearReference({ x: y, w }, sizes);
    },
    tolerance: { y: 4 * sumError(C), dx: 8 * sumError(C) },
  });
});
