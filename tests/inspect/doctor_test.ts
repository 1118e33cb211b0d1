import { assert, assertEquals, assertThrows } from "../assert.ts";
import { MachineError } from "../../src/base/errors.ts";
import { type Gpu, openGpu } from "../../src/gpu/device.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";
import { kernelFiles } from "../kernel_files.ts";
import { type ChoosingProfile, deviceProfileOf } from "../../src/graph/kernel_choice.ts";
import { type Check, kernelsOf } from "../../src/inspect/doctor/check.ts";
import { conv2dChecks } from "../../src/inspect/doctor/conv2d_checks.ts";
import { halfChecks } from "../../src/inspect/doctor/half_checks.ts";
import { provokeFailures } from "../../src/inspect/doctor/failures.ts";
import { type Diagnosis, examine } from "../../src/inspect/doctor.ts";
import { formatDiagnosis } from "../../src/inspect/doctor/report.ts";
import { checksFor, prove } from "../../src/inspect/doctor/prove.ts";
import { variants } from "../../src/ops/conv2d_kernels.ts";
import { idle, withBrokenKernel } from "./broken.ts";

const ALL = { all: true };
const ANY: ChoosingProfile = { subgroupSize: 0, software: false, maxGrid: 65535, maxBinding: 2 ** 27 };

let known: Promise<Check[]> | undefined;

/** All checks for this machine's adapter. */
const checksHere = () => known ??= sharedGpu().then((gpu) => checksFor(deviceProfileOf(gpu), ALL));

/** A GPU with matrix units of all shapes that there are kernels for. */
const WITH_UNITS: ChoosingProfile = {
  ...ANY,
  matrixUnits: {
    units: [[16, 16, 16], [16, 8, 16], [16, 8, 8], [8, 16, 16], [8, 8, 16], [8, 8, 8]]
      .map(([m, n, k]) => ({ m, n, k })),
    subgroupSize: 32,
    workgroupMemory: 2 ** 15,
  },
};

Deno.test("checksFor() of a CPU and of GPUs without and with matrix units together cover every kernel", async () => {
  const checked = new Set<string>();
  for (const target of [ANY, { ...ANY, subgroupSize: 8, software: true }, WITH_UNITS]) {
    for (const check of await checksFor(target, ALL)) {
      for (const { kernel } of check.dispatches) {
        for (const file of Object.keys(kernel.files)) checked.add(file);
      }
    }
  }
  assertEquals([...checked].sort(), kernelFiles());
});

Deno.test("conv2dChecks() run each product by every variant", () => {
  const checks = conv2dChecks({ ...ANY, subgroupSize: 8, software: true }, ALL);
  for (const [variant, { kernels }] of Object.entries(variants)) {
    for (const { name } of Object.values(kernels)) {
      const variants = checks.filter((check) => kernelsOf(check).includes(name)).map(({ variant }) =>
        variant
      );
      assert(variants.includes(variant), `${name} is not run as ${variant}`);
    }
  }
  for (const name of ["tiled-128x128 split", "tiled-64x64 split"]) {
    for (const kind of ["forward", "backwardData"]) {
      const found = checks.some((check) =>
        check.variant === name && check.what.startsWith(`conv2d ${kind} `)
      );
      assert(found, `${kind} is not run as ${name}`);
    }
  }
});

Deno.test("halfChecks() has none where the adapter has no float16, and few unless all are wanted", async () => {
  assertEquals(await halfChecks({ ...ANY, halfPrecision: false }, ALL), []);
  const few = (await halfChecks(ANY, { all: false })).map(({ what }) => what);
  assert(
    few.includes("a training step in mixed precision") && !few.some((what) => /gelu|views/.test(what)),
    `${few}`,
  );
});

Deno.test("prove() names each kernel that does nothing, at its first check", onGpu, async () => {
  const gpu = await sharedGpu(), checks = await checksHere();
  for (const name of new Set(checks.flatMap(kernelsOf))) {
    const first = checks.find((check) => kernelsOf(check).includes(name))!;
    const { findings } = await prove(withBrokenKernel(gpu, { name, change: idle }), [first]);
    assertEquals(findings.map(({ what }) => what), [first.what], name);
    assert(findings[0].kernels.includes(name), `${name} is not named: ${findings[0].kernels}`);
  }
});

/** Typical bugs: the kernel, its code, and the wrong code. */
const MISTAKES = [
  ["sum_parts", "part < params.parts", "part + 1u < params.parts"],
  ["conv2d", "c4 < params.C / 4u", "c4 + 1u < params.C / 4u"],
  ["conv2d_tiled_small", "params.stride", "(params.stride + u32(params.stride == 3u))"],
  ["max_pool_backward", "p < params.P", "p + 1u < params.P"],
  ["byol_loss", "-2.0 / f32(params.N)", "-4.0 / f32(params.N)"],
  ["global_average_pool_backward", "params.W", "params.H"],
  ["lars_norms", "scales[", "no such thing["],
] as const;

