/**
 * The pool's Worker with faults, for tests. It crashes on its fifth job and on image 13, and never answers a job with image 17.
 * With seed 99 it crashes on every job, with seed 98 it has no decoder. Like a decoder, it fails when the job's turn comes.
 */
/// <reference lib="deno.worker" />
import "../../data/decode_worker.ts";
import type { JobItem, Setup } from "../../data/decode_worker.ts";

type Message = Setup | { items: JobItem[] };

const scope = self as DedicatedWorkerGlobalScope;
const work = scope.onmessage! as (event: MessageEvent<Message>) => void;
const answer = scope.postMessage.bind(scope) as (message: unknown, transfer: Transferable[]) => void;
const waiting: MessageEvent<Message>[] = [];
let jobs = 0, seed: number | null = null, isBusy = false;

function next(): void {
  const event = waiting.shift();
  isBusy = event !== undefined;
  if (!event || !("items" in event.data)) return;
  const { items } = event.data, has = (index: number) => items.some((item) => item.index === index);
  if (seed === 98) return scope.postMessage({ failure: "Cannot load an image decoder: there is none" }, []);
  if (++jobs === 5 || has(13) || seed === 99) throw new Error("crash on purpose");
  if (!has(17)) work(event);
}

scope.postMessage = (message: unknown, transfer: unknown) => {
  answer(message, transfer as Transferable[]);
  setTimeout(next, 5); // the answer is sent before the next fault
};
scope.onmessage = (event: MessageEvent<Message>) => {
  if ("recipe" in event.data) {
    ({ seed } = event.data);
    work(event);
  } else {
    waiting.push(event);
    if (!isBusy) next();
  }
};
