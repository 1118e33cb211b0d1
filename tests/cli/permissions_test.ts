/** The permissions of commands: what they need, what deno.json grants, and the message if some are missing. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { withEnvironment } from "../environment.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { UserError } from "../../src/base/errors.ts";
import { grantsOf } from "../../src/cli/grants.ts";
import { flagsOf, needsOf, refusalOf } from "../../src/cli/permissions.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const project = root.slice(0, -1);
const sets: Record<string, Record<string, unknown>> = config.permissions;
const product = [
  "default",
  "train",
  "preview",
  "evaluate",
  "export",
  "experiments",
  "embed",
  "similar",
  "duplicates",
  "explore",
];

/** Runs Deno in the project's folder without a terminal. */
async function deno(args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: root, stdin: "null" })
    .output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

Deno.test("deno.json grants commands no more than they need", () => {
  for (const name of product) {
    const { read, env, write, sys, ...more } = sets[name];
    assertEquals(more, {}, `${name} has no net, run, ffi, import`);
    assertEquals(read, true);
    assert(Array.isArray(write) && Array.isArray(env), `${name} writes and reads variables by name`);
    assert(sys === undefined || `${sys}` === "systemMemoryInfo,hostname", `${name}: ${sys}`);
  }
  const { env, ...watch } = sets.watch, { env: _, ...report } = sets.report;
  assertEquals(
    watch,
    { read: true, net: ["127.0.0.1"] },
    `watch serves this machine, and writes nothing (${env})`,
  );
  assertEquals(report, { read: true, write: ["./runs"] });
  assertEquals(sets.default, sets.train, "deno run -P train.ts trains");
  for (const [name, { ffi }] of Object.entries(sets)) assertEquals(ffi, undefined, name);
  for (const name of product.slice(1)) {
    const path = name === "train" ? "train.ts" : `src/cli/${name}.ts`;
    assertEquals(config.tasks[name as "train"], `deno run -q -P=${name} ${path}`);
  }
});

Deno.test("needsOf() lists the output folder and the data's folders and hosts", () => {
  const needs = (name: string, named: Parameters<typeof needsOf>[1]) => {
    const { read, write, net } = needsOf(name, named);
    return [read.filter((path) => path !== project), write, net];
  };
  assertEquals(needs("train", {}), [["runs"], ["runs"], []]);
  assertEquals(needs("train", { data: ["/a", "shapes:9", "https://h.org/x-{0..9}.tar"], out: "/o" }), [
    ["/a", "/o"],
    ["/o"],
    ["h.org"],
  ]);
  assertEquals(needs("train", { data: "/a/b/c-{000..009}.tar", out: "/o" })[0], ["/a/b", "/o"]);
  assertEquals(needs("preview", { data: "http://h:81/x.tar", out: "/o/p.png" }), [["/o"], ["/o"], ["h:81"]]);
  assertEquals(needs("evaluate", { run: "/r", test: "/t" }), [["/t", "/r"], ["/r"], []]);
  assertEquals(needs("evaluate", { train: "/t", out: "/o" }), [["/t", "/o"], ["/o"], []]);
  const files = { run: "/r", data: "https://h.org/x.tar", out: ["/o/a.npy", "/o/b.csv", "/p/c.csv"] };
  assertEquals(needs("embed", files), [["/r", "/o", "/p"], ["/o", "/p"], ["h.org"]]);
  assertEquals(needs("similar", { out: undefined }), [[], [], []]);
  assertEquals(needs("duplicates", { out: "groups.csv" }), [["."], ["."], []]);
  assertEquals(needs("explore", { out: "a/page.html", data: "photos" }), [["photos", "a"], ["a"], []]);
  assertEquals(needs("export", { run: "/r", out: "/o/m.onnx" }), [["/r", "/o"], ["/o"], []]);
  assertEquals(needs("report", { out: ["/r", "/s"] }), [["/r", "/s"], ["/r", "/s"], []]);
  assertEquals(needs("bench", {}), [[], [], []]);
  const init = "https://h.org:81/w.pth?signature=1";
  assertEquals(needs("train", { data: "/d", init, out: "/o" }), [["/d", "/o"], ["/o"], ["h.org:81"]]);
  assertEquals(needs("train", { init: "/w.pth", out: "/o" }), [["/o"], ["/o"], []]);
  for (const name of ["evaluate", "embed", "export", "similar"]) {
    assertEquals(needs(name, { encoder: init, out: "/o/x" })[2], ["h.org:81"], name);
  }
});

