/** The sheet of views, read back from its PNG. */
import { join } from "node:path";
import { decodeImage } from "../../data/decode.ts";
import type { IndexedSource } from "../../data/sources/types.ts";
import { subsetOf } from "../../data/subset.ts";
import { applyView } from "../../data/views/apply.ts";
import { drawView } from "../../data/views/draw.ts";
import { recipes } from "../../data/views/recipe.ts";
import type { DecodedImage } from "../../data/views/resize.ts";
import { Canvas, CHARACTER } from "../../src/plots/canvas.ts";
import { UserError } from "../../src/base/errors.ts";
import { keyedRandom } from "../../src/base/random.ts";
import { previewLayout, previewSheet } from "../../src/plots/view_sheet.ts";
import { assert, assertClose, assertEquals, assertThrows } from "../assert.ts";
import { openIndexed } from "../data/fixtures.ts";
import { temporaryFolder } from "../io/temporary_folder.ts";

const recipe = recipes.simclr;
const root = new URL("../../", import.meta.url);

/** A source of `files`, of which null cannot be read. */
function sourceOf(files: (Uint8Array | null)[]): IndexedSource {
  return {
    kind: "indexed",
    name: "files",
    length: files.length,
    classes: [],
    fingerprint: "",
    key: (index: number) => `file ${index}`,
    label: () => null,
    read: (index: number) => {
      const bytes = files[index];
      if (!bytes) return Promise.reject(new Error("the disk is on fire"));
      return Promise.resolve({ index, key: `file ${index}`, label: null, bytes });
    },
    async *[Symbol.asyncIterator]() {},
    close() {},
  };
}

/** The part of `sheet` at (`top`, `left`), every `scale`-th pixel of it. */
function cut(sheet: DecodedImage, { top, left, size, scale }: Record<string, number>): Uint8Array {
  const out = new Uint8Array(size * size * 4);
  for (let y = 0, o = 0; y < size; y++) {
    for (let x = 0; x < size; x++, o += 4) {
      const from = ((top + y * scale) * sheet.width + left + x * scale) * 4;
      out.set(sheet.data.subarray(from, from + 4), o);
    }
  }
  return out;
}

for (const size of [16, 32]) {
  Deno.test(`previewSheet() shows the views of the first epoch at ${size} px`, async () => {
    const source = await openIndexed("shapes:4");
    const png = await previewSheet(source, { recipe, size, count: 4, seed: 9 });
    const sheet = await decodeImage(png), { cell, lefts, width, top } = previewLayout(size);
    const scale = cell / size;
    assertEquals([sheet.width, scale], [width, 192 / size]);
    assert(sheet.height > top(3) + cell && sheet.height < top(4) + 100, `${sheet.height}`);
    for (let index = 0; index < 4; index++) {
      const image = await decodeImage((await source.read(index)).bytes);
      recipe.views.forEach((view, v) => {
        const out = new Float32Array(size * size * 4);
        const parameters = drawView(view, { ...image, size }, keyedRandom(9, 0, index, v));
        applyView(image, parameters, { size, mean: [0, 0, 0], std: [1, 1, 1], out });
        const expected = Array.from(out, (x, i) => i % 4 === 3 ? 255 : Math.round(255 * x));
        for (const within of [0, scale - 1]) {
          const at = { top: top(index) + within, left: lefts[v] + within, size, scale };
          assertClose(`view ${v} of image ${index}`, cut(sheet, at), expected, {});
        }
      });
    }
  });
}

Deno.test("previewSheet() shows the original with the outlines of both crops", async () => {
  const source = await openIndexed("shapes:1"), size = 32;
  const sheet = await decodeImage(await previewSheet(source, { recipe, size, count: 1, seed: 2 }));
  const { top } = previewLayout(size), left = 16, scale = 6;
  const image = await decodeImage((await source.read(0)).bytes);
  const boxes = recipe.views.map((view, v) =>
    drawView(view, { ...image, size }, keyedRandom(2, 0, 0, v)).crop
  );
  // The middle of each pixel, where no outline of a crop of whole pixels comes.
  const original = cut(sheet, { top: top(0) + 3, left: left + 3, size, scale });
  assertClose("original", original, image.data, {});
  const at = (y: number, x: number) =>
    sheet.data.slice((y * sheet.width + x) * 4, (y * sheet.width + x) * 4 + 3);
  const last = boxes[1]; // drawn over the first
  assertEquals([...at(top(0) + last.top * scale, left + last.left * scale)], [0, 100, 220]);
  assertEquals(
    [...at(top(0) + (last.top + last.height) * scale - 1, left + (last.left + last.width) * scale - 1)],
    [0, 100, 220],
  );
});

Deno.test("previewSheet() leaves the gaps between columns, texts and rows white", async () => {
  for (const size of [8, 32, 129, 224]) {
    const canvas = new Canvas(300, 250);
    for (let i = 0; i < canvas.data.length; i++) canvas.data[i] = i % 4 === 3 ? 255 : i * 7 % 200;
    const count = 2;
    const sheet = await decodeImage(
      await previewSheet(sourceOf([canvas.png(), canvas.png()]), { recipe, size, count, seed: 0 }),
    );
    const { cell, lefts, top, width } = previewLayout(size);
    const isWhite = (x: number) => {
      for (let y = top(0); y < top(count) - 2 * 18; y++) {
        if ((y - top(0)) % (top(1) - top(0)) >= cell) continue; // the labels of the rows are as long as they are
        if (sheet.data[(y * width + x) * 4] !== 255) return false;
      }
      return true;
    };
    for (const x of [...lefts.flatMap((left) => [left - 1, left + cell]), width - 1]) {
      assert(isWhite(x), `column ${x} at ${size} px`);
    }
  }
});

