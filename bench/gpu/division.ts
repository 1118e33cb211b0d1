/**
 * The images of the CIFAR-10 run, and those that are held out.
 *
 * @module
 */
import { join } from "node:path";
import { openSource } from "../../data/sources/open.ts";
import type { Session } from "./session.ts";
import { writeSyntheticCifar } from "./synthetic.ts";

/** Images to train on, and those that are held out: as options of train.ts and src/cli/evaluate.ts take them. */
export interface Division {
  train: string;
  test: string;
  images: number;
}

/** Holds the last file out, as CIFAR-10's own test_batch.bin is by its name. */
export async function divide({ data, small, work }: Session): Promise<Division | null> {
  if (data === null && !small) return null;
  const folder = data ?? join(work, "synthetic");
  if (data === null) await writeSyntheticCifar(folder);
  const files = Array.from(Deno.readDirSync(folder), ({ name }) => name)
    .filter((name) => /\.(tar|bin|parquet)$/.test(name)).sort();
  if (files.length < 2) {
    throw new Error(
      `Cannot use the images in "${folder}": expected two .tar, .bin or .parquet files or more.`,
    );
  }
  const training = small ? files.slice(0, Math.min(2, files.length - 1)) : files.slice(0, -1);
  const train = join(folder, training.length > 1 ? `{${training.join(",")}}` : training[0]);
  const source = await openSource(train);
  const images = source.length;
  source.close();
  if (images === null) {
    throw new Error(`Cannot use the images in "${folder}": nobody knows how many there are.`);
  }
  return { train, test: join(folder, files.at(-1)!), images };
}