for (const [name, right, wrong] of MISTAKES) {
  Deno.test(`prove() blames ${name} alone for "${wrong}"`, onGpu, async () => {
    const gpu = await sharedGpu();
    const broken = withBrokenKernel(gpu, { name, change: (code) => code.replaceAll(right, wrong) });
    // All checks that use it, and others of the kernels there.
    const all = await checksHere(),
      own = all.filter((check) => kernelsOf(check).includes(name));
    const partners = new Set(own.slice(0, 20).flatMap(kernelsOf));
    const checks = all.filter((check) => kernelsOf(check).every((kernel) => partners.has(kernel)));
    const { findings, kernels } = await prove(broken, checks);
    assert(findings.length > 0, "nothing was found");
    for (const finding of findings) assertEquals(finding.kernels, [name], finding.what);
    assert(!kernels.includes(name), "it counts as correct");
  });
}

Deno.test("prove() clears no kernel by results that only agree with each other", onGpu, async () => {
  const check = (what: string, kernels: string[], problem: string | null): Check => ({
    what,
    dispatches: kernels.map((name) => ({ kernel: { name } }) as Check["dispatches"][number]),
    run: () => Promise.resolve(problem),
  });
  const { findings, kernels } = await prove(await sharedGpu(), [
    check("a alone", ["a"], null),
    check("both", ["a", "b"], "y[0] is 1, expected 2"),
    { ...check("both twice", ["a", "b"], null), relative: true },
  ]);
  assertEquals(findings.map(({ kernels }) => kernels), [["b"]]);
  assertEquals(kernels, ["a"]);
});

Deno.test("prove() names the check that loses the GPU", onGpu, async () => {
  using gpu = await openGpu();
  const dispatches = [{ kernel: { name: "add" } } as Check["dispatches"][number]];
  const run = async ({ device }: Gpu) => {
    device.destroy();
    await device.lost;
    return null;
  };
  const expected = /^Cannot go on after "a sum" by add: The GPU was lost \(destroyed\)/;
  await assertThrows(() => prove(gpu, [{ what: "a sum", dispatches, run }]), MachineError, expected);
});

Deno.test("prove() names the pin that avoids a wrong kernel", onGpu, async () => {
  const gpu = await sharedGpu();
  const checks = conv2dChecks(deviceProfileOf(gpu), ALL).filter(({ what }) => what.includes("[517,"));
  const pinFor = async (name: string) => {
    const { findings } = await prove(withBrokenKernel(gpu, { name, change: idle }), checks);
    return [...new Set(findings.map(({ kernels, pin }) => `${kernels} ${pin}`))];
  };
  const [first, second] = gpu.subgroupSize === 8 ? ["subgroup8", "tiled"] : ["tiled", "blocked"];
  assertEquals(await pinFor("conv2d"), [`conv2d ${first}`]);
  const byDefault = gpu.subgroupSize === 8 ? "conv2d_subgroup8_wide" : "conv2d_tiled_small";
  assertEquals(await pinFor(byDefault), [`${byDefault} ${second}`]);
  assertEquals(await pinFor("sum_parts"), ["sum_parts null"]);
});

Deno.test(
  "examine() finds an adapter with a wrong kernel unhealthy, and does not measure it",
  onGpu,
  async () => {
    const name = "normalize_rows";
    const broken = withBrokenKernel(await sharedGpu(), {
      name,
      change: (code) => code.replace("sqrt(", "abs("),
    });
    const { healthy, proof, speed, failures } = await examine(broken);
    assertEquals([healthy, speed], [false, null]);
    const named = new Set(proof.findings.flatMap(({ kernels }) => kernels));
    assertEquals([...named], [name]);
    assert(failures.lost !== null && failures.tooLarge !== null);
  },
);

Deno.test("provokeFailures() gets the messages of both failures", onGpu, async () => {
  const { tooLarge, lost } = await provokeFailures(await sharedGpu());
  assert(/size/i.test(tooLarge ?? ""), `${tooLarge}`);
  assert(/^The GPU was lost \(destroyed\)/.test(lost ?? ""), `${lost}`);
});

