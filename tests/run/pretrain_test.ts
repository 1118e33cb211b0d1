/** Whole runs, small ones: the same seed gives the same files, however they are interrupted. */
import { openIndexed } from "../data/fixtures.ts";
import { join } from "node:path";
import { CollapseError, UserError } from "../../src/base/errors.ts";
import { loadCheckpoint } from "../../src/io/checkpoint.ts";
import { readSafetensors } from "../../src/io/safetensors.ts";
import { pretrain } from "../../src/run/pretrain.ts";
import type { PretrainOptions } from "../../src/config/train_flags.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { onGpu } from "../gpu/shared.ts";
import { argumentsOf, kill, records, trainWith } from "./whole_runs.ts";

const tiny = {
  data: "shapes:120",
  limit: 100,
  holdout: 20,
  backbone: "resnet8",
  size: 16,
  hidden: 16,
  projection: 8,
  batch: 16,
  steps: 14,
  checkpointEvery: 5,
  logEvery: 2,
  workers: 2,
} as const satisfies PretrainOptions;

// Kernels that were timed beside other tests are not for the runs of whoever tests.
Deno.env.set("BYOL_CACHE", await Deno.makeTempDir({ prefix: "byol cache " }));
const quiet = { print() {} };

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const lastCheckpoint = (out: string, step = 14) =>
  join(out, "checkpoints", `step-${String(step).padStart(6, "0")}.safetensors`);

async function bytesOf(path: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
  return new Uint8Array(digest).toHex();
}

async function evaluations(out: string): Promise<string[]> {
  return (await Deno.readTextFile(join(out, "evaluations.jsonl"))).trimEnd().split("\n");
}

/** train.ts with the tiny options, and more. */
function train(
  out: string,
  { more = [], env }: { more?: string[]; env?: Record<string, string> } = {},
): Deno.ChildProcess {
  return trainWith({ args: [...argumentsOf({ ...tiny, out }), ...more], env });
}

