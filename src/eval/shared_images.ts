/**
 * Images whose features several ranks compute together: each those of some batches, and rank 0 gets all in order.
 *
 * The ranks take the images in turn, a window of a batch at a time, so that batches have the images that they have in one
 * process. They meet after each: none waits long for a slower one, and a rank that hangs is noticed.
 *
 * @module
 */
import { windowsOf } from "../../data/share.ts";
import type { ImageSource, IndexedSource } from "../../data/sources/types.ts";
import { numberIn, subsetOf } from "../../data/subset.ts";
import { UserError } from "../base/errors.ts";
import type { World } from "../distributed/world.ts";
import {
  collectFeatures,
  type FeatureMaker,
  type ImageBatch,
  type Images,
  type LabeledFeatures,
} from "./features.ts";

/** Rows that a rank sends at once. */
const ROWS_PER_MESSAGE = 1024;

/** A batch that knows its images' numbers in the source. */
type NumberedBatch<I extends Images> = ImageBatch<I> & { indices: number[] };

/** How the features of a source are computed. */
export interface Collection<I extends Images> {
  /** The batches of a part of the source. */
  open(part: ImageSource): AsyncIterable<NumberedBatch<I>>;
  maker: FeatureMaker<I>;
}

/** The images of a source, for several ranks. Rank 0 alone computes features of a stream: it cannot be read in parts. */
export class SharedImages {
  readonly #world: World;
  readonly #source: ImageSource;
  readonly #batch: number;
  /** For each rank the rows of its images in the result; null if rank 0 has all of them. */
  #rows: Uint32Array[] | null = null;

  /** @param options `batch`: images of a batch. */
  constructor(world: World, { source, batch }: { source: ImageSource; batch: number }) {
    this.#world = world;
    this.#source = source;
    this.#batch = batch;
  }

  /** The features of the images that can be used, in the order of the source, on rank 0; null on the others. */
  async collect<I extends Images>({ open, maker }: Collection<I>): Promise<LabeledFeatures | null> {
    const source = this.#source, world = this.#world;
    if (world.size > 1 && source.kind === "indexed") return await this.#collectParts(source, { open, maker });
    let all: LabeledFeatures | null = null;
    await world.first("the features of images", async () => {
      all = await collectFeatures(open(source), { maker });
    });
    return all;
  }

  async #collectParts<I extends Images>(
    source: IndexedSource,
    { open, maker }: Collection<I>,
  ): Promise<LabeledFeatures | null> {
    const world = this.#world, places: number[] = [];
    const own = await collectFeatures(this.#inRounds(source, { open, places }), { maker });
    const texts = await world.texts("the images evaluated", JSON.stringify({ places, dims: own.dims }));
    const parts = texts.map((text): { places: number[]; dims: number } => JSON.parse(text));
    if (parts.every(({ places }) => places.length === 0)) {
      throw new UserError(`Cannot evaluate on the images of "${source.name}": none of them can be used.`);
    }
    this.#rows = rowsAmong(parts.map(({ places }) => places));
    const dims = Math.max(...parts.map(({ dims }) => dims)); // 0 on a rank without images
    const labels = await this.joinItems([...own.labels]);
    const features = await this.joinRows(own.features, dims);
    return features && labels && { features, labels: Int32Array.from(labels), dims };
  }

  /** The batches of this rank, whose images' places are appended to `places`; meets the others after each. */
  async *#inRounds<I extends Images>(
    source: IndexedSource,
    { open, places }: Pick<Collection<I>, "open"> & { places: number[] },
  ): AsyncGenerator<NumberedBatch<I>> {
    const { rank, size: ranks } = this.#world, size = this.#batch;
    const own = windowsOf({ begin: 0, end: source.length }, { rank, ranks, size });
    const rounds = Math.ceil(source.length / (size * ranks));
    let round = 0, at = 0;
    const meet = () => this.#world.meet(`round ${++round} of ${rounds} of an evaluation`);
    if (own.length > 0) {
      for await (const batch of open(subsetOf(source, own))) {
        // Images come in order; some may be unusable.
        for (const index of batch.indices) {
          while (numberIn(source, own[at]) !== index) at++;
          places.push(own[at++]);
        }
        yield batch;
        await meet();
      }
    }
    while (round < rounds) await meet();
  }

  /** Of rows of `dims` numbers, one for each image that a rank collected: those of all ranks, on rank 0; null on the others. */
  async joinRows(own: Float32Array<ArrayBuffer>, dims: number): Promise<Float32Array<ArrayBuffer> | null> {
    const world = this.#world, rows = this.#rows;
    if (!rows) return world.rank === 0 ? own : null;
    await world.meet("rows of an evaluation");
    const length = ROWS_PER_MESSAGE * dims, count = rows.reduce((sum, { length }) => sum + length, 0);
    const all = world.rank === 0 ? new Float32Array(count * dims) : null;
    const sent = new Float32Array(length), received = new Float32Array(length * world.size);
    const most = Math.max(...rows.map(({ length }) => length));
    for (let from = 0; from < most; from += ROWS_PER_MESSAGE) {
      sent.set(own.subarray(from * dims, from * dims + length));
      await world.gather(sent, received);
      if (!all) continue;
      rows.forEach((rows, rank) =>
        rows.subarray(from, from + ROWS_PER_MESSAGE).forEach((row, i) => {
          const at = rank * length + i * dims;
          all.set(received.subarray(at, at + dims), row * dims);
        })
      );
    }
    return all;
  }

  /** As {@linkcode joinRows}, of anything that JSON can say. */
  async joinItems<T>(own: readonly T[]): Promise<readonly T[] | null> {
    const world = this.#world, rows = this.#rows;
    if (!rows) return world.rank === 0 ? own : null;
    const texts = await world.texts("what is known of evaluated images", JSON.stringify(own));
    if (world.rank > 0) return null;
    const all: T[] = [];
    texts.forEach((text, rank) =>
      (JSON.parse(text) as T[]).forEach((item, i) => {
        all[rows[rank][i]] = item;
      })
    );
    return all;
  }
}

/** For each of several ascending lists of places, where they are among all of them. */
function rowsAmong(places: readonly number[][]): Uint32Array[] {
  const all = Uint32Array.from(places.flat()).sort();
  const rowOf = new Map(Array.from(all, (place, row) => [place, row]));
  return places.map((places) => Uint32Array.from(places, (place) => rowOf.get(place)!));
}
