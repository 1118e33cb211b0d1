/**
 * A small labeled set in CIFAR-10's binary format, where there are no images at hand.
 *
 * @module
 */
import { join } from "node:path";
import { keyedRandom } from "../../src/base/random.ts";

const SIDE = 32, CLASSES = 10;
/** Images of each file; the last file, in the order of names, is for testing. */
const FILES: Record<string, number> = {
  "data_batch_1.bin": 256,
  "data_batch_2.bin": 256,
  "test_batch.bin": 128,
};
/** The largest deviation of a pixel from its class's pattern. */
const NOISE = 48;

/** Writes the set into `folder`: stripes, of each class in a direction and a color of its own, at any place. */
export async function writeSyntheticCifar(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  let file = 0;
  for (const [name, count] of Object.entries(FILES)) {
    const random = keyedRandom(file++), records: Uint8Array<ArrayBuffer>[] = [];
    for (let i = 0; i < count; i++) records.push(recordOf(i % CLASSES, random));
    await Deno.writeFile(join(folder, name), await new Blob(records).bytes());
  }
}

/** A record: the label, and then a plane each of red, green and blue. */
function recordOf(label: number, random: ReturnType<typeof keyedRandom>): Uint8Array<ArrayBuffer> {
  const record = new Uint8Array(1 + 3 * SIDE * SIDE);
  record[0] = label;
  const direction = Math.PI * label / CLASSES, shift = random.integer(SIDE);
  const [dx, dy] = [Math.cos(direction), Math.sin(direction)];
  for (let channel = 0, at = 1; channel < 3; channel++) {
    const amplitude = 40 + 60 * ((label >> channel) & 1);
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) {
        const wave = amplitude * Math.sin((x * dx + y * dy + shift) / 2);
        record[at++] = Math.round(128 + wave + random.integer(2 * NOISE) / 2 - NOISE / 2);
      }
    }
  }
  return record;
}
