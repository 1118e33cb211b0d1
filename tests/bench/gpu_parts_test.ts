import { join } from "node:path";
import { runLimited, TIMED_OUT } from "../../bench/gpu/child.ts";
import { driverEnvironments, findDriverFiles, writeManifest } from "../../bench/gpu/driver.ts";
import { joinEncoder, packEncoder } from "../../bench/gpu/half.ts";
import { parseGpuBenchOptions } from "../../bench/gpu/options.ts";
import { rowsTable } from "../../bench/gpu/rows.ts";
import { countTests } from "../../bench/gpu/stages/tests.ts";
import { torchRows } from "../../bench/gpu/stages/torch.ts";
import { parseSample, summarizeSamples } from "../../bench/gpu/watch.ts";
import { UserError } from "../../src/base/errors.ts";
import { readSafetensors, writeSafetensors } from "../../src/io/safetensors.ts";
import { keyedRandom } from "../../src/base/random.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { temporaryFolder } from "../io/temporary_folder.ts";

/** Whether a process is there, and no zombie that waits for its parent. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "");
  return /\) [^Z]/.test(stat);
}

const onLinux = { ignore: Deno.build.os !== "linux" };

/** Starts a child of its own that outlives it, and prints the number of that. */
const PARENT = ["-c", "sleep 60 & echo $!; exec sleep 60"];

Deno.test("runLimited() ends a child and what it started when its time is over", onLinux, async () => {
  const { code, timedOut, output } = await runLimited("sh", { args: PARENT, seconds: 3, ownGroup: true });
  assertEquals([code, timedOut], [TIMED_OUT, true]);
  assert(Number(output) > 1, output);
  assertEquals(await isAlive(Number(output)), false);
});

Deno.test("runLimited() ends a child when its signal aborts", onLinux, async () => {
  const controller = new AbortController();
  const { code, timedOut, output } = await runLimited("sh", {
    args: PARENT,
    seconds: 60,
    ownGroup: true,
    signal: controller.signal,
    sink: () => controller.abort(),
  });
  assertEquals([code, timedOut], [137, false]);
  assertEquals(await isAlive(Number(output)), false);
});

Deno.test("runLimited() tells exit codes, output of both kinds, and what it does not start", async () => {
  const args = ["-c", "echo out; echo err >&2; exit 7"];
  assertEquals(await runLimited("sh", { args, seconds: 10 }), {
    code: 7,
    timedOut: false,
    output: "out\nerr\n",
  });
  const missing = await runLimited("no-such-program", { args: [], seconds: 10 });
  assertEquals([missing.code, missing.timedOut], [127, false]);
  const late = await runLimited("sh", { args, seconds: 2 });
  assertEquals([late.code, late.timedOut], [TIMED_OUT, true]);
});

Deno.test("packEncoder() takes a checkpoint's encoder, in parts that join to its float16 values", async () => {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  const random = keyedRandom(7);
  const tensor = (...shape: number[]) => ({
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal() * 10),
  });
  const inside = { "conv1.weight": tensor(5, 3, 3, 3), "bn1.running_var": tensor(5), "fc.bias": tensor(1) };
  inside["fc.bias"].data[0] = NaN; // of a run that diverged
  const path = join(folder, "step.safetensors"), joined = join(folder, "joined.safetensors");
  await writeSafetensors(path, {
    tensors: [
      ["online.projector.0.weight", tensor(4, 4)],
      ...Object.entries(inside).map(([name, tensor]) => [`online.backbone.${name}`, tensor] as const),
    ],
    metadata: { backbone: "resnet8", ä: "ö" },
  });
  const parts = await packEncoder(path, join(folder, "half"), 50);
  assert(parts.length > 10, `${parts.length} parts`); // .part10 sorts before .part2 as text
  const sizes = parts.map((part) => Deno.statSync(part).size);
  assert(sizes.slice(0, -1).every((size) => size === 50) && sizes.at(-1)! <= 50, `${sizes}`);
  await joinEncoder(joined, parts.toSorted());
  const { tensors, metadata } = await readSafetensors(joined);
  assertEquals(metadata, { backbone: "resnet8", ä: "ö" });
  assertEquals([...tensors.keys()].sort(), Object.keys(inside).sort());
  for (const [name, { shape, data }] of Object.entries(inside)) {
    assertEquals(tensors.get(name)!.shape, shape);
    assert(data.every((value, i) => Object.is(Math.f16round(value), tensors.get(name)!.data[i])), name);
  }
  await assertThrows(() => joinEncoder(joined, parts.slice(0, -1)), UserError, /tensors end at byte/);
  await assertThrows(() => joinEncoder(joined, parts.slice(1)), UserError, /from \.part1 on/);
  await assertThrows(() => joinEncoder(joined, []), UserError, /Cannot join nothing/);
});