const SOUND: Diagnosis = {
  healthy: true,
  all: false,
  adapter: {
    name: "a GPU",
    vendor: "4318",
    device: "7",
    architecture: "",
    backend: "Vulkan",
    driver: "NVIDIA",
    deno: "2.9.6",
    webgpu: "Dawn 0.4.0",
    software: false,
    subgroups: { min: 32, max: 32 },
    halfPrecision: true,
    matrixUnits: {
      units: [{ m: 16, n: 16, k: 16 }, { m: 16, n: 8, k: 8 }],
      subgroupSize: 32,
      workgroupMemory: 2 ** 15,
    },
    features: { listed: [], granted: ["subgroups"] },
    limits: { maxBufferSize: 2 ** 32, maxStorageBufferBindingSize: 2 ** 31 },
  },
  proof: { checks: 90, kernels: ["add", "conv2d"], findings: [] },
  failures: { tooLarge: "too large", lost: "lost" },
  speed: {
    rates: {
      flops: 50e12,
      copyBytes: 2e12,
      convolution: { forward: 20e12, backwardData: 15e12, backwardWeights: 10e12 },
      uploadBytes: 9e9,
      readBackBytes: 3e9,
      awaitSeconds: 0.011,
      dispatch: { hostSeconds: 1e-6, gpuSeconds: 5e-6 },
    },
    decoding: { imagesPerSecond: 200, workers: 8, photo: { width: 500, height: 375 } },
    expectations: [
      {
        backbone: "resnet18",
        size: 32,
        batch: 128,
        imagesPerSecond: 2345.6,
        bytes: 1.77e9,
        largestBatch: 4096,
        largestBytes: 23e9,
      },
    ],
    hints: ["Buy a faster disk."],
  },
  seconds: 12.3,
};

Deno.test("formatDiagnosis() has the figures of the diagnosis", () => {
  const text = formatDiagnosis(SOUND);
  for (
    const [webgpu, said] of [["wgpu", "unknown to this WebGPU: try --webgpu dawn"], ["Dawn 0.4.0", "none"]]
  ) {
    const adapter = { ...SOUND.adapter, webgpu, matrixUnits: null };
    const lines = formatDiagnosis({ ...SOUND, adapter }).split("\n");
    assertEquals(lines.filter((line) => line.includes("matrix units")), [`  matrix units ${said}`]);
  }
  const expected = [
    /^a GPU$/m,
    /backend +Vulkan$/m,
    /driver +NVIDIA/,
    /webgpu +Dawn 0\.4\.0, in Deno 2\.9\.6$/m,
    /subgroups +32 lanes$/m,
    /float16 +for --precision mixed$/m,
    /matrix units +16 × 16 × 16, 16 × 8 × 8 \(f16, sums in f32\), subgroups of 32$/m,
    /4096 MiB a buffer, 2048 MiB a binding/,
    /^90 of 90 checks passed: 2 kernels/m,
    /--all checks them too/,
    /multiply-adds in registers +50000 GFLOP\/s/,
    /weights' gradient +10000 GFLOP\/s +20 % of that/,
    /await of an idle GPU +11\.00 ms/,
    /on the GPU +5\.0 µs/,
    /resnet18, 32 px, batch 128 +2346 images\/s +1\.77 GB; batches up to about 4096, which take 23 GB/,
    /^Hint: Buy a faster disk\.$/m,
    /^This machine computes correctly \(12 s\)\.$/m,
  ];
  for (const pattern of expected) assert(pattern.test(text), `${pattern} is not in\n${text}`);
});

Deno.test("formatDiagnosis() says that an adapter has no float16", () => {
  const text = formatDiagnosis({ ...SOUND, adapter: { ...SOUND.adapter, halfPrecision: false } });
  assert(
    /float16 +none: --precision mixed does not work here$/m.test(text) && !text.includes("one in mixed"),
    text,
  );
});

Deno.test("formatDiagnosis() names wrong kernels once, with the pin that avoids them", () => {
  const finding = { what: "a product", problem: "y[3] is 1, expected 2\nmore", pin: null };
  const findings = [
    { ...finding, kernels: ["conv2d_tiled"], pin: "blocked" as const },
    { ...finding, kernels: ["conv2d_tiled"], pin: "blocked" as const },
    { ...finding, kernels: ["update"] },
  ];
  const text = formatDiagnosis({
    ...SOUND,
    healthy: false,
    proof: { ...SOUND.proof, findings },
    failures: { tooLarge: "too large", lost: null },
    speed: null,
  });
  const expected = [
    "87 of 90 checks passed",
    "  WRONG: conv2d_tiled\n    a product: y[3] is 1, expected 2\n    and 1 more failed checks\n    --kernels blocked avoids it.",
    "  WRONG: update\n    a product: y[3] is 1, expected 2\n    No option avoids it.",
    "a lost device: NOT REPORTED",
    "This machine has the problems above",
  ];
  for (const part of expected) assert(text.includes(part), `"${part}" is not in\n${text}`);
});