async function appearance(path: string): Promise<void> {
  for (let i = 0; i < 2400; i++) {
    if (await Deno.stat(path).then(() => true, () => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${path} did not appear within two minutes`);
}

Deno.test(
  "pretrain: equal seeds give equal metrics and checkpoints, with 1 and 3 Workers",
  onGpu,
  async () => {
    await inFolder(async (folder) => {
      const runs: { digest: string; records: unknown[] }[] = [];
      for (const workers of [1, 3]) {
        const out = join(folder, `workers-${workers}`);
        const { summary } = await pretrain({ ...tiny, workers, out }, quiet);
        assert(summary?.knn, "there is no kNN figure");
        for (const figure of Object.values(summary.knn)) assert(figure >= 0 && figure <= 1);
        runs.push({ digest: await bytesOf(lastCheckpoint(out)), records: await records(out) });
      }
      assertEquals(runs[0], runs[1]);
      assertEquals(runs[0].records.length, 7);
      const other = join(folder, "other");
      await pretrain({ ...tiny, seed: 1, holdout: 0, out: other }, quiet);
      assert(
        await bytesOf(lastCheckpoint(other)) !== runs[0].digest,
        "another seed gives the same checkpoint",
      );
    });
  },
);

Deno.test("pretrain: a killed run and an interrupted one end as the undisturbed one", onGpu, async () => {
  await inFolder(async (folder) => {
    const undisturbed = join(folder, "undisturbed"),
      killed = join(folder, "killed"),
      stopped = join(folder, "stopped");
    await pretrain({ ...tiny, evalEvery: 1, out: undisturbed }, quiet);
    const more = ["--eval-every", "1"];

    const first = train(killed, { more });
    await appearance(lastCheckpoint(killed, 5));
    kill(first, "SIGKILL");
    await first.output();
    const second = await train(killed, { more: ["--resume"] }).output();
    assert(second.success, new TextDecoder().decode(second.stderr));
    const said = new TextDecoder().decode(second.stdout);
    const lastLine = /^kNN: raw pixels [\d.]+ %, untrained [\d.]+ %, trained [\d.]+ %\n$/m;
    assert(lastLine.test(said) || /is complete/.test(said), said);

    const third = train(stopped, { more });
    await appearance(lastCheckpoint(stopped, 5));
    kill(third, "SIGINT");
    const { code, stdout } = await third.output();
    if (code !== 0) { // A fast machine is done before the signal comes.
      assertEquals(code, 130);
      assert(/--resume --out/.test(new TextDecoder().decode(stdout)));
      const resumed = await trainWith({ args: ["--resume", "--out", stopped] }).output();
      assert(resumed.success, new TextDecoder().decode(resumed.stderr));
    }

    for (const out of [killed, stopped]) {
      assertEquals(await bytesOf(lastCheckpoint(out)), await bytesOf(lastCheckpoint(undisturbed)));
      assertEquals(await records(out), await records(undisturbed));
      assertEquals(await evaluations(out), await evaluations(undisturbed));
    }
    const evaluated = (await evaluations(undisturbed)).map((line) => JSON.parse(line));
    // Six steps an epoch: after two of them, and at the end.
    assertEquals(evaluated.map(({ step, epoch }) => [step, epoch]), [[6, 1], [12, 2], [14, 2]]);
    for (const { knn, probe, rankme, rankme_projections } of evaluated) {
      assert([knn, probe].every((share) => share >= 0 && share <= 1), `kNN ${knn}, probe ${probe}`);
      assert(rankme > 1 && rankme <= 20 && rankme_projections > 1 && rankme_projections <= 8);
    }
    const { metadata, tensors } = await loadCheckpoint(lastCheckpoint(killed));
    assertEquals(metadata.position, { epoch: 2, offset: 32 });
    assert(
      tensors.has("target.backbone.layer3.0.bn2.running_var") && tensors.has("momentum.predictor.3.weight"),
    );
    const encoder = await readSafetensors(join(killed, "encoder.safetensors"));
    assertEquals(encoder.tensors.get("conv1.weight")?.shape, [16, 3, 3, 3]);
    assert([...encoder.tensors.keys()].every((name) => !name.includes("projector")));
  });
});

Deno.test(
  "pretrain: steps of several batches are interrupted and resumed between steps, in any member of the family",
  onGpu,
  async () => {
    const members: PretrainOptions[] = [
      { method: "simclr" },
      { target: "fixed", negatives: 0.5, targetInit: "independent" },
    ];
    for (const member of members) {
      await inFolder(async (folder) => {
        const given = { ...tiny, ...member, holdout: 0, batch: 8, accumulate: 3, steps: 5, logEvery: 1 };
        const [undisturbed, stopped] = ["undisturbed", "stopped"].map((name) => join(folder, name));
        await pretrain({ ...given, out: undisturbed }, quiet);
        const interrupt = new AbortController();
        const { step, summary } = await pretrain({ ...given, out: stopped }, {
          signal: interrupt.signal,
          print: (line) => line.startsWith("step ") && interrupt.abort(),
        });
        assert(step >= 1 && step < 5 && summary === null, `stopped after step ${step}`);
        const { metadata } = await loadCheckpoint(lastCheckpoint(stopped, step));
        assertEquals(metadata.position, { epoch: Math.floor(step / 4), offset: 24 * step % 96 });
        await pretrain({ out: stopped }, { ...quiet, resume: true });
        assertEquals(
          await bytesOf(lastCheckpoint(stopped, 5)),
          await bytesOf(lastCheckpoint(undisturbed, 5)),
        );
        assertEquals(await records(stopped), await records(undisturbed));
        const { tensors } = await loadCheckpoint(lastCheckpoint(stopped, 5));
        const names = [...tensors.keys()];
        assertEquals(names.some((name) => name.startsWith("target.")), member.target === "fixed");
        assertEquals(names.some((name) => name.includes("predictor")), member.target === "fixed");
      });
    }
  },
);

Deno.test(
  "pretrain: evaluations wait until a step of several batches is whole, also in a resumed run",
  onGpu,
  async () => {
    await inFolder(async (folder) => {
      // An epoch has 12 batches: the first ends within the third step of five, the second within the fifth.
      const given = {
        ...tiny,
        batch: 8,
        accumulate: 5,
        steps: 6,
        evalEvery: 1,
        logEvery: 1,
        kernels: "usual",
      } as const;
      const [undisturbed, stopped] = ["undisturbed", "stopped"].map((name) => join(folder, name));
      await pretrain({ ...given, out: undisturbed }, quiet);
      const interrupt = new AbortController();
      await pretrain({ ...given, out: stopped }, {
        signal: interrupt.signal,
        print: (line) => line.startsWith("step ") && interrupt.abort(),
      });
      await pretrain({ out: stopped }, { ...quiet, resume: true });
      const lines = await Promise.all(
        [undisturbed, stopped].map((out) => Deno.readTextFile(join(out, "evaluations.jsonl"))),
      );
      const places = lines[0].trimEnd().split("\n").map((line) => JSON.parse(line)).map((
        { step, epoch },
      ) => [step, epoch]);
      assertEquals(places, [[3, 1], [5, 2], [6, 2]]);
      assertEquals(lines[1], lines[0]);
    });
  },
);

Deno.test("pretrain: without predictor a run collapses, and says so; or stops", onGpu, async () => {
  await inFolder(async (out) => {
    const given = {
      ...tiny,
      holdout: 0,
      predictor: "off",
      steps: 104,
      checkpointEvery: 200,
      logEvery: 50,
      out,
    } as const;
    const said: string[] = [];
    const print = (line: string) => void said.push(line);
    await assertThrows(
      () => pretrain({ ...given, stopOnCollapse: true }, { print }),
      CollapseError,
      /^Training stopped at step (50|100) as the run collapsed: at step \d+ z_std is /,
    );
    assert(
      said.some((line) => /^Warning: the run has collapsed: at step \d+ z_std is/.test(line)),
      said.join("\n"),
    );
    // Gone on with as it is, it stops at once, and leaves the checkpoints that there are.
    const kept = Array.from(Deno.readDirSync(join(out, "checkpoints")), ({ name }) => name).sort();
    await assertThrows(
      () => pretrain({ out }, { ...quiet, resume: true }),
      CollapseError,
      /as the run collapsed/,
    );
    assertEquals(Array.from(Deno.readDirSync(join(out, "checkpoints")), ({ name }) => name).sort(), kept);
    const { summary, collapse } = await pretrain({ out, stopOnCollapse: false }, { ...quiet, resume: true });
    assert(summary?.collapse && summary.collapse.step <= 100, JSON.stringify(summary));
    assertEquals(collapse, summary.collapse);
    assertEquals(JSON.parse(await Deno.readTextFile(join(out, "summary.json"))).collapse, collapse);
  });
});

Deno.test(
  "pretrain: the online probe and the evaluations leave no trace in the networks",
  onGpu,
  async () => {
    await inFolder(async (folder) => {
      const steps = { ...tiny, steps: 7, kernels: "usual" } as const;
      const [without, out] = [join(folder, "without"), join(folder, "with")];
      await pretrain({ ...steps, holdout: 0, out: without }, quiet);
      await pretrain({ ...steps, evalEvery: 1, out }, quiet);
      const [plain, observed] = await Promise.all(
        [without, out].map(async (run) => (await loadCheckpoint(lastCheckpoint(run, 7))).tensors),
      );
      const probe = [...observed.keys()].filter((name) => !plain.has(name));
      assertEquals(probe, [
        "probe.classifier.weight",
        "probe.classifier.bias",
        "probe_momentum.classifier.weight",
        "probe_momentum.classifier.bias",
      ]);
      for (const name of probe) {
        assert(observed.get(name)!.data.some((value) => value !== 0), `${name} learnt nothing`);
      }
      assert([...plain.keys()].some((name) => name.startsWith("momentum.")));
      for (const [name, { data }] of plain) {
        const bits = ({ buffer, byteOffset, byteLength }: Float32Array) =>
          new Uint8Array(buffer, byteOffset, byteLength);
        assertEquals([...bits(observed.get(name)!.data)], [...bits(data)], `${name} differs`);
      }
    });
  },
);

Deno.test(
  "pretrain: at the rate of the experiments' control no weight moves, and statistics do",
  onGpu,
  async () => {
    await inFolder(async (out) => {
      await pretrain({ ...tiny, holdout: 0, steps: 3, lr: 1e-30, checkpointEvery: 1, out }, quiet);
      const [first, last] = await Promise.all(
        [1, 3].map(async (step) => (await loadCheckpoint(lastCheckpoint(out, step))).tensors),
      );
      for (const [name, { data }] of first) {
        if (!name.startsWith("online.backbone.")) continue;
        const moved = data.reduce(
          (most, value, i) => Math.max(most, Math.abs(value - last.get(name)!.data[i])),
          0,
        );
        if (name.includes("running_")) assert(moved > 1e-4, `${name} moved by ${moved}`);
        else assert(moved < 1e-25, `${name} moved by ${moved}`);
      }
    });
  },
);

Deno.test("pretrain: --tau 1 leaves the target as it was", onGpu, async () => {
  await inFolder(async (out) => {
    await pretrain({
      ...tiny,
      holdout: 0,
      steps: 3,
      tau: 1,
      targetInit: "independent",
      checkpointEvery: 1,
      out,
    }, quiet);
    const [first, last] = await Promise.all([1, 3].map((step) => loadCheckpoint(lastCheckpoint(out, step))));
    const name = "backbone.layer1.0.conv1.weight";
    assertEquals([...last.tensors.get(`target.${name}`)!.data], [
      ...first.tensors.get(`target.${name}`)!.data,
    ]);
    assert(last.tensors.get(`online.${name}`)!.data[0] !== first.tensors.get(`online.${name}`)!.data[0]);
  });
});

Deno.test(
  "pretrain: weights that are not finite are not kept, even if the loss looks well",
  onGpu,
  async () => {
    await inFolder(async (out) => {
      const wild = { ...tiny, holdout: 0, steps: 3, lr: 1e39, warmup: 0, checkpointEvery: 1, out };
      await assertThrows(() => pretrain(wild, quiet), UserError, /has the value .* after step 1.*--lr/);
      assertEquals([...Deno.readDirSync(join(out, "checkpoints"))], []);
    });
  },
);

Deno.test(
  "pretrain: a finished run is not run again, a sample without label is no query",
  onGpu,
  async () => {
    await inFolder(async (folder) => {
      const source = await openIndexed("shapes:40"), data = join(folder, "images"), out = join(folder, "run");
      for (const name of ["a", "b"]) await Deno.mkdir(join(data, name), { recursive: true });
      for await (const { index, bytes } of source) {
        await Deno.writeFile(join(data, index < 30 ? "" : index % 2 ? "a" : "b", `${index}.jpg`), bytes);
      }
      const { summary } = await pretrain({ ...tiny, data, limit: 20, holdout: 1, steps: 2, out }, quiet);
      assert(summary && (summary.knn === null || summary.knn.trained <= 1));
      const text = await Deno.readTextFile(join(out, "summary.json"));
      assertEquals((await pretrain({ out }, { ...quiet, resume: true })).summary, summary);
      assertEquals(await Deno.readTextFile(join(out, "summary.json")), text);
    });
  },
);

Deno.test("pretrain: a loss that is not finite stops the run and keeps what was good", onGpu, async () => {
  await inFolder(async (out) => {
    const wild = { ...tiny, holdout: 0, steps: 40, lr: 1e30, warmup: 0, checkpointEvery: 1, out };
    await assertThrows(
      () => pretrain(wild, quiet),
      UserError,
      /the loss of step \d+ is (NaN|-?Infinity).*--lr/,
    );
    for await (const { name } of Deno.readDir(join(out, "checkpoints"))) {
      const { metadata } = await loadCheckpoint(join(out, "checkpoints", name));
      assert(Number.isFinite(metadata.loss), `${name} was written after the loss became ${metadata.loss}`);
    }
  });
});

const refused: [string, PretrainOptions, RegExp][] = [
  ["a missing source", { data: "/no/such/folder" }, /\/no\/such\/folder.*no such file/],
  [
    "a batch larger than the data",
    { batch: 200 },
    /has 120 samples, expected a batch of 200 to train on .*20 to hold out/,
  ],
  [
    "more held out than there is",
    { holdout: 50 },
    /has 120 samples, expected 100 to train on .*50 to hold out/,
  ],
  [
    "images smaller than the crop",
    { size: 64, holdout: 0 },
    /no more than 12 images .*: found 13, such as .*32×32.*64×64/,
  ],
  [
    "an epoch of fewer batches than a step",
    { steps: undefined, epochs: 1, batch: 50, accumulate: 3 },
    /1 epochs in steps of 3 batches .*they have 2\. Lower --accumulate/,
  ],
];
for (const [what, given, message] of refused) {
  Deno.test(`pretrain: ${what} is refused`, onGpu, async () => {
    await inFolder((out) =>
      assertThrows(() => pretrain({ ...tiny, ...given, out }, quiet), UserError, message)
    );
  });
}

Deno.test(
  "pretrain: a folder that holds a run, another architecture and other data are refused",
  onGpu,
  async () => {
    await inFolder(async (folder) => {
      const out = join(folder, "run");
      const short = { ...tiny, holdout: 0, steps: 2, out };
      await pretrain(short, quiet);
      await assertThrows(() => pretrain(short, quiet), UserError, /holds one already.*--resume/);
      const resume = { ...quiet, resume: true };
      await assertThrows(
        () => pretrain({ out, hidden: 32 }, resume),
        UserError,
        /hidden = 32 as it began with 16/,
      );
      await assertThrows(() => pretrain({ out: folder }, resume), UserError, /config\.json/);

      const path = lastCheckpoint(out, 2);
      const config = join(out, "config.json"), kept = await Deno.readTextFile(config);
      await Deno.writeTextFile(
        config,
        kept.replace(/"hidden":\s*16/, '"hidden": 20'),
      );
      await assertThrows(
        () => pretrain({ out }, resume),
        UserError,
        /of another run.*hidden 16 instead of 20/,
      );
      await Deno.remove(config);
      await assertThrows(() => pretrain(short, quiet), UserError, /holds one already/);
      await Deno.remove(join(out, "metrics.jsonl"));
      await assertThrows(() => pretrain(short, quiet), UserError, /holds one already/);
      await Deno.writeTextFile(config, "null");
      await assertThrows(() => pretrain({ out }, resume), UserError, /config\.json cannot be read/);
      await Deno.writeTextFile(config, kept);
      await Deno.truncate(path, 1000);
      await assertThrows(() => pretrain({ out }, resume), UserError, /step-000002\.safetensors/);
    });
  },
);

Deno.test("pretrain: unreadable images are counted and named, or stop the run", onGpu, async () => {
  await inFolder(async (folder) => {
    const source = await openIndexed("shapes:24");
    const data = join(folder, "images");
    await Deno.mkdir(data);
    for await (const { index, bytes } of source) await Deno.writeFile(join(data, `${index}.jpg`), bytes);
    await Deno.writeFile(join(data, "broken.jpg"), (await source.read(0)).bytes.subarray(0, 300));
    const given = { ...tiny, data, limit: 25, holdout: 0, batch: 8, steps: 6 };
    const out = join(folder, "skip");
    await pretrain({ ...given, out }, quiet);
    const named = (await Deno.readTextFile(join(out, "bad_images.jsonl"))).trim().split("\n").map((line) =>
      JSON.parse(line)
    );
    assertEquals(named.map(({ key }) => key), ["broken.jpg"]);
    const few = join(folder, "few");
    await assertThrows(
      () => pretrain({ ...given, maxBad: 0, out: few }, quiet),
      UserError,
      /no more than 0 images .*--max-bad.*: found 1, such as broken\.jpg: .*bad_images\.jsonl/,
    );
    assertEquals(
      await Deno.readTextFile(join(few, "bad_images.jsonl")),
      await Deno.readTextFile(join(out, "bad_images.jsonl")),
    );
    await assertThrows(
      () => pretrain({ ...given, onBadImage: "error", out: join(folder, "error") }, quiet),
      UserError,
      /broken\.jpg/,
    );
  });
});

Deno.test("train.ts: exit codes are 1 for the user's input and 2 for the machine", async () => {
  await inFolder(async (folder) => {
    const run = async (env: Record<string, string>, ...more: string[]) => {
      const { code, stderr } = await train(join(folder, "run"), { env, more }).output();
      return { code, said: new TextDecoder().decode(stderr) };
    };
    const unknown = await run({}, "--bach", "3");
    assert(unknown.code === 1 && /--batch/.test(unknown.said), unknown.said);
    const missing = await run({}, "--data", join(folder, "none"));
    assert(missing.code === 1 && /no such file/.test(missing.said), missing.said);
    const noAdapter = await run({
      DENO_WEBGPU_BACKEND: "vulkan",
      VK_DRIVER_FILES: "/dev/null",
      VK_ICD_FILENAMES: "/dev/null",
    });
    assert(noAdapter.code === 2 && /no WebGPU adapter/.test(noAdapter.said), noAdapter.said);
  });
});
