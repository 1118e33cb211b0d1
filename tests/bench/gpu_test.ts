/** The session on a GPU, whole and small: every stage gives its rows, with figures that can be. */
import { join } from "node:path";
import { joinEncoder } from "../../bench/gpu/half.ts";
import { type Row, rowsTable } from "../../bench/gpu/rows.ts";
import { readSafetensors } from "../../src/io/safetensors.ts";
import { assert, assertEquals } from "../assert.ts";
import { namesIn, temporaryFolder } from "../io/temporary_folder.ts";

const main = new URL("../../bench/gpu/main.ts", import.meta.url).pathname;

/** Stands in for nvidia-smi: a card, or lines of what it does. */
const NVIDIA_SMI = `#!/bin/sh
case "$*" in
  *-lms*) while echo '1234, 50, 1980, 300.5'; do sleep .2; done ;;
  *) echo 'Some card, 1.2.3, 81559 MiB, 1980 MHz, 700.00 W' ;;
esac
`;
/** Stands in for Python: has torch, and answers for each row with 100 images/s, for the last of them with an error. */
const PYTHON = `#!/bin/sh
[ "$1" = -c ] && exit 0
out=$2
shift 4
for row; do
  echo "{\\"row\\":\\"$row\\",\\"imagesPerSecond\\":100,\\"milliseconds\\":80,\\"gigabytes\\":2.5,\\"convolutionError\\":2e-7,\\"device\\":\\"a card\\",\\"torch\\":\\"2.0\\"}" >> "$out"
done
`;

async function writeProgram(path: string, text: string): Promise<string> {
  await Deno.writeTextFile(path, text);
  await Deno.chmod(path, 0o755);
  return path;
}

async function session(
  { folder, args, env }: { folder: string; args: string[]; env?: Record<string, string> },
): Promise<{ code: number; output: string; rows: Row[] }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check", main, "--small", ...args],
      ...["--out", join(folder, "out"), "--work", join(folder, "work")],
    ],
    env: { BYOL_CACHE: join(folder, "cache"), ...env },
  }).output();
  const rows = (await Deno.readTextFile(join(folder, "work", "rows.jsonl"))).trimEnd().split("\n");
  return {
    code,
    output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr),
    rows: rows.map((row) => JSON.parse(row)),
  };
}

/** What the rows of a stage say, by what they are about. */
function byWhat(rows: readonly Row[], stage: string): Map<string, Row> {
  return new Map(rows.filter((row) => row.stage === stage).map((row) => [row.what, row]));
}

function figuresOf(rows: Map<string, Row>, what: string): Record<string, number> {
  const figures = rows.get(what)?.figures;
  assert(figures, `there is no row "${what}" with figures among ${[...rows.keys()].join("; ")}`);
  return figures;
}

function checkAdapter(rows: Map<string, Row>): void {
  assertEquals(rows.get("card, driver, memory, clock, power")?.value.slice(0, 16), "Some card, 1.2.3");
  assert(rows.get("adapter")!.value.includes("vendor"), rows.get("adapter")!.value);
  const costs = [...rows.values()].filter(({ figures }) => figures);
  assertEquals(costs.length, 16);
  for (const { what, figures } of costs) {
    for (const value of Object.values(figures!)) assert(value >= 0 && value < Infinity, `${what}: ${value}`);
  }
  assert(figuresOf(rows, "reading 64 MiB back").ms > 0, "64 MiB came back in no time");
}

