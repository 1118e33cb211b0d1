/**
 * The stream classes of data/: the runtime's own, or those of web-streams-polyfill if the runtime's lack `from` or async
 * iteration. The two kinds do not pipe into each other, so all modules of data/ import them here.
 *
 * @module
 */
type Streams = Pick<typeof globalThis, "ReadableStream" | "TransformStream">;

const native = "from" in globalThis.ReadableStream &&
  Symbol.asyncIterator in globalThis.ReadableStream.prototype;

const streams: Streams = native
  ? globalThis
  : await import("npm:web-streams-polyfill@4.3.0") as unknown as Streams;

/** A WHATWG ReadableStream with `from` and async iteration. */
export const ReadableStream: typeof globalThis.ReadableStream = streams.ReadableStream;
/** A WHATWG ReadableStream with `from` and async iteration. */
export type ReadableStream<T> = globalThis.ReadableStream<T>;

/** A WHATWG TransformStream that pipes with {@linkcode ReadableStream}. */
export const TransformStream: typeof globalThis.TransformStream = streams.TransformStream;
/** A WHATWG TransformStream that pipes with {@linkcode ReadableStream}. */
export type TransformStream<I, O> = globalThis.TransformStream<I, O>;
