import { join } from "node:path";
import { UserError } from "../../src/base/errors.ts";
import {
  checkpointFolder,
  checkpointPath,
  latestCheckpoint,
  loadCheckpoint,
  saveCheckpoint,
} from "../../src/io/checkpoint.ts";
import { writeSafetensors } from "../../src/io/safetensors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { namesIn, temporaryFolder } from "./temporary_folder.ts";

const at = (step: number) => ({
  step,
  tensors: new Map([["w", { shape: [1], data: Float32Array.of(step) }]]),
  metadata: { config: { batch: 64 }, epoch: 1.5, seeds: [1, 2] },
});

const steps = async (out: string) =>
  (await namesIn(checkpointFolder(out))).map((name) => Number(name.slice(5, -12)));

Deno.test("loadCheckpoint() returns what saveCheckpoint() wrote", async () => {
  await using out = await temporaryFolder();
  const path = await saveCheckpoint(out.path, at(60), { keep: 1 });
  assertEquals(path, join(out.path, "checkpoints", "step-000060.safetensors"));
  const { step, tensors, metadata } = await loadCheckpoint(path);
  assertEquals([step, [...tensors.get("w")!.data]], [60, [60]]);
  assertEquals(metadata, { config: { batch: 64 }, epoch: 1.5, seeds: [1, 2], step: 60 });
});

Deno.test("saveCheckpoint() keeps the latest `keep`, ordered by step and not by name", async () => {
  await using out = await temporaryFolder();
  for (const step of [999_990, 999_995, 1_000_000]) await saveCheckpoint(out.path, at(step), { keep: 3 });
  assertEquals(await steps(out.path), [1_000_000, 999_990, 999_995]);
  await saveCheckpoint(out.path, at(1_000_005), { keep: 2 });
  assertEquals(await steps(out.path), [1_000_000, 1_000_005]);
  assertEquals(await latestCheckpoint(out.path), checkpointPath(out.path, 1_000_005));
});

Deno.test("saveCheckpoint() replaces an existing step and removes no later one", async () => {
  await using out = await temporaryFolder();
  for (const step of [20, 40, 60]) await saveCheckpoint(out.path, at(step), { keep: 3 });
  await saveCheckpoint(out.path, at(40), { keep: 1 });
  assertEquals(await steps(out.path), [40, 60]);
  await assertThrows(() => saveCheckpoint(out.path, at(80), { keep: 0 }), RangeError, /at least 1/);
});

Deno.test("latestCheckpoint() ignores files that are no checkpoints", async () => {
  await using out = await temporaryFolder();
  assertEquals(await latestCheckpoint(out.path), null);
  await saveCheckpoint(out.path, at(20), { keep: 3 });
  for (
    const name of [
      ".step-000040.safetensors.1b2c.partial",
      "step-000040.safetensors.bak",
      "step-.safetensors",
    ]
  ) {
    await Deno.writeTextFile(join(checkpointFolder(out.path), name), "");
  }
  assertEquals(await latestCheckpoint(out.path), checkpointPath(out.path, 20));
});

Deno.test("saveCheckpoint() writes equal bytes for equal states", async () => {
  await using one = await temporaryFolder();
  await using two = await temporaryFolder();
  const bytes = await Promise.all(
    [one, two].map(async ({ path }) => await Deno.readFile(await saveCheckpoint(path, at(7), { keep: 1 }))),
  );
  assert(bytes[0].length > 0);
  assertEquals([...bytes[0]], [...bytes[1]]);
});

Deno.test("loadCheckpoint() refuses a file that is no checkpoint", async () => {
  await using out = await temporaryFolder();
  const path = join(out.path, "encoder.safetensors");
  await writeSafetensors(path, { tensors: [], metadata: { format: "pt" } });
  await assertThrows(() => loadCheckpoint(path), UserError, /metadata must be JSON, and format is pt/);
  await writeSafetensors(path, { tensors: [] });
  await assertThrows(() => loadCheckpoint(path), UserError, /the step in its metadata is missing/);
});
