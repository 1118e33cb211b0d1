/** Whole runs, small ones: what they write, and what they refuse. */
import { join } from "node:path";
import { UserError } from "../../src/base/errors.ts";
import { exists } from "../../src/base/files.ts";
import type { PretrainOptions } from "../../src/config/pretrain_options.ts";
import { loadCheckpoint } from "../../src/io/checkpoint.ts";
import { pretrain } from "../../src/run/pretrain.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { gradient, openIndexed, png } from "../data/fixtures.ts";
import { onGpu } from "../gpu/shared.ts";
import { checkpointNames, checkpointOf, digestOf, inFolder, quiet, tiny } from "./tiny_runs.ts";
import { records } from "./whole_runs.ts";

Deno.test(
  "pretrain() gives equal metrics and checkpoints for equal seeds, with 1 and 3 Workers",
  onGpu,
  async () => {
    await inFolder(async (folder) => {
      const runs: { digest: string; records: unknown[] }[] = [];
      for (const workers of [1, 3]) {
        const out = join(folder, `workers-${workers}`);
        const { summary } = await pretrain({ ...tiny, kernels: "auto", workers, out, ...quiet });
        assert(summary?.knn, "there is no kNN figure");
        for (const figure of Object.values(summary.knn)) assert(figure >= 0 && figure <= 1);
        runs.push({ digest: await digestOf(checkpointOf(out)), records: await records(out) });
      }
      assertEquals(runs[0], runs[1]);
      assertEquals(runs[0].records.length, 7);
      const other = join(folder, "other");
      await pretrain({ ...tiny, kernels: "auto", seed: 1, holdout: 0, out: other, ...quiet });
      assert(
        await digestOf(checkpointOf(other)) !== runs[0].digest,
        "another seed gives the same checkpoint",
      );
    });
  },
);

