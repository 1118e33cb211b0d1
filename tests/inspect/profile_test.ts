import { traceTraining, type TrainerOptions } from "../../src/byol/trace_training.ts";
import { Trainer } from "../../src/byol/trainer.ts";
import { MachineError } from "../../src/base/errors.ts";
import { planMemory } from "../../src/graph/plan.ts";
import { deviceProfileOf } from "../../src/graph/kernel_choice.ts";
import { backboneByName } from "../../src/nn/backbones.ts";
import { formatProfile, profileTable } from "../../src/inspect/format_profile.ts";
import { expectTimestamps, profileStep } from "../../src/inspect/profile.ts";
import { rateOf } from "../../src/inspect/peaks.ts";
import { byKernel, median, medians } from "../../src/inspect/timing.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";

const timing = (name: string, seconds: number, flops = 0, bytes = 8) => ({ name, seconds, flops, bytes });

Deno.test("byKernel() sums calls of one name, the longest first", () => {
  assertEquals(byKernel([timing("a", 1, 5), timing("b", 4), timing("a", 2, 7)]), [
    { name: "b", calls: 1, seconds: 4, flops: 0, bytes: 8 },
    { name: "a", calls: 2, seconds: 3, flops: 12, bytes: 16 },
  ]);
});

Deno.test("medians() takes each command's median over several runs", () => {
  const runs = [[1, 8], [9, 7], [2, 6]].map(([a, b]) => [timing("a", a), timing("b", b)]);
  assertEquals(medians(runs).map(({ seconds }) => seconds), [2, 7]);
  assertEquals(median([3, 20, 100]), 20);
});

Deno.test("profileTable() has fractions of the sum, and of the peak that applies", () => {
  const kernels = byKernel([
    timing("product", 0.2, 3e9, 1e6),
    timing("product", 0.1, 3e9, 1e6),
    timing("add", 0.1, 0, 5e8),
  ]);
  const lines = profileTable({ kernels, wall: 0.5, peaks: { flops: 80e9, bytes: 10e9 } });
  assertEquals(lines.map((line) => line.trim().split(/ {2,}/)), [
    ["kernel", "calls", "ms", "share", "rate", "of the peak"],
    ["product", "2", "300.000", "75.0 %", "20.0 GFLOP/s", "25.0 %"],
    ["add", "1", "100.000", "25.0 %", "5.0 GB/s", "50.0 %"],
    ["sum", "3", "400.000", "100.0 %"],
    ["wall time of a step", "500.000"],
    ["wall ÷ sum", "1.250"],
  ]);
});

Deno.test("profileTable() shows no rate of a kernel that is too short for the clock", () => {
  const kernels = byKernel([timing("long", 0.002, 4e6), timing("short", 0)]);
  const lines = profileTable({ kernels, wall: 0.004, peaks: { flops: 8e9, bytes: 1e9 } });
  assertEquals(lines.slice(1, 3).map((line) => line.trim().split(/ {2,}/)), [
    ["long", "1", "2.000", "100.0 %", "2.0 GFLOP/s", "25.0 %"],
    ["short", "1", "0.000", "0.0 %", "–", "–"],
  ]);
});

Deno.test("expectTimestamps() refuses an adapter without a clock", async () => {
  expectTimestamps({ timestamps: true, name: "some GPU" });
  await assertThrows(
    () => expectTimestamps({ timestamps: false, name: "some GPU" }),
    MachineError,
    /Cannot profile on "some GPU": its driver has no timestamps .*timestamp-query/,
  );
});

