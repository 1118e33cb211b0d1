/**
 * Unpacks zstd in a Worker. If the data are damaged, Deno's stream throws where only the error event of the process or the
 * Worker sees it.
 *
 * @module
 */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import { Readable } from "node:stream";
import { createZstdDecompress } from "node:zlib";

/** From the Worker: it needs packed bytes, or has unpacked ones; null at the end. */
export type FromZstd = "need" | Uint8Array | { failure: string } | null;
/** To the Worker: unpack more; or packed bytes, "end" after those of a frame, null after the last frame. */
export type ToZstd = "pull" | Uint8Array | "end" | null;

const CHUNK = 1 << 18;
const post = (message: FromZstd) => self.postMessage(message);
let supply: (packed: Uint8Array | "end" | null) => void;

function supplied(): Promise<Uint8Array | "end" | null> {
  return new Promise((resolve) => {
    supply = resolve;
    post("need");
  });
}

async function* frameFrom(first: Uint8Array): AsyncGenerator<Uint8Array> {
  yield first;
  for (let packed; (packed = await supplied()) instanceof Uint8Array;) yield packed;
}

/** Each frame has its own decompressor, which rejects a second one. */
async function* unpacked(): AsyncGenerator<Uint8Array> {
  for (let first; (first = await supplied()) instanceof Uint8Array;) {
    const frame = Readable.from(frameFrom(first), { objectMode: false });
    yield* frame.pipe(createZstdDecompress({ chunkSize: CHUNK })) as AsyncIterable<Uint8Array>;
  }
}

const chunks = unpacked();

self.onmessage = async ({ data }: MessageEvent<ToZstd>) => {
  if (data !== "pull") return supply(data);
  const { done, value } = await chunks.next();
  post(done ? null : new Uint8Array(value));
};

const fail = (event: Event, error: unknown) => {
  event.preventDefault();
  post({ failure: String((error as Error)?.message ?? error) });
};
self.addEventListener("error", (event) => fail(event, event.error));
self.addEventListener("unhandledrejection", (event) => fail(event, event.reason));