Deno.test(
  "pretrain() trains the same networks with and without online probe and evaluations",
  onGpu,
  async () => {
    await inFolder(async (folder) => {
      // In source order the same images are trained on, whether others are held out or not.
      const steps = { ...tiny, ...quiet, order: "source", steps: 7 } as const;
      const [without, out] = [join(folder, "without"), join(folder, "with")];
      await pretrain({ ...steps, holdout: 0, out: without });
      await pretrain({ ...steps, evalEvery: 1, out });
      const [plain, observed] = await Promise.all(
        [without, out].map(async (run) => (await loadCheckpoint(checkpointOf(run, 7))).tensors),
      );
      const probe = [...observed.keys()].filter((name) => !plain.has(name));
      assertEquals(probe, [
        "probe.classifier.weight",
        "probe.classifier.bias",
        "probe_momentum.classifier.weight",
        "probe_momentum.classifier.bias",
      ]);
      for (const name of probe) {
        assert(observed.get(name)!.data.some((value) => value !== 0), `${name} learned nothing`);
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

Deno.test("pretrain() moves statistics but no weight at a learning rate of 1e-30", onGpu, async () => {
  await inFolder(async (out) => {
    await pretrain({ ...tiny, ...quiet, holdout: 0, steps: 3, lr: 1e-30, checkpointEvery: 1, out });
    const [first, last] = await Promise.all(
      [1, 3].map(async (step) => (await loadCheckpoint(checkpointOf(out, step))).tensors),
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
});

Deno.test("pretrain() leaves the target unchanged with tau = 1", onGpu, async () => {
  await inFolder(async (out) => {
    const given = { ...tiny, ...quiet, holdout: 0, steps: 3, checkpointEvery: 1, out };
    await pretrain({ ...given, tau: 1, targetInit: "independent" });
    const [first, last] = await Promise.all([1, 3].map((step) => loadCheckpoint(checkpointOf(out, step))));
    const name = "backbone.layer1.0.conv1.weight";
    assertEquals(
      [...last.tensors.get(`target.${name}`)!.data],
      [...first.tensors.get(`target.${name}`)!.data],
    );
    assert(last.tensors.get(`online.${name}`)!.data[0] !== first.tensors.get(`online.${name}`)!.data[0]);
  });
});

Deno.test("pretrain() writes no checkpoint with weights that are not finite", onGpu, async () => {
  await inFolder(async (out) => {
    const wild = { ...tiny, ...quiet, holdout: 0, steps: 3, lr: 1e39, warmup: 0, checkpointEvery: 1, out };
    await assertThrows(() => pretrain(wild), UserError, /has the value .* after step 1.*--lr/);
    assertEquals(checkpointNames(out), []);
  });
});

Deno.test(
  "pretrain() stops at a loss that is not finite and keeps the checkpoints before",
  onGpu,
  async () => {
    await inFolder(async (out) => {
      const wild = { ...tiny, ...quiet, holdout: 0, steps: 40, lr: 1e30, warmup: 0, checkpointEvery: 1, out };
      await assertThrows(() => pretrain(wild), UserError, /the loss of step \d+ is (NaN|-?Infinity).*--lr/);
      for (const name of checkpointNames(out)) {
        const { metadata } = await loadCheckpoint(join(out, "checkpoints", name));
        assert(Number.isFinite(metadata.loss), `${name} was written after the loss became ${metadata.loss}`);
      }
    });
  },
);

const refused: [what: string, given: PretrainOptions, message: RegExp][] = [
  ["a missing source", { data: "/no/such/folder" }, /\/no\/such\/folder.*no such file/],
  [
    "a batch larger than the data",
    { batch: 200 },
    /has 120 images.* expected a batch of 200 to train on .*20 to hold out/,
  ],
  [
    "more held-out images than there are",
    { holdout: 50 },
    /has 120 images.* expected 100 to train on .*50 to hold out/,
  ],
  [
    "images that are all below the minimum side",
    { minSide: 33, holdout: 0 },
    /of 100 images 100 are left out, such as .*32×32 pixels are below the minimum side of 33\. Leave out fewer/,
  ],
  [
    "an epoch of fewer batches than a step",
    { steps: undefined, epochs: 1, batch: 50, accumulate: 3 },
    /1 epochs in steps of 3 batches.*have only 2 batches\. Lower --accumulate/,
  ],
];
for (const [what, given, message] of refused) {
  Deno.test(`pretrain() refuses ${what}`, onGpu, async () => {
    await inFolder((out) =>
      assertThrows(() => pretrain({ ...tiny, ...given, out, ...quiet }), UserError, message)
    );
  });
}

Deno.test(
  "pretrain() enlarges images smaller than a view, and leaves out those below minSide",
  onGpu,
  async () => {
    await inFolder(async (folder) => {
      const given = { ...tiny, ...quiet, size: 48, steps: 3, maxBad: 0 };
      const { summary } = await pretrain({ ...given, out: join(folder, "enlarged") }); // of 32 px
      assert(summary?.knn && Number.isFinite(summary.finalLoss), "it did not finish");

      const data = join(folder, "images"), sides = [20, 21, 40, 100];
      await Deno.mkdir(data);
      for (let i = 0; i < 32; i++) {
        await Deno.writeFile(join(data, `${i}.png`), png(gradient(sides[i % 4], 60, { seed: i })));
      }
      const out = join(folder, "left out"), lines: string[] = [];
      const mixed = { ...given, data, limit: undefined, holdout: 0, batch: 8, minSide: 21 };
      await pretrain({ ...mixed, out, log: (line: string) => lines.push(line) });
      const listed = (await Deno.readTextFile(join(out, "bad_images.jsonl"))).trim().split("\n").map((line) =>
        JSON.parse(line)
      );
      assertEquals(listed.map(({ key }) => Number.parseInt(key) % 4), Array(listed.length).fill(0));
      assert(
        listed.length >= 6 &&
          listed.every(({ reason, left_out }) =>
            left_out && reason === "its 20×60 pixels are below the minimum side of 21"
          ),
        JSON.stringify(listed),
      );
      assert(
        lines.some((line) => line.endsWith(`; ${listed.length} images were left out`)),
        lines.join("\n"),
      );
    });
  },
);

Deno.test("pretrain() lists unreadable images and goes on, or stops at them", onGpu, async () => {
  await inFolder(async (folder) => {
    const source = await openIndexed("shapes:24");
    const data = join(folder, "images");
    await Deno.mkdir(data);
    for await (const { index, bytes } of source) await Deno.writeFile(join(data, `${index}.jpg`), bytes);
    await Deno.writeFile(join(data, "broken.jpg"), (await source.read(0)).bytes.subarray(0, 300));
    const given = { ...tiny, ...quiet, data, limit: 25, holdout: 0, batch: 8, steps: 6 };
    const out = join(folder, "skip");
    await pretrain({ ...given, out });
    const listed = (await Deno.readTextFile(join(out, "bad_images.jsonl"))).trim().split("\n").map((line) =>
      JSON.parse(line)
    );
    assertEquals(listed.map(({ key }) => key), ["broken.jpg"]);
    const few = join(folder, "few");
    await assertThrows(
      () => pretrain({ ...given, maxBad: 0, out: few }),
      UserError,
      /1 images cannot be used, such as broken\.jpg: .*at most 0 are allowed \(--max-bad\).*bad_images\.jsonl/,
    );
    assertEquals(
      await Deno.readTextFile(join(few, "bad_images.jsonl")),
      await Deno.readTextFile(join(out, "bad_images.jsonl")),
    );
    await assertThrows(
      () => pretrain({ ...given, onBadImage: "error", out: join(folder, "error") }),
      UserError,
      /broken\.jpg/,
    );
  });
});

Deno.test(
  "pretrain() that is aborted while it opens writes nothing, and says that no step was done",
  onGpu,
  async () => {
    await inFolder(async (folder) => {
      const out = join(folder, "run"), stop = new AbortController();
      const log = () => stop.abort(); // the line on the data comes first
      const { step, total, summary } = await pretrain({ ...tiny, out, log, signal: stop.signal });
      assertEquals({ step, total, summary }, { step: 0, total: 14, summary: null });
      assertEquals(await exists(out), false, "the folder is there");
    });
  },
);