Deno.test("needsOf() lists the hosts of hubs and buckets", async () => {
  const hosts = async (data: string | string[], environment: Record<string, string> = {}) => {
    const none = { HF_ENDPOINT: undefined, AWS_REGION: undefined, AWS_DEFAULT_REGION: undefined };
    let net: string[] = [];
    await withEnvironment({
      ...none,
      AWS_ENDPOINT_URL: undefined,
      AWS_ENDPOINT_URL_S3: undefined,
      ...environment,
    }, () => {
      ({ net } = needsOf("train", { data }));
      return Promise.resolve();
    });
    return net;
  };
  const hub = "hf://datasets/o/n";
  assertEquals(await hosts(hub), ["huggingface.co", "*.huggingface.co", "*.hf.co"]);
  assertEquals(await hosts(hub, { HF_ENDPOINT: "http://127.0.0.1:80/" }), ["127.0.0.1"]);
  const mirror = await hosts(hub, { HF_ENDPOINT: "https://mirror.org:81" });
  assertEquals(mirror, ["mirror.org:81", "*.huggingface.co", "*.hf.co"]);
  assertEquals(await hosts("s3://b/x.tar"), ["b.s3.us-east-1.amazonaws.com"]);
  assertEquals(await hosts("s3://b/x", { AWS_REGION: "eu-west-1" }), ["b.s3.eu-west-1.amazonaws.com"]);
  assertEquals(await hosts(["s3://b/x", "s3://c"], { AWS_ENDPOINT_URL: "http://s3.lan:9000" }), [
    "s3.lan:9000",
  ]);
  assertEquals(flagsOf({ net: await hosts(hub) }), ["--allow-net=huggingface.co,*.huggingface.co,*.hf.co"]);
});

