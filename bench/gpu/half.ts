/**
 * An encoder in half the bytes, in parts that a transfer of small files takes:
 *
 *     deno run -A bench/gpu/half.ts pack encoder.safetensors PREFIX     writes PREFIX.part1, PREFIX.part2, …
 *     deno run -A bench/gpu/half.ts join encoder.safetensors PART…      makes it float32 again, for src/cli/evaluate.ts
 *
 * The parts, one after the other, are a safetensors file of float16. Of a checkpoint only the encoder is packed.
 *
 * @module
 */
import { runMain } from "../../src/cli/run_main.ts";
import { UserError } from "../../src/base/errors.ts";
import { writeFileAtomic } from "../../src/io/atomic.ts";
import { readSafetensors, type TensorEntry, writeSafetensors } from "../../src/io/safetensors.ts";

/** The most bytes of a part. */
export const PART_BYTES = 15 * 2 ** 20;

/** What the names of the encoder's tensors begin with in a checkpoint. */
const CHECKPOINT_PREFIX = "online.backbone.";

interface HalfEntry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** The encoder among the tensors of a file. */
function encoderOf(tensors: ReadonlyMap<string, TensorEntry>): [string, TensorEntry][] {
  const inside = [...tensors].filter(([name]) => name.startsWith(CHECKPOINT_PREFIX));
  if (inside.length === 0) return [...tensors];
  return inside.map(([name, tensor]) => [name.slice(CHECKPOINT_PREFIX.length), tensor]);
}

/** A safetensors file of float16 with these tensors. */
function encodeHalf(
  tensors: readonly [string, TensorEntry][],
  metadata: Record<string, string>,
): Uint8Array<ArrayBuffer> {
  const header: Record<string, HalfEntry | Record<string, string>> = {}, halves: Float16Array[] = [];
  if (Object.keys(metadata).length > 0) header.__metadata__ = metadata;
  let end = 0;
  for (const [name, { shape, data }] of tensors) {
    const half = Float16Array.from(data);
    const lost = half.findIndex((value, i) => !Number.isFinite(value) && Number.isFinite(data[i]));
    if (lost >= 0) {
      throw new UserError(
        `Cannot pack the tensor "${name}": its value ${
          data[lost]
        } is beyond float16. Copy the encoder as it is.`,
      );
    }
    header[name] = { dtype: "F16", shape: [...shape], data_offsets: [end, end += half.byteLength] };
    halves.push(half);
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const start = 8 + Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(start + end).fill(" ".charCodeAt(0), 8, start);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true);
  bytes.set(json, 8);
  let at = start;
  for (const half of halves) {
    bytes.set(new Uint8Array(half.buffer), at);
    at += half.byteLength;
  }
  return bytes;
}

/** Packs the encoder in the file at `path`; returns the parts' paths. */
export async function packEncoder(
  path: string,
  prefix: string,
  partBytes = PART_BYTES,
): Promise<string[]> {
  const { tensors, metadata } = await readSafetensors(path);
  const bytes = encodeHalf(encoderOf(tensors), metadata), parts: string[] = [];
  for (let at = 0; at < bytes.length; at += partBytes) {
    parts.push(`${prefix}.part${parts.length + 1}`);
    await writeFileAtomic(parts.at(-1)!, [bytes.subarray(at, at + partBytes)]);
  }
  return parts;
}

const partNumber = (path: string) => Number(/\.part(\d+)$/.exec(path)?.[1]);

/** Writes the encoder that `parts` hold, in any order, as float32 to `path`. */
export async function joinEncoder(path: string, parts: readonly string[]): Promise<void> {
  const sorted = parts.toSorted((a, b) => partNumber(a) - partNumber(b));
  const missing = sorted.findIndex((part, i) => partNumber(part) !== i + 1);
  if (sorted.length === 0 || missing >= 0) {
    throw new UserError(
      `Cannot join ${
        parts.join(", ") || "nothing"
      }: expected all parts, from .part1 on. Name every one of them once.`,
    );
  }
  const bytes = await new Blob(await Promise.all(sorted.map((part) => Deno.readFile(part)))).bytes();
  const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const { __metadata__: metadata, ...entries } = readHeader(bytes, start, path);
  const ends = Object.values(entries).map(({ data_offsets: [, end] }) => end);
  if (start + Math.max(0, ...ends) !== bytes.length) {
    throw new UserError(
      `Cannot join ${parts.join(", ")}: their tensors end at byte ${
        start + Math.max(0, ...ends)
      }, they have ` +
        `${bytes.length}. Name every part, and copy them anew.`,
    );
  }
  const tensors = Object.entries(entries).map(([name, { shape, data_offsets: [begin, end] }]) => {
    const half = new Float16Array(bytes.slice(start + begin, start + end).buffer);
    return [name, { shape, data: Float32Array.from(half) }] as const;
  });
  await writeSafetensors(path, { tensors, metadata });
}

function readHeader(
  bytes: Uint8Array,
  start: number,
  path: string,
): { __metadata__?: Record<string, string> } & Record<string, HalfEntry> {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, start)));
  } catch (error) {
    throw new UserError(
      `Cannot join the parts of ${path}: the first has no header: ${
        (error as Error).message
      }. Copy them anew.`,
    );
  }
}

async function main([command, encoder, ...rest]: string[]): Promise<void> {
  if (command === "pack" && encoder && rest.length === 1) {
    console.log((await packEncoder(encoder, rest[0])).join("\n"));
  } else if (command === "join" && encoder) {
    await joinEncoder(encoder, rest);
  } else {
    throw new UserError(
      "Cannot tell what to do: expected pack ENCODER PREFIX, or join ENCODER PART…, as in the file's head.",
    );
  }
}

if (import.meta.main) await runMain(main);
