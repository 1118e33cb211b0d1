/**
 * Unpacks bzip2 as a stream, a block of up to 900 kB at a time.
 *
 * Written here because the packages at hand hold the whole file, or loop without end on damaged data.
 *
 * @module
 */
import { concatBytes } from "../../src/base/bytes.ts";
import { Bits, Underrun } from "./bzip2_bits.ts";
import { type Block, readBlock } from "./bzip2_block.ts";

/** The level, 1 … 9, stands for the bytes of a block. */
const LEVEL_SIZE = 100_000;

/** The unpacked bytes of `chunks`. Throws an Error with the defect if they are damaged or truncated. */
export async function* bunzipped(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const input = chunks[Symbol.asyncIterator]();
  let ended = false, bits = new Bits(new Uint8Array(0));
  /** Reads until `count` more bytes are there, or all. */
  const fill = async (count: number) => {
    const parts = [bits.rest()], offset = bits.bitOffset;
    for (let have = parts[0].length; have < count && !ended;) {
      const { done, value } = await input.next();
      if (done) ended = true;
      else {
        parts.push(value);
        have += value.length;
      }
    }
    bits = new Bits(concatBytes(parts), offset);
  };
  let level = 0, combined = 0, streams = 0;
  for (;;) {
    // A block is rarely larger packed than unpacked.
    let wanted = level * LEVEL_SIZE + 25_000;
    if (bits.remaining < wanted) await fill(wanted);
    if (level === 0) {
      // Several streams may follow one another, and tapes pad with zeros.
      if (streams > 0 && bits.rest().every((byte) => byte === 0)) return;
      level = streamLevel(bits);
      combined = 0;
      streams++;
      continue;
    }
    const begin = bits.position;
    let block: Block | null;
    for (;;) {
      try {
        block = readBlock(bits, level * LEVEL_SIZE);
        break;
      } catch (error) {
        if (!(error instanceof Underrun) || ended) throw error;
        bits.position = begin;
        await fill(wanted *= 2);
      }
    }
    if (block) {
      combined = (combined << 1 | combined >>> 31) ^ block.crc;
      yield block.bytes;
    } else {
      if (bits.take(32) !== combined >>> 0) throw new Error("the checksum of all blocks does not match");
      bits.align();
      level = 0;
      if (ended && bits.remaining === 0) return;
    }
  }
}

function streamLevel(bits: Bits): number {
  const isHeader = bits.take(24) === 0x425a68, level = bits.take(8) - 0x30;
  if (!isHeader || !(level >= 1 && level <= 9)) throw new Error("a stream does not begin with BZh1 … BZh9");
  return level;
}
