/**
 * The Worker of one contender: a device and compiled kernels of its own, so that a first run is cold whatever came
 * before, and its memory goes when it ends.
 *
 * @module
 */
/// <reference lib="deno.worker" />
import { chooseAdapter } from "../../src/gpu/adapter.ts";
import type { Contender, ContenderName, Results, Work } from "./contender.ts";
import type { Problem } from "./problems.ts";

/** What can be asked, in this order. */
export type Request =
  | { ask: "open"; name: ContenderName }
  | { ask: "create"; problem: Problem }
  | { ask: "run"; count: number }
  | { ask: "results" };

/** What is answered: milliseconds of the request, with what belongs to it, or why there is nothing. */
export type Answer =
  | { milliseconds: number; adapter?: string; results?: Results }
  | { error: string };

const modules: Record<ContenderName, () => Promise<{ open(): Promise<Contender> }>> = {
  ours: () => import("./ours.ts"),
  jax: () => import("./jax.ts"),
  tensorflow: () => import("./tensorflow.ts"),
};

let contender: Contender, work: Work;

async function answer(request: Request): Promise<Answer> {
  const begin = performance.now();
  const spent = () => performance.now() - begin;
  switch (request.ask) {
    case "open":
      await chooseAdapter(); // Fixes this thread's backends, so that all contenders get the same adapter.
      contender = await (await modules[request.name]()).open();
      return { milliseconds: spent(), adapter: contender.adapter };
    case "create":
      work = await contender.create(request.problem);
      return { milliseconds: spent() };
    case "run":
      await work.run(request.count);
      return { milliseconds: spent() };
    case "results":
      return { results: await work.results(), milliseconds: spent() };
  }
}

self.onmessage = async ({ data }: MessageEvent<Request>) => {
  let result: Answer;
  try {
    result = await answer(data);
  } catch (error) {
    result = { error: error instanceof Error ? error.message : String(error) };
  }
  self.postMessage(result);
};