Deno.test("previewSheet() skips, reports and names bad images, and refuses a source without a good one", async () => {
  const good = new Canvas(40, 40).png(), small = new Canvas(20, 40).png();
  const text = new TextEncoder().encode("hello");
  const bad: string[] = [];
  const options = {
    recipe,
    size: 32,
    count: 2,
    seed: 0,
    onBad: ({ index, reason }: { index: number; reason: string }) => bad.push(`${index} ${reason}`),
  };
  // Each half of the source has one good image.
  const png = await previewSheet(sourceOf([text, good, good, null]), { ...options, count: 4 });
  assertEquals(bad.length, 2);
  assert(
    /^0 it is a truncated file of 5 bytes/.test(bad[0]) && bad[1] === "3 the disk is on fire",
    bad.join(),
  );
  const sheet = await decodeImage(png), { top } = previewLayout(32);
  assert(sheet.height > top(2) && sheet.height < top(3), "two rows are expected");
  const red = sheet.data.filter((x, i) => i % 4 === 0 && x === 190 && sheet.data[i + 1] === 0).length;
  assert(red > 500, `${red} red pixels of text`);
  const strict = { ...options, minSide: 21, count: 1 };
  const whole = await decodeImage(await previewSheet(sourceOf([small, good]), strict));
  assert(whole.height > top(1) && whole.height < top(2));
  await assertThrows(
    () => previewSheet(sourceOf([small, text]), { ...strict, count: 2 }),
    UserError,
    /^Cannot preview "files": none of its images can be used, such as file 0: its 20×40 pixels are below the minimum side of 21/,
  );
});

Deno.test("previewSheet() takes images of a part of a source, and at most as many as there are", async () => {
  const good = new Canvas(40, 40).png(), read: number[] = [];
  const source = sourceOf(Array(20).fill(good));
  const counting = { ...source, read: (index: number) => (read.push(index), source.read(index)) };
  const part = subsetOf(counting, [3, 5, 6, 11, 19]);
  await previewSheet(part, { recipe, size: 32, count: 9, seed: 3 });
  assertEquals(read.sort((a, b) => a - b), [3, 5, 6, 11, 19]);
  read.length = 0;
  await previewSheet(counting, { recipe, size: 32, count: 4, seed: 3 });
  assertEquals(read.map((index) => Math.floor(index / 5)), [0, 1, 2, 3]);
});

Deno.test("Canvas.text() draws different characters, each within its place", () => {
  const seen = new Set<string>();
  for (let code = 33; code < 127; code++) {
    const canvas = new Canvas(3 * CHARACTER.width, 3 * CHARACTER.height);
    canvas.text(String.fromCharCode(code), { top: CHARACTER.height, left: CHARACTER.width }, [0, 0, 0]);
    const dark: number[] = [];
    for (let i = 0; i < canvas.data.length; i += 4) {
      if (canvas.data[i]) continue;
      const x = i / 4 % canvas.width, y = Math.floor(i / 4 / canvas.width);
      assert(
        x >= CHARACTER.width && x < 2 * CHARACTER.width && y >= CHARACTER.height && y < 2 * CHARACTER.height,
      );
      dark.push(i);
    }
    seen.add(dark.join());
  }
  // The font has no tilde, which becomes the question mark.
  assertEquals(seen.size, 93);
});

async function preview(cwd: string, ...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", new URL("src/cli/preview.ts", root).href, ...args],
    env: { INIT_CWD: cwd },
    cwd: root,
    stdout: "piped",
    stderr: "piped",
  }).output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

Deno.test("src/cli/preview.ts writes the sheet to the caller's folder, by a recipe from there", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(join(folder.path, "mine.json"), '{ "size": 16, "views": [{ "flip": 1 }] }');
  const { code, out, err } = await preview(
    folder.path,
    ..."--data shapes:8 --recipe mine.json --count 2 --seed 5".split(" "),
  );
  assertEquals([code, err], [0, ""]);
  assert(
    /^8 images in 8 classes from shapes; .*\nViews of shapes with the recipe mine at 16 px are in .*preview\.png\n$/
      .test(out),
    out,
  );
  const sheet = await decodeImage(await Deno.readFile(join(folder.path, "preview.png")));
  assertEquals(sheet.width, previewLayout(16).width);
});

Deno.test("src/cli/preview.ts has --help, and refuses mistakes with exit code 1", async () => {
  await using folder = await temporaryFolder();
  const help = await preview(folder.path, "--help");
  assertEquals(help.code, 0);
  for (const flag of ["data", "recipe", "size", "seed", "count", "out"]) {
    assert(new RegExp(`--${flag} <.*>`).test(help.out), `--${flag} is not explained`);
  }
  const mistakes: [string, RegExp][] = [
    ["--cuont 3", /^error: .*Did you mean --count/],
    ["--count 65", /"--count 65": the value must be a whole number from 1 to 64/],
    ["--recipe bjol", /"--recipe bjol": the value must be one of byol, simclr, .*, or a \.json file/],
    ["--data nowhere", /nowhere": there is no such file/],
    ["--data shapes:4 --recipe byol --min-side 33", /32×32 pixels are below the minimum side of 33/],
    ["--data shapes:4 --out no/such.png", /no\/such\.png": its folder does not exist/],
  ];
  for (const [args, message] of mistakes) {
    const { code, err } = await preview(folder.path, ...args.split(" "));
    assert(code === 1 && message.test(err), `${args}: ${code} ${err}`);
  }
});
