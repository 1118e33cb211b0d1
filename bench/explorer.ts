/** Frames a second of the explorer's page while it is panned, in headless Chromium that computes on the CPU. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { openSource } from "../data/sources/open.ts";
import { evaluationBatches } from "../data/pipeline.ts";
import { keyedRandom } from "../src/base/random.ts";
import type { Gpu } from "../src/gpu/device.ts";
import { SHEET, type Thumbnails, thumbnailsOf } from "../src/explore/thumbnails.ts";
import { type PageContent, writePage } from "../src/explore/write_page.ts";
import { openPage } from "../tests/browser.ts";
import { printTable } from "./table.ts";

const SIDE = 32, CLUSTERS = 20, K = 15;
/** Seconds of panning. */
const SECONDS = 5;

/** `args`: the number of points, then a source whose first images are the thumbnails, again and again. */
export async function benchExplorer(_: Gpu, [rows = "50000", data = "shapes:512"]: string[]): Promise<void> {
  const folder = await Deno.makeTempDir(), n = Number(rows);
  try {
    const content = randomContent(n, await repeatedThumbnails(data, n));
    const { path, bytes, sheets } = await writePage(join(folder, "page.html"), content);
    let beside = 0;
    for (const { name } of sheets ? Deno.readDirSync(sheets) : []) {
      beside += Deno.statSync(join(sheets!, name)).size;
    }
    const { opened, rate, slowest } = await pan(path);
    const row = printTable([
      "points",
      "page, MB",
      "sheets, MB",
      "open, s",
      "frames a second",
      "slowest frame, ms",
    ]);
    row(
      n.toLocaleString("en-US"),
      (bytes / 1e6).toFixed(1),
      (beside / 1e6).toFixed(1),
      opened.toFixed(1),
      rate.toFixed(0),
      slowest.toFixed(0),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Thumbnails of whole sheets of `data`, repeated for `n` rows. */
async function repeatedThumbnails(data: string, n: number): Promise<Thumbnails> {
  const source = await openSource(data), keys: string[] = [];
  const recipe = { name: "keys", views: [{}, {}], size: SIDE, mean: [0, 0, 0], std: [1, 1, 1] } as const;
  for await (const batch of evaluationBatches({ source, batch: 64, size: SIDE, recipe })) {
    keys.push(...batch.keys);
    batch.release();
    if (keys.length >= 4 * SHEET.images) break;
  }
  keys.length = Math.floor(keys.length / SHEET.images) * SHEET.images;
  const { sheets } = await thumbnailsOf(source, { keys, side: SIDE, workers: 2, onBad() {} });
  source.close();
  return {
    ...{ side: SIDE, has: new Uint8Array(n).fill(1), count: n, labels: [] },
    sheets: Array.from({ length: Math.ceil(n / SHEET.images) }, (_, i) => sheets[i % sheets.length]),
  };
}

/** Points around random centers. */
function randomContent(rows: number, pictures: Thumbnails): PageContent {
  const { normal, uniform, integer } = keyedRandom(1, 1), vectors = new Float32Array(rows);
  const centers = Array.from({ length: 2 * CLUSTERS }, () => 1.6 * uniform() - 0.8);
  const clusters = Uint8Array.from({ length: rows }, () => integer(CLUSTERS));
  const points = Float32Array.from(
    { length: 2 * rows },
    (_, i) => Math.max(-1, Math.min(1, centers[2 * clusters[i >> 1] + i % 2] + 0.06 * normal())),
  );
  const keys = Array.from({ length: rows }, (_, i) => `train-00000.tar/picture_${i}.jpg`);
  return {
    table: {
      ...{ path: "points.parquet", rows, dims: 1, keys, metadata: {}, numbers: null, vectors },
      read: () => Promise.resolve(vectors),
    },
    near: {
      k: K,
      neighbors: Uint32Array.from({ length: rows * K }, () => integer(rows)),
      cosines: Float32Array.from({ length: rows * K }, uniform),
    },
    ...{ groups: [], threshold: 0.99, clusters, labels: null, pictures },
    maps: ["UMAP", "PCA"].map((name) => ({ name, axes: ["x", "y"], points })),
  };
}

/** Opens the page, and drags the map to and fro. */
async function pan(path: string): Promise<{ opened: number; rate: number; slowest: number }> {
  const begin = performance.now();
  await using opened = await openPage(pathToFileURL(path).href);
  const { page } = opened;
  await page.waitForSelector("body[data-ready]", { timeout: 120_000 });
  const seconds = (performance.now() - begin) / 1000, box = (await page.locator("#map").boundingBox())!;
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.evaluate(`(() => {
    globalThis.frames_ = [];
    const frame = (time) => { frames_.push(time); requestAnimationFrame(frame); };
    requestAnimationFrame(frame);
  })()`);
  await page.mouse.move(x, y);
  await page.mouse.down();
  const end = performance.now() + 1000 * SECONDS;
  for (let i = 0; performance.now() < end; i++) {
    await page.mouse.move(x + 150 * Math.sin(i / 10), y + 100 * Math.cos(i / 10));
  }
  await page.mouse.up();
  const times = await page.evaluate("frames_") as number[];
  const gaps = times.slice(1).map((time, i) => time - times[i]);
  const rate = 1000 * gaps.length / (times.at(-1)! - times[0]);
  return { opened: seconds, rate, slowest: Math.max(...gaps) };
}