Deno.test("needsOf() finds the hosts of a list, and reads the folder of its files", async () => {
  const folder = await Deno.makeTempDir(), list = join(folder, "l.csv");
  const lines = [
    "url,label",
    "https://a.org/1.jpg,1",
    '"http://b.org:81/2.jpg?x=1",2',
    "https://a.org/3.jpg,1",
    "4.jpg,2",
  ];
  await Deno.writeTextFile(list, lines.join("\n"));
  const { read, net } = needsOf("train", { data: list, out: "/o" });
  assertEquals([read[0], net], [folder, ["a.org", "b.org:81"]]);
  assertEquals(needsOf("train", { data: join(folder, "none.txt") }).net, []);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("needsOf() finds the hosts of a resumed run in its config.json", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(join(folder, "config.json"), JSON.stringify({ data: ["http://h:8/a.tar", "/d"] }));
  assertEquals(needsOf("train", { out: folder, resume: true }).net, ["h:8"]);
  const more = { data: "/d", init: "https://w:7/x.pth" };
  await Deno.writeTextFile(join(folder, "config.json"), JSON.stringify(more));
  assertEquals(needsOf("train", { out: folder, resume: true }).net, ["w:7"]);
  assertEquals(
    needsOf("evaluate", { run: folder }).net,
    [],
    "an evaluation has the weights in the run's folder",
  );
  await Deno.writeTextFile(join(folder, "config.json"), JSON.stringify({ data: ["http://h:8/a.tar", "/d"] }));
  assertEquals(needsOf("evaluate", { run: folder }).net, ["h:8"]);
  assertEquals(needsOf("train", { out: folder }).net, []);
  assertEquals(needsOf("export", { run: folder }).net, [], "an export reads no data");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("needsOf() and grantsOf() find what a preset's file names, unless options do", async () => {
  const folder = await Deno.makeTempDir(),
    preset = join(folder, "mine.json"),
    config = join(folder, "config.json");
  const init = "https://w:7/x.pth";
  await Deno.writeTextFile(preset, JSON.stringify({ data: "https://h:8/a.tar", out: "/o", init }));
  const { write, net } = needsOf("train", { preset });
  assertEquals([write, net], [["/o"], ["h:8", "w:7"]]);
  const given = needsOf("train", { preset, data: "/d", out: "/p", init: "/w.pth" });
  assertEquals([given.write, given.net], [["/p"], []]);
  // A run's own folder is not taken over.
  const run = { data: "https://h:9/a.tar", out: "/o", fingerprint: "f", limit: null };
  await Deno.writeTextFile(config, JSON.stringify(run));
  const again = needsOf("train", { preset: config });
  assertEquals([again.write, again.net], [["runs"], ["h:9"]]);
  assertEquals(needsOf("train", { preset: "cifar" }).write, ["runs"]);
  assertEquals(needsOf("train", { preset: join(folder, "none.json") }).write, ["runs"]);
  assert(grantsOf("train", ["--preset", preset])[0].startsWith("--allow-write=/o"));
  await Deno.remove(folder, { recursive: true });
});

Deno.test("grantsOf() reads both forms of a value, and ignores what the command will refuse", async () => {
  const cache = Deno.env.get("BYOL_CACHE");
  Deno.env.set("BYOL_CACHE", "/c");
  try {
    assertEquals(
      grantsOf("train", ["--out=/o p", "--data", "https://h/x.tar", "--no-such", "3", "--resume"]),
      [
        "--allow-write=/o p,/c",
        "--allow-net=h",
      ],
    );
    assertEquals(grantsOf("train", ["--data", "/d", "--out"]), ["--allow-write=runs,/c"]);
    assertEquals(grantsOf("evaluate", ["--run", "/r"]), ["--allow-write=/r,/c"]);
    assertEquals(grantsOf("embed", ["--run", "/r", "--out", "/o/a.npy", "--out=/p/b.csv"]), [
      "--allow-write=/o,/p,/c",
    ]);
    assertEquals(grantsOf("train", ["--webgpu", "dawn"]), [
      "--allow-write=runs,/c",
      "--allow-ffi",
      "--lock=.deno/dawn.lock",
    ]);
    assertEquals(grantsOf("train", ["--webgpu=deno"]), ["--allow-write=runs,/c"]);
    assertEquals(grantsOf("report", ["/r", "/s t"]), ["--allow-write=/r,/s t"]);
    assertEquals([grantsOf("report", ["--help"]), grantsOf("watch", ["/r", "--port", "0"])], [[], []]);
    await assertThrows(() => grantsOf("train", ["--out", "/a,b"]), UserError, /^Cannot use "\/a,b": .*comma/);
  } finally {
    if (cache === undefined) Deno.env.delete("BYOL_CACHE");
    else Deno.env.set("BYOL_CACHE", cache);
  }
  assertEquals(flagsOf({ read: ["a", "b"], write: [], net: ["h"] }), ["--allow-read=a,b", "--allow-net=h"]);
});

Deno.test("grants.ts limits no command that may do everything", async () => {
  const run = ["run", "-q", "--no-check"], grants = "src/cli/grants.ts";
  const { code, out, err } = await deno([...run, "-P=bench", grants, "bench", "host"]);
  assertEquals([code, out], [0, "\n"], err);
  const train = await deno([...run, "-P=train", grants, "train", "--data", "http://h/x.tar", "--out", "/o"]);
  assert(/^--allow-write=\/o.*\n--allow-net=h\n$/.test(train.out), train.out);
});

Deno.test("refusalOf() names the flag", () => {
  const refused = (access: string) =>
    refusalOf(new Deno.errors.NotCapable(`Requires ${access}, run again with …`));
  assert(refused('write access to "/x y"')!.includes("--allow-write=/x y."));
  assert(refused('net access to "h:80"')!.includes("--allow-net=h:80."));
  assertEquals(
    refused('all access to "/proc/x"'),
    'Cannot go on: Deno opens "/proc/x" only with --allow-all. Choose another path.',
  );
  assertEquals(refusalOf(new Error("Requires")), undefined);
});

const tiny = ["--data", "shapes:32", "--holdout", "0", "--batch", "8", "--steps", "1", "--hidden", "16"];

Deno.test("train.ts lists all missing permissions without a stack trace", async () => {
  const out = await Deno.makeTempDir(), folder = join(out, "run");
  const { code, err } = await deno(["run", "--no-check", "train.ts", ...tiny, "--out", folder]);
  assertEquals(code, 1);
  const flags = `--allow-read=${project},${folder} --allow-write=${folder}`;
  assert(err.startsWith(`error: Cannot train: Deno was started without ${flags}. Use "./run train"`), err);
  assert(!err.includes("    at "), err);
  await Deno.remove(out, { recursive: true });
});

Deno.test("--help needs no more permissions than a command has", async () => {
  const commands = [...product.slice(1), "watch", "report", "doctor"].map((
    name,
  ) => [name, config.tasks[name as "train"]]);
  for (const [name, task] of commands) {
    const { code, out, err } = await deno([
      "run",
      "--no-prompt",
      "--no-check",
      ...task.split(" ").slice(2),
      "--help",
    ]);
    assertEquals(code, 0, err);
    assert(out.startsWith(`Usage: ./run ${name} [options]`), out);
  }
});

Deno.test("train.ts trains with only the permissions of its set and its output folder", async () => {
  const out = await Deno.makeTempDir(), folder = join(out, "run");
  const args = ["run", "-q", "--no-prompt", "--no-check", "-P=train", `--allow-write=${folder}`, "train.ts"];
  const { code, err, out: log } = await deno([
    ...args,
    ...tiny,
    "--projection",
    "8",
    "--kernels",
    "default",
    "--out",
    folder,
  ]);
  assertEquals(code, 0, err);
  const { adapter: { name, backend, driver } } = JSON.parse(
    await Deno.readTextFile(join(folder, "config.json")),
  );
  assert(log.includes(`on ${name} (${backend}, ${driver}): `), log);
  await Deno.remove(out, { recursive: true });
});

Deno.test("train.ts names the host that it may not load from", async () => {
  const { code, err } = await deno([
    "run",
    "-q",
    "--no-check",
    "-P=train",
    "train.ts",
    "--data",
    "http://h.test:8/x.tar",
  ]);
  assertEquals(code, 1);
  assert(err.startsWith("error: Cannot train: Deno was started without --allow-net=h.test:8. "), err);
});
