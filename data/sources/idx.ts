/**
 * Images and labels in IDX files, as MNIST, Fashion-MNIST, KMNIST, QMNIST and EMNIST have them (LeCun,
 * http://yann.lecun.com/exdb/mnist).
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { digest } from "./digest.ts";
import { damagedIdx, openIdxFile } from "./idx_file.ts";
import { classify } from "./labels.ts";
import { listedSource } from "./listed.ts";
import type { OpenContext } from "./open_options.ts";
import { baseName } from "./patterns.ts";
import { toPpm } from "./raw_pixels.ts";
import { chooseSplit, splitInName } from "./split_names.ts";
import type { SplitName } from "./survey.ts";
import type { IndexedSource } from "./types.ts";

function splitOf(name: string): SplitName | null {
  return /(^|[/\\-])t10k-/.test(name) ? "test" : splitInName(baseName(name));
}

/** Images spread over a file whose pixels the fingerprint includes. */
const SAMPLES = 16;

/** Opens the file of images of one split among `paths` as a source called `name`, with the labels beside it. */
export async function openIdx(name: string, paths: string[], context: OpenContext): Promise<IndexedSource> {
  const { survey, split: wanted } = context;
  const { items: chosen, others } = chooseSplit(preferred(paths), { name, splitOf, wanted, survey });
  for (const { item, split } of others) {
    survey.leaveOut({ name: baseName(item), kind: `file of split ${split}` });
  }
  const [path, another] = chosen;
  if (another !== undefined) {
    throw new UserError(
      `Cannot open the data source "${name}": it has images in both "${baseName(path)}" and "${
        baseName(another)
      }". ` +
        `Give one of them, "${path}".`,
    );
  }
  const { file, sizes: [count, height, width], start } = await openIdxFile(path, { dimensions: 3 });
  const pixels = (image: number) => file.read(start + image * height * width, height * width);
  const keyOf = (image: number) => `${baseName(path)}/${image}`;
  const texts = await labelsOf(path, count), { classes, labels } = classify(texts, { name, keyOf });
  const step = Math.max(1, Math.floor(count / SAMPLES));
  const samples = Array.from({ length: Math.min(SAMPLES, count) }, (_, i) => pixels(i * step).then(digest));
  return await listedSource({
    name,
    items: Array.from(
      { length: count },
      (_, i) => ({ key: keyOf(i), label: labels[i] < 0 ? null : labels[i] }),
    ),
    classes,
    identity: JSON.stringify([
      baseName(path),
      height,
      width,
      classes,
      [...labels],
      await Promise.all(samples),
    ]),
    bytes: async (_, image) => toPpm(await pixels(image), { width, height, planes: 1 }),
  });
}

/** The files but those that are there both packed and unpacked, of which the unpacked one counts. */
function preferred(paths: string[]): string[] {
  return paths.filter((path) => !paths.includes(path.replace(/\.gz$/i, "")) || !/\.gz$/i.test(path));
}

/** The labels of the images in the file `path`, which lie beside it; null for each if there are none. */
async function labelsOf(path: string, count: number): Promise<(string | null)[]> {
  const plain = path.replace(/\.gz$/i, "");
  // QMNIST's labels are rows of eight integers, the class first.
  for (const type of ["idx1-ubyte", "idx2-int"]) {
    const labels = plain.replace(/images([-.])idx3-ubyte$/i, `labels$1${type}`);
    for (const each of [labels, `${labels}.gz`]) {
      if (!await Deno.stat(each).then(({ isFile }) => isFile, () => false)) continue;
      const { file, sizes: [found, columns = 1], start, width } = await openIdxFile(each, { dimensions: 1 });
      if (found !== count) throw damagedIdx(each, `it has ${found} labels for ${count} images`);
      const { buffer } = await file.read(start, found * columns * width), view = new DataView(buffer);
      return Array.from({ length: count }, (_, i) => {
        const at = i * columns * width;
        return String(width === 1 ? view.getUint8(at) : view.getInt32(at));
      });
    }
  }
  return Array(count).fill(null);
}
