/**
 * A run on several ranks: rank 0 opens its folder and writes, the others take its options and say nothing.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import config from "../../deno.json" with { type: "json" };
import type { Division } from "../../data/divide.ts";
import { UserError } from "../base/errors.ts";
import { createLines } from "../base/progress.ts";
import { isImageSource } from "../config/check_options.ts";
import type { PretrainCallbacks } from "../config/callbacks.ts";
import { loadRecipe } from "../config/load_recipe.ts";
import type { PretrainOptions, PretrainSettings } from "../config/pretrain_options.ts";
import { absoluteSource } from "../config/source_paths.ts";
import type { World } from "../distributed/world.ts";
import type { Gpu } from "../gpu/device.ts";
import type { Run } from "./folder.ts";
import { settingsOf } from "./resumed_run.ts";

/** A run whose folder is closed when it is disposed of. */
export interface OpenRun extends AsyncDisposable {
  run: Run;
}

/** Options that each rank has for itself: where the data lies there, and what no weight depends on. */
const OWN = ["data", "workers", "cache"] as const;

/**
 * The run that `open` opens on rank 0, on all ranks.
 *
 * @throws {UserError} if a rank was started with other options or another version.
 */
export async function openOnFirst(
  world: World,
  given: PretrainOptions,
  open: () => Promise<{ run: Run; lock: AsyncDisposable }>,
): Promise<OpenRun> {
  let opened: { run: Run; lock: AsyncDisposable } | null = null;
  if (world.size === 1) opened = await open();
  else {
    const settings = await settingsOf(given);
    await expectAlike(world, settings);
    const { checkpoint, ...others } = await world.first("the run's folder", async () => {
      opened = await open();
      const { options, recipe, began, checkpoint } = opened.run;
      expectShares(world, opened.run);
      const { step, metadata } = checkpoint ?? {};
      return { options, recipe, began, checkpoint: checkpoint ? { step: step!, metadata: metadata! } : null };
    });
    if (world.rank > 0) {
      const run: Run = {
        ...others,
        options: { ...others.options, ...ownOptions(world, settings) },
        initial: null, // rank 0's trainer has these weights, and those of the checkpoint
        checkpoint: checkpoint && { ...checkpoint, tensors: new Map() },
      };
      return { run, [Symbol.asyncDispose]: () => Promise.resolve() };
    }
  }
  const { run, lock } = opened!;
  return { run, [Symbol.asyncDispose]: () => lock[Symbol.asyncDispose]() };
}

/** What `given` says of {@linkcode OWN}. */
function ownOptions({ hosts, rank }: World, { data, workers, cache }: PretrainSettings) {
  const together = hosts.filter((host) => host === hosts[rank]).length;
  const cores = Math.max(1, Math.floor(navigator.hardwareConcurrency / together));
  return {
    ...data !== undefined && { data: isImageSource(data) ? null : absoluteSource(data) },
    workers: workers ?? cores,
    ...cache !== undefined && { cache },
  };
}

function expectShares({ size }: World, { options: { accumulate } }: Run): void {
  if (accumulate % size === 0) return;
  throw new UserError(
    `Cannot share the ${accumulate} batches of a step among ${size} processes: each must get as many. Start as many ` +
      `processes as divide ${accumulate}, or begin a run with another --accumulate.`,
  );
}

/** Refuses ranks that were started otherwise than rank 0. */
async function expectAlike(world: World, settings: PretrainSettings): Promise<void> {
  const facts: Record<string, unknown> = { version: config.version, Deno: Deno.version.deno, ...settings };
  for (const name of OWN) delete facts[name];
  if (typeof facts.recipe === "string") facts.recipe = await loadRecipe(facts.recipe);
  const all = (await world.texts("the options", JSON.stringify(facts))).map((text) => JSON.parse(text));
  all.forEach((theirs, rank) => {
    const names = new Set([...Object.keys(all[0]), ...Object.keys(theirs)]);
    const name = [...names].find((name) => !isDeepStrictEqual(all[0][name], theirs[name]));
    if (name === undefined) return;
    throw new UserError(
      `Cannot start: rank ${rank} (${world.hosts[rank]}) has ${name} = ${
        JSON.stringify(theirs[name] ?? null)
      }, rank 0 has ` +
        `${JSON.stringify(all[0][name] ?? null)}. Start all processes with the same options and version.`,
    );
  });
}

/** Refuses ranks that see other data than rank 0. */
export async function expectSameSource(
  world: World,
  { name, fingerprint }: { name: string; fingerprint: string },
): Promise<void> {
  if (world.size === 1) return;
  const all = await world.texts("the data", fingerprint), rank = all.findIndex((theirs) => theirs !== all[0]);
  if (rank < 0) return;
  throw new UserError(
    `Cannot start: the images of ${name} on rank ${rank} (${
      world.hosts[rank]
    }) differ from those on rank 0. Copy the same ` +
      `files to all machines.`,
  );
}

/**
 * Refuses ranks with other adapters than rank 0, which would round otherwise. Returns a warning if ranks of one machine share
 * a GPU, else null.
 */
export async function expectSameAdapter(
  world: World,
  { identity, name, software }: Gpu,
): Promise<string | null> {
  const { rank, size, hosts } = world;
  if (size === 1) return null;
  const all = await world.texts("the adapter", identity),
    other = all.findIndex((theirs) => theirs !== all[0]);
  if (other >= 0) {
    throw new UserError(
      `Cannot start: rank ${other} (${hosts[other]}) computes on another adapter than rank 0: "${
        all[other]
      }" instead of ` +
        `"${all[0]}". Start the processes on machines of one kind.`,
    );
  }
  const shared = hosts.findIndex((host, r) => hosts.indexOf(host) !== r);
  if (rank > 0 || software || shared < 0) return null;
  return `Warning: ranks ${hosts.indexOf(hosts[shared])} and ${shared} on ${
    hosts[shared]
  } may share one GPU (${name}): ` +
    `WebGPU cannot choose among several. See docs/distributed.md`;
}

/** A word if rank 0 evaluates alone, else null. */
export function lonelyEvaluation({ size }: World, { heldOut }: Division): string | null {
  if (size === 1 || heldOut?.kind !== "streamed") return null;
  return `Rank 0 evaluates alone: ${heldOut.name} is read from its beginning to its end`;
}

/** The callbacks of a rank: only rank 0 speaks. A signal does not end what
 * ranks do together: they agree on it between steps. */
export function callbacksOf({ rank, size }: World, callbacks: PretrainCallbacks): PretrainCallbacks {
  if (size === 1) return callbacks;
  if (rank === 0) return { ...callbacks, signal: undefined };
  return { log() {}, progress: (options) => createLines({ ...options, print() {} }) };
}
