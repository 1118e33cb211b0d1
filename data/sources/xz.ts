/**
 * Unpacks xz as a stream, by xz-embedded in WebAssembly.
 *
 * @module
 */

/** xz-embedded as npm:xz-decompress compiles it. A context begins with the words listed in {@linkcode contextOf}. */
interface XzModule {
  memory: WebAssembly.Memory;
  create_context(): number;
  supply_input(context: number, length: number): void;
  /** Fills the output; returns the status. */
  get_next_output(context: number): number;
}

const OK = 0, END = 1;

/** What else `get_next_output` returns, of which the rest is damage. */
const failures: Record<number, string> = {
  3: "its dictionary does not fit in memory",
  4: "its dictionary is larger than 64 MiB: unpack the file",
  5: "it does not begin like xz",
  6: "it has a filter or a kind of checksum that cannot be read: unpack the file",
  8: "unexpected end of data",
};

/** The unpacked bytes of `chunks`. Throws an Error with the defect if they are damaged or truncated. */
export async function* unxzipped(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const xz = await newModule(), context = contextOf(xz);
  const input = chunks[Symbol.asyncIterator]();
  let chunk = new Uint8Array(0), ended = false;
  for (;;) {
    if (context.isHungry()) {
      while (chunk.length === 0 && !ended) {
        const { done, value } = await input.next();
        if (done) ended = true;
        else chunk = value as Uint8Array<ArrayBuffer>;
      }
      chunk = chunk.subarray(context.supply(chunk));
    }
    const status = context.unpack(), bytes = context.take();
    if (bytes.length > 0) yield bytes;
    if (status === END) return; // several streams are read as one, so this is the end of the last
    if (status !== OK) throw new Error(failures[status] ?? "its data are damaged");
    if (ended && bytes.length === 0 && context.isHungry()) throw new Error(failures[8]);
  }
}

/**
 * A new instance. The package's own stream shares one among all streams of a process, and each waits for the end of the one
 * before: a second stream, as that of an evaluation during training, would wait forever.
 */
async function newModule(): Promise<XzModule> {
  const { default: { XzReadableStream } } = await import("npm:xz-decompress@0.2.3");
  const factory = XzReadableStream as unknown as {
    _getModuleInstance(): Promise<void>;
    _moduleInstance: WebAssembly.Instance;
  };
  await factory._getModuleInstance();
  return factory._moduleInstance.exports as unknown as XzModule;
}

function contextOf(xz: XzModule) {
  const at = xz.create_context();
  // Growing memory detaches views, so each access makes its own.
  const words = () => new Uint32Array(xz.memory.buffer, at, 6);
  const [capacity, input, , , output] = words();
  const CONSUMED = 2, SUPPLIED = 3, PRODUCED = 5;
  return {
    isHungry: () => words()[CONSUMED] === words()[SUPPLIED],
    /** Takes over the beginning of `bytes`; returns how many. None mean the end. */
    supply(bytes: Uint8Array): number {
      const part = bytes.subarray(0, capacity);
      new Uint8Array(xz.memory.buffer, input, capacity).set(part);
      xz.supply_input(at, part.length);
      return part.length;
    },
    unpack: () => xz.get_next_output(at),
    /** The output, and room for more. */
    take(): Uint8Array {
      const length = words()[PRODUCED];
      words()[PRODUCED] = 0;
      return new Uint8Array(xz.memory.buffer, output, length).slice();
    },
  };
}
