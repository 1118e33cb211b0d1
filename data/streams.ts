/**
 * The stream classes of this folder: the runtime's own, or web-streams-polyfill's where the runtime's cannot be made
 * from, or read as, an async iterable. The two kinds do not pipe into each other, so all of data/ takes them here.
 *
 * @module
 */
type Streams = Pick<typeof globalThis, "ReadableStream" | "TransformStream">;

const native = "from" in globalThis.ReadableStream &&
  Symbol.asyncIterator in globalThis.ReadableStream.prototype;

const streams: Streams = native
  ? globalThis
  : await import("npm:web-streams-polyfill@4.3.0") as unknown as Streams;

/** A WHATWG ReadableStream that can be made from, and read as, an async iterable. */
export const ReadableStream = streams.ReadableStream;
/** A WHATWG ReadableStream that can be made from, and read as, an async iterable. */
export type ReadableStream<T> = globalThis.ReadableStream<T>;

/** A WHATWG TransformStream that goes with {@linkcode ReadableStream}. */
export const TransformStream = streams.TransformStream;
/** A WHATWG TransformStream that goes with {@linkcode ReadableStream}. */
export type TransformStream<I, O> = globalThis.TransformStream<I, O>;