function checkProfile(rows: Map<string, Row>, figures: string): void {
  for (const kernels of ["default", "tuned"]) {
    const label = `resnet8:32:8, ${kernels}`;
    const { imagesPerSecond } = figuresOf(rows, `${label}: images/s`);
    const { wall, sum } = figuresOf(rows, `${label}: step, sum of kernels, wall ÷ sum`);
    assert(
      Math.abs(imagesPerSecond * wall - 8) < 1e-9,
      `${imagesPerSecond} images/s, steps of 8 in ${wall} s`,
    );
    assert(wall > 0 && sum > 0, `a step of ${wall} s, kernels of ${sum} s`);
    const words = rows.get(`${label}: step, sum of kernels, wall ÷ sum`)!.value;
    assert(words.endsWith(`, ${(wall / sum).toFixed(3)}`), words);
    const { compiled, compiling } = figuresOf(rows, `${label}: kernels compiled`);
    // The tuned step may have kernels of its own.
    assert(compiled >= (kernels === "default" ? 20 : 0) && compiling >= 0, `${compiled} in ${compiling} s`);
    const shares = rows.get(`${label}: share of the sum, of the peak`)!.value.split("; ");
    assertEquals(shares.length, 5);
    const percents = shares.map((share) => Number(/ (\d+) %, \d+ %$/.exec(share)?.[1]));
    assert(
      percents.every((share) => share > 0) && percents.reduce((a, b) => a + b) <= 102,
      shares.join("; "),
    );
    assertEquals(rows.get(`${label}: GPU`)?.value, "1234 MiB, load 50 %, 1980 MHz, 301 W");
    assert(
      figures.includes(`### ${label}\nProfile of a step of 8 images of 32 × 32`),
      `no profile of ${label}`,
    );
  }
  const { shapes, timed } = figuresOf(rows, "resnet8:32:8: kernels timed");
  assert(shapes >= timed && shapes > 3, `${shapes} shapes, ${timed} timed`);
}

function checkPrecision(rows: Map<string, Row>): void {
  const all = "images/s, step, memory, ÷ f32 on Deno";
  const f32 = figuresOf(rows, `resnet8:32:8, f32, Deno: ${all}`);
  assertEquals(f32.ratio, 1);
  const mixed = rows.get(`resnet8:32:8, mixed, Deno: ${all}`)?.figures;
  // Adapters without float16 say so.
  if (!mixed) return assert(rows.get("resnet8:32:8, mixed, Deno")!.value.startsWith("left out: "));
  assert(mixed.imagesPerSecond > 0 && mixed.bytes < 0.65 * f32.bytes, `${mixed.bytes} of ${f32.bytes} bytes`);
}

function checkTrain(rows: Map<string, Row>, figures: string): void {
  // The profile has timed the kernels for it.
  assertEquals(figuresOf(rows, "run: kernels timed"), { shapes: 0, timed: 0 });
  for (const what of ["trial of 6 steps: images/s, data wait, loss", "run: images/s, data wait, loss"]) {
    const { imagesPerSecond, dataWait, loss } = figuresOf(rows, what);
    assert(imagesPerSecond > 0 && dataWait >= 0 && dataWait <= 1, `${what}: ${imagesPerSecond}, ${dataWait}`);
    assert(loss > 0 && loss <= 8, `${what}: ${loss}`);
  }
  assertEquals(figuresOf(rows, "run: epochs, steps, seconds").steps, 24);
  assertEquals(rows.get("run: epochs, steps, seconds")!.value.slice(0, 8), "0.4, 24,"); // of 512 images, 8 a step
  const curve = /### the run's curve.*\n([^]*?)\n\n/.exec(figures)![1].split("\n").map((line) =>
    line.split("\t")
  );
  assertEquals(curve.at(-1)![0], "24");
  assert(curve.length > 3 && curve.flat().every((value) => Number(value) > 0), curve.join("\n"));
  const knn = figuresOf(rows, "held out, trained, probe none");
  const { linear, ...again } = figuresOf(rows, "held out, trained, probe cached");
  assertEquals(again, knn, "the same encoder has other neighbors");
  // The ten classes are told apart by eye; by chance a tenth would be right.
  assert(knn["kNN k=20"] > 0.5 && knn["kNN k=20"] <= 1, `kNN ${knn["kNN k=20"]}`);
  assert(linear > 0.3 && linear <= 1, `linear ${linear}`);
}