Deno.test("profileStep() times every kernel of a step; the table adds up", onGpu, async () => {
  const gpu = await sharedGpu();
  if (!gpu.timestamps) return;
  const options: TrainerOptions = {
    architecture: { backbone: backboneByName("resnet8"), stem: "cifar", hidden: 32, projection: 16 },
    batch: 4,
    size: 16,
    optimizer: "lars",
  };
  const { step } = traceTraining(options, deviceProfileOf(gpu));
  const expected = new Set(step.dispatches.map(({ kernel }) => kernel.name));
  if (planMemory(step.dispatches).bytes.has("texture copies")) expected.add("copy to texture");

  const profile = await profileStep(gpu, options);
  for (const kernel of profile.kernels) {
    const { fraction } = rateOf(kernel, profile.peaks);
    assert(
      kernel.seconds > 0 && fraction > 0,
      `${kernel.name}: ${kernel.seconds} s, ${fraction} of the peak`,
    );
  }
  const report = formatProfile(profile);
  assert(report.includes(gpu.name), "the adapter is missing");
  const rows = report.split("\n").filter((line) => line.startsWith("  ")).map((line) =>
    line.trim().split(/ {2,}/)
  );
  const kernels = rows.slice(1, rows.findIndex(([name]) => name === "sum"));
  assertEquals(kernels.map(([name]) => name).sort(), [...expected].sort());
  const sum = rows.find(([name]) => name === "sum")!;
  const add = (column: number) => kernels.reduce((sum, row) => sum + parseFloat(row[column]), 0);
  assertEquals(add(1), Number(sum[1]));
  assert(Number(sum[1]) >= step.dispatches.length, `${sum[1]} calls, ${step.dispatches.length} dispatches`);
  const rounding = kernels.length * 0.05 + 1e-6;
  assert(Math.abs(add(2) - Number(sum[2])) < kernels.length * 0.0005 + 1e-6, `${add(2)} of ${sum[2]} ms`);
  assert(Math.abs(add(3) - 100) <= rounding, `the shares add up to ${add(3)} %`);
  for (const [name, , , , rate] of kernels) {
    assertEquals(/conv2d/.test(name), / GFLOP\/s$/.test(rate), `${name} is counted in ${rate}`);
  }
  const [ratio] = rows.filter(([name]) => name === "wall ÷ sum").map(([, value]) => Number(value));
  assert(ratio > 0, `wall ÷ sum is ${ratio}`);
  const peaks = [...report.matchAll(/([\d.]+) (GFLOP\/s of|GB\/s from) /g)].map(([, value]) => Number(value));
  assert(peaks.length === 2 && peaks.every((peak) => peak > 0), `peaks ${peaks}`);
});

Deno.test("profileStep() times all batches of a step, and the update once", onGpu, async () => {
  const gpu = await sharedGpu();
  if (!gpu.timestamps) return;
  const options: TrainerOptions = {
    architecture: { backbone: backboneByName("resnet8"), stem: "cifar", hidden: 16, projection: 8 },
    batch: 2,
    size: 8,
    optimizer: "sgd",
    accumulate: 3,
  };
  const { step: { dispatches, tail } } = traceTraining(options, deviceProfileOf(gpu));
  const expected = new Map<string, number>();
  dispatches.forEach(({ kernel: { name } }, i) => {
    const times = i < dispatches.length - tail.update ? 3 : 1;
    expected.set(name, (expected.get(name) ?? 0) + times);
  });
  const parts: number[] = [];
  const profile = await (async () => {
    const { step } = Trainer.prototype;
    Trainer.prototype.step = function (views, submission) {
      parts.push(submission.part ?? 0);
      return step.call(this, views, submission);
    };
    try {
      return await profileStep(gpu, options);
    } finally {
      Trainer.prototype.step = step;
    }
  })();
  const found = profile.kernels.filter(({ name }) => name !== "copy to texture");
  const sorted = (calls: Iterable<[string, number]>) => [...calls].sort(([a], [b]) => a < b ? -1 : 1);
  assertEquals(sorted(found.map(({ name, calls }) => [name, calls])), sorted(expected));
  assertEquals([expected.get("update"), expected.get("accumulate")], [1, 3]);
  // The wall time is that of whole steps, too.
  assert(parts.length > 0 && parts.every((part, i) => part === i % 3), `parts ${parts.slice(0, 9)}`);
  assertEquals(parts.length % 3, 0);
  const report = formatProfile(profile);
  assert(report.startsWith("Profile of a step of 3 batches of 2 images of 8 × 8 pixels"), report);
});