Deno.test("packEncoder() refuses a value that float16 has not", async () => {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  const path = join(folder, "encoder.safetensors");
  await writeSafetensors(path, {
    tensors: [["bn1.running_var", { shape: [2], data: Float32Array.of(1, 65520) }]],
  });
  await assertThrows(
    () => packEncoder(path, join(folder, "half")),
    UserError,
    /"bn1.running_var": its value 65520 is beyond float16/,
  );
});

Deno.test("findDriverFiles() finds manifests and libraries through links, as deep as it may", async () => {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  await Deno.mkdir(join(folder, "a", "icd.d"), { recursive: true });
  await Deno.mkdir(join(folder, "lib", "deep", "deeper"), { recursive: true });
  await Deno.symlink(join(folder, "a"), join(folder, "link"));
  await Deno.symlink(folder, join(folder, "lib", "circle"));
  const files = [
    "a/icd.d/nvidia_icd.json",
    "a/icd.d/lvp_icd.json",
    "lib/libGLX_nvidia.so.0",
    "lib/libGLX_nvidia.so.580",
    "lib/deep/libEGL_nvidia.so.0",
    "lib/deep/deeper/nvidia_icd.json",
  ];
  for (const name of files) await Deno.writeTextFile(join(folder, name), "");
  const found = findDriverFiles([[join(folder, "link"), 2], [join(folder, "lib"), 2], [
    join(folder, "none"),
    2,
  ]]);
  assertEquals(found, {
    manifests: [join(folder, "link/icd.d/nvidia_icd.json")],
    libraries: [join(folder, "lib/deep/libEGL_nvidia.so.0"), join(folder, "lib/libGLX_nvidia.so.0")],
  });
});

Deno.test("driverEnvironments() begins with none, then manifests, then libraries by their names", async () => {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  const environments = driverEnvironments(
    { manifests: ["/m.json"], libraries: ["/l/libEGL_nvidia.so.0"] },
    {
      ownManifest: (library) => writeManifest(folder, library),
      extra: "/x11",
      before: "/mine",
    },
  );
  const own = join(folder, "libEGL_nvidia.so.0.json");
  assertEquals(environments.map(({ VK_DRIVER_FILES }) => VK_DRIVER_FILES), [
    undefined,
    ...["/m.json", "/m.json", own, own],
  ]);
  const libraries = environments.map(({ LD_LIBRARY_PATH }) => LD_LIBRARY_PATH);
  assertEquals(libraries.map((path) => path !== undefined), [false, false, true, false, true]);
  assert(libraries[2].startsWith("/mine:") && libraries[2].endsWith(":/x11"), libraries[2]);
  assertEquals(JSON.parse(Deno.readTextFileSync(own)).ICD.library_path, "/l/libEGL_nvidia.so.0");
});

