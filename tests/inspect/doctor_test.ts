import { assert, assertEquals } from "../assert.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";
import { type Target, targetOf } from "../../src/graph/target.ts";
import { kernelsOf } from "../../src/inspect/doctor/check.ts";
import { conv2dChecks } from "../../src/inspect/doctor/conv2d_checks.ts";
import { provokeFailures } from "../../src/inspect/doctor/failures.ts";
import { checksFor, prove } from "../../src/inspect/doctor/prove.ts";
import { variants } from "../../src/ops/conv2d_kernels.ts";
import { idle, withBrokenKernel } from "./broken.ts";

const ANY: Target = { subgroupSize: 0, software: false, maxGrid: 65535, maxBinding: 2 ** 27 };

Deno.test("doctor: a CPU and a GPU together have every kernel checked", async () => {
  const checked = new Set<string>();
  for (const target of [ANY, { ...ANY, subgroupSize: 8, software: true }]) {
    for (const check of await checksFor(target)) {
      for (const name of kernelsOf(check)) checked.add(name);
    }
  }
  const files = [...Deno.readDirSync(new URL("../../kernels/", import.meta.url))].map(({ name }) => name);
  const names = files.filter((name) => name.endsWith(".wgsl")).map((name) => name.replace(".wgsl", ""));
  assertEquals([...checked].sort(), names.sort());
});

Deno.test("doctor: each product of a convolution is made in every way", () => {
  const checks = conv2dChecks({ ...ANY, subgroupSize: 8, software: true });
  for (const [variant, { kernels }] of Object.entries(variants)) {
    for (const { name } of Object.values(kernels)) {
      const ways = checks.filter((check) => kernelsOf(check).includes(name)).map(({ way }) => way);
      assert(ways.includes(variant), `${name} is not run as ${variant}`);
    }
  }
  for (const way of ["tiled-128x128 split", "tiled-64x64 split"]) {
    for (const kind of ["forward", "backwardData"]) {
      const found = checks.some((check) => check.way === way && check.what.startsWith(`conv2d ${kind} `));
      assert(found, `${kind} is not made by ${way}`);
    }
  }
});

Deno.test("doctor: each kernel that does nothing is named by its first check", onGpu, async () => {
  const gpu = await sharedGpu(), checks = await checksFor(targetOf(gpu));
  for (const name of new Set(checks.flatMap(kernelsOf))) {
    const first = checks.find((check) => kernelsOf(check).includes(name))!;
    const { findings } = await prove(withBrokenKernel(gpu, { name, change: idle }), [first]);
    assertEquals(findings.map(({ what }) => what), [first.what], name);
    assert(findings[0].kernels.includes(name), `${name} is not named: ${findings[0].kernels}`);
  }
});

/** Mistakes as people make them: the kernel, what it says and what it says then. */
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
  Deno.test(`doctor: ${name} with "${wrong}" is named alone`, onGpu, async () => {
    const gpu = await sharedGpu();
    const broken = withBrokenKernel(gpu, { name, change: (code) => code.replaceAll(right, wrong) });
    // All that it takes part in, and what else tells of the kernels there.
    const all = await checksFor(targetOf(gpu)), own = all.filter((check) => kernelsOf(check).includes(name));
    const partners = new Set(own.slice(0, 20).flatMap(kernelsOf));
    const checks = all.filter((check) => kernelsOf(check).every((kernel) => partners.has(kernel)));
    const { findings, kernels } = await prove(broken, checks);
    assert(findings.length > 0, "nothing was found");
    for (const finding of findings) assertEquals(finding.kernels, [name], finding.what);
    assert(!kernels.includes(name), "it is said to be right");
  });
}

Deno.test("doctor: a diagnosis names what is wrong, and the pin that avoids it", onGpu, async () => {
  const gpu = await sharedGpu();
  const checks = conv2dChecks(targetOf(gpu)).filter(({ what }) => what.includes("[517,"));
  const pinFor = async (name: string) => {
    const { findings } = await prove(withBrokenKernel(gpu, { name, change: idle }), checks);
    return [...new Set(findings.map(({ kernels, pin }) => `${kernels} ${pin}`))];
  };
  const [first, second] = gpu.subgroupSize === 8 ? ["subgroup8", "tiled"] : ["tiled", "blocked"];
  assertEquals(await pinFor("conv2d"), [`conv2d ${first}`]);
  const usual = gpu.subgroupSize === 8 ? "conv2d_subgroup8_wide" : "conv2d_tiled_small";
  assertEquals(await pinFor(usual), [`${usual} ${second}`]);
  assertEquals(await pinFor("sum_parts"), ["sum_parts null"]);
});

Deno.test("doctor: failures of the adapter are heard of", onGpu, async () => {
  const { tooLarge, lost } = await provokeFailures(await sharedGpu());
  assert(/size/i.test(tooLarge ?? ""), `${tooLarge}`);
  assert(/^The GPU was lost \(destroyed\)/.test(lost ?? ""), `${lost}`);
});