async function checkEncoder(folder: string): Promise<void> {
  const joined = join(folder, "joined.safetensors");
  await joinEncoder(joined, [join(folder, "out", "encoder.f16.part1")]);
  const theirs = await readSafetensors(joined);
  const ours = await readSafetensors(join(folder, "work", "run", "encoder.safetensors"));
  assertEquals(theirs.metadata, ours.metadata);
  assertEquals([...theirs.tensors.keys()].sort(), [...ours.tensors.keys()].sort());
  for (const [name, { shape, data }] of ours.tensors) {
    const tensor = theirs.tensors.get(name)!;
    assertEquals(tensor.shape, shape, name);
    assertEquals([...tensor.data], Array.from(data, Math.f16round), name);
  }
}

async function checkFiles(folder: string, rows: readonly Row[]): Promise<void> {
  const out = join(folder, "out");
  assertEquals(await namesIn(out), [
    ...["adapter.json", "encoder.f16.part1", "figures.txt", "kernels.json", "run.tgz"],
    ...["session.log", "tests.log"],
  ]);
  const adapter = JSON.parse(await Deno.readTextFile(join(out, "adapter.json")));
  assert(adapter.name && adapter.limits.maxBufferSize > 0 && Object.keys(adapter.costs).length === 16);
  const kernels: { variant: string; provisional?: true }[] = Object.values(
    JSON.parse(await Deno.readTextFile(join(out, "kernels.json"))),
  );
  assert(
    kernels.length > 3 && kernels.every(({ variant, provisional }) => variant && !provisional),
    "no decisions",
  );
  const { stdout } = await new Deno.Command("tar", { args: ["-tzf", join(out, "run.tgz")] }).output();
  const packed = new TextDecoder().decode(stdout).split("\n");
  for (const name of ["metrics.jsonl", "config.json", "evaluation_cached/evaluation.json"]) {
    assert(packed.includes(`run/${name}`), `run.tgz has no ${name}`);
  }
  assert(!packed.some((name) => name.endsWith(".safetensors")), "run.tgz has weights");
  const table = rowsTable(rows);
  for (const name of ["session.log", "figures.txt"]) {
    assert((await Deno.readTextFile(join(out, name))).includes(table), `${name} has no table`);
  }
}

Deno.test("bench/gpu: a small session gives every stage's rows and files", async () => {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  await writeProgram(join(folder, "nvidia-smi"), NVIDIA_SMI);
  const python = await writeProgram(join(folder, "python"), PYTHON);
  const { code, output, rows } = await session({
    folder,
    args: ["--python", python],
    env: { PATH: `${folder}:${Deno.env.get("PATH")}` },
  });
  assertEquals(code, 0, output);
  assertEquals([...new Set(rows.map(({ stage }) => stage))], [
    "adapter",
    "tests",
    "profile",
    "precision",
    "torch",
    "train",
  ]);
  const figures = await Deno.readTextFile(join(folder, "out", "figures.txt"));
  checkAdapter(byWhat(rows, "adapter"));
  const { passed, failed } = figuresOf(byWhat(rows, "tests"), "tests passed, failed");
  assert(passed >= 10 && failed === 0, `${passed} passed, ${failed} failed`);
  checkProfile(byWhat(rows, "profile"), figures);
  checkPrecision(byWhat(rows, "precision"));
  assertEquals(figuresOf(byWhat(rows, "torch"), "PyTorch resnet18:32:8:f32"), { imagesPerSecond: 100 });
  checkTrain(byWhat(rows, "train"), figures);
  await checkEncoder(folder);
  await checkFiles(folder, rows);

  // A second call goes on; a stage that fails does so alone; what is missing is left out in words.
  const empty = join(folder, "empty");
  await Deno.mkdir(empty);
  const again = await session({
    folder,
    args: ["--stages", "train,torch", "--data", empty, "--python", join(folder, "missing")],
  });
  assertEquals(again.code, 1, again.output);
  const kept = rows.filter(({ stage }) => stage !== "train" && stage !== "torch");
  assertEquals(again.rows.slice(0, kept.length), kept);
  const [train, torch, ...others] = again.rows.slice(kept.length);
  assert(/^failed: Cannot use the images in .*empty/.test(train.value), train.value);
  assert(/^left out: .*missing has no torch/.test(torch.value), torch.value);
  assertEquals(others, []);
});