Deno.test("summarizeSamples() takes the most memory and means of the rest, of moments with a load", () => {
  const lines = ["900, 0, 300, 70.5", "1000, 40, 1800, 250.5", "2000, 60, 1900, 350.5"];
  const samples = lines.map(parseSample);
  assertEquals(summarizeSamples(samples)?.figures, { memory: 2000, load: 50, clock: 1850, power: 300.5 });
  assertEquals(summarizeSamples(samples.slice(0, 1)), null);
  assertEquals(summarizeSamples([]), null);
  const untold = summarizeSamples([parseSample("10, [N/A], 5, [N/A]", 0)]);
  assertEquals(untold?.text, "10 MiB, load ? %, 5 MHz, ? W");
});

Deno.test("countTests() counts a test a line, also where there is no summary", () => {
  const output = [
    "conv2d() matches the reference ... ok (12ms)",
    "a test of steps ...",
    "  one step ... FAILED (3ms)",
    "a test of steps ... FAILED (due to 1 failed step) (4ms)",
    "says ok in its title ... FAILED (1ms)",
    "another ... ok",
    "not run ... ignored (0ms)",
    "ok | 2 passed | 2 failed",
  ].join("\n");
  const { passed, failed } = countTests(output);
  assertEquals([passed, failed.length], [2, 3]);
});

Deno.test("torchRows() holds PyTorch against our timed kernels, or else the default ones", () => {
  const result = {
    row: "resnet18:32:256:tf32",
    milliseconds: 64,
    imagesPerSecond: 4000,
    gigabytes: 6.25,
    convolutionError: 3e-4,
    device: "a card",
    torch: "2.11",
  };
  const ours = (kernels: string, imagesPerSecond: number, key = "resnet18:32:256") => ({
    stage: "profile",
    what: `${key}, ${kernels}: images/s`,
    value: "",
    at: 0,
    figures: { imagesPerSecond },
  });
  const ratio = (rows: Parameters<typeof torchRows>[1]) => torchRows(result, rows)[1]?.figures?.ratio;
  assertEquals(ratio([ours("default", 1000), ours("tuned", 2000)]), 0.5);
  assertEquals(ratio([ours("default", 1000)]), 0.25);
  assertEquals(ratio([ours("tuned", 1000, "resnet18:32:512")]), undefined);
  assert(torchRows(result, [])[0].value.startsWith("4000.0 images/s, 64.00 ms, 6.25 GB"));
  assertEquals(torchRows({ ...result, error: "out of memory" }, []), [
    { what: "PyTorch resnet18:32:256:tf32", value: "left out: out of memory" },
  ]);
});

Deno.test("rowsTable() keeps a row on one line of Markdown", () => {
  const table = rowsTable([{ stage: "torch", what: "a | b", value: "c\nd", at: 12.6 }]);
  assertEquals(table.split("\n").at(-1), "| torch | a \\| b | c d | 13 |");
});

Deno.test("parseGpuBenchOptions() has other defaults for small sessions, and refuses stages that there are not", async () => {
  const parsed = (...args: string[]) => {
    const result = parseGpuBenchOptions(args);
    assert(!("help" in result), "help was not asked for");
    return result;
  };
  assertEquals(parsed().session.batch, 512);
  assertEquals(parsed("--small").session.batch, 8);
  assertEquals(parsed("--small", "--batch", "64").session.batch, 64);
  assertEquals(parsed("--stages", "torch,kernels").stages, ["torch", "kernels"]);
  assertEquals(parsed("--limits", "tests=60,profile=120").limits, { tests: 60, profile: 120 });
  assertEquals(parsed("--recipe", "--preset cifar --tau .9").session.recipe, [
    "--preset",
    "cifar",
    "--tau",
    ".9",
  ]);
  assert(parsed("--data", "x").session.data?.endsWith("/x"), "a path is not resolved");
  await assertThrows(
    () => parsed("--stages", "torch,what"),
    UserError,
    /"--stages torch,what": the value must be some of/,
  );
  await assertThrows(() => parsed("--limits", "tests"), UserError, /tests=60/);
});
