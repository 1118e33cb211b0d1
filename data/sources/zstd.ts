/**
 * Unpacks zstd as a stream.
 *
 * @module
 */
import type { FromZstd, ToZstd } from "./zstd_worker.ts";

/** The unpacked bytes of `chunks`. Throws an Error with the defect if they are damaged or truncated. */
export async function* unzstd(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const packed = framesOf(chunks);
  const worker = new Worker(new URL("./zstd_worker.ts", import.meta.url), { type: "module" });
  const post = (message: ToZstd) => worker.postMessage(message);
  let settle: { resolve(bytes: Uint8Array | null): void; reject(error: unknown): void };
  const supply = async () => {
    const { done, value } = await packed.next();
    post(done ? null : value);
  };
  worker.onmessage = ({ data }: MessageEvent<FromZstd>) => {
    if (data === "need") supply().catch((error) => settle.reject(error));
    else if (data && "failure" in data) settle.reject(new Error(data.failure));
    else settle.resolve(data);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    settle.reject(new Error(event.message));
  };
  try {
    for (;;) {
      const bytes = await new Promise<Uint8Array | null>((resolve, reject) => {
        settle = { resolve, reject };
        post("pull");
      });
      if (bytes === null) return;
      yield bytes;
    }
  } finally {
    worker.terminate();
  }
}

/**
 * The bytes of `chunks`, with "end" after each frame; frames that are to be skipped are left out. Deno's decompressor takes a
 * truncated frame for a whole one and rejects what follows a frame, so frames are followed here (RFC 8878, section 3.1).
 * Throws an Error if the last one is truncated.
 */
async function* framesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array | "end"> {
  const state = new FrameState();
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at += state.advance(chunk.subarray(at)));
      if (!state.isSkipped) yield part;
      if (state.isComplete && !state.isSkipped) yield "end";
    }
  }
  if (!state.isComplete) throw new Error("unexpected end of data");
}

/** Where in a frame a stream is. */
class FrameState {
  /** The header that is being read, and how much of it. */
  #head = new Uint8Array(18);
  #length = 0;
  /** Bytes to the next header. */
  #body = 0;
  #part: "frame" | "block" | "checksum" = "frame";
  #hasChecksum = false;
  /** Whether the frame, or the last one that has ended, holds no data. */
  isSkipped = false;

  /** Whether the bytes so far end with a frame. */
  get isComplete(): boolean {
    return this.#part === "frame" && this.#length === 0 && this.#body === 0;
  }

  /** Takes bytes up to the end of `bytes` or of the frame; returns how many. */
  advance(bytes: Uint8Array): number {
    for (let at = 0;;) {
      const passed = Math.min(this.#body, bytes.length - at);
      at += passed;
      this.#body -= passed;
      if (this.#body === 0 && this.#length === 0 && at > 0 && this.#part === "frame") return at;
      if (at === bytes.length) return at;
      this.#head[this.#length++] = bytes[at++];
      if (this.#length === 1 && this.#part === "frame") this.isSkipped = this.#head[0] >> 4 === 5;
      if (this.#length === this.#headLength()) this.#enter();
    }
  }

  /** The length of the header that is being read, as far as its first bytes tell it. */
  #headLength(): number {
    if (this.#part === "block") return 3;
    if (this.#part === "checksum") return 4;
    if (this.#length < 5) return 5;
    if (this.isSkipped) return 8;
    const descriptor = this.#head[4], isSingle = descriptor >> 5 & 1, size = descriptor >> 6;
    return 5 + (isSingle ? 0 : 1) + [0, 1, 2, 4][descriptor & 3] + [isSingle, 2, 4, 8][size];
  }

  /** Goes on with what follows a header. */
  #enter(): void {
    const view = new DataView(this.#head.buffer);
    this.#length = 0;
    if (this.#part === "checksum") this.#part = "frame";
    else if (this.#part === "block") {
      const header = view.getUint16(0, true) + view.getUint8(2) * 65536, isRun = (header >> 1 & 3) === 1;
      this.#body = isRun ? 1 : header >> 3;
      if (header & 1) this.#part = this.#hasChecksum ? "checksum" : "frame";
    } else if (this.isSkipped) this.#body = view.getUint32(4, true);
    else {
      this.#hasChecksum = (this.#head[4] >> 2 & 1) === 1;
      this.#part = "block";
    }
  }
}
