/** The explorer's page in a real browser. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { writePage } from "../../src/explore/write_page.ts";
import { assert, assertEquals } from "../assert.ts";
import { browserTest, type OpenedPage, openPage, overflows } from "../browser.ts";
import { withFolder } from "../data/fixtures.ts";
import { COLUMNS, gridContent } from "./embeddings.ts";

/** Texts that would do harm as HTML, as a script or in a template. */
const attacks = [
  `</script><script>document.title = "run"</script>`,
  `"><img src=x onerror='document.title="run"'>.jpg`,
  "'); document.title = 'run'; ('",
  "{{data}} $& $1 \\u003c",
  "👩‍🔬 cat & dog, <b>bold</b>\u2028.png",
];
const keys = Array.from({ length: 40 }, (_, i) => `${attacks[i] ?? "picture"}-${i}`);

async function open(path: string): Promise<OpenedPage> {
  const opened = await openPage(pathToFileURL(path).href);
  await opened.page.waitForSelector("body[data-ready]", { timeout: 120_000 });
  return opened;
}

/** Nothing went wrong, and nothing but `files` was asked for. The software driver notes that it is slow. */
function assertQuiet({ errors, requests }: OpenedPage, files: readonly string[]): void {
  assertEquals(errors.filter((text) => !text.includes("GL Driver Message")), []);
  assertEquals([...new Set(requests)], files.map((path) => pathToFileURL(path).href));
}

/** Where the point of `row` is on the screen: the map fits the height of the canvas. */
async function placeOf({ page }: OpenedPage, row: number): Promise<[x: number, y: number]> {
  const box = (await page.locator("#map").boundingBox())!, lines = Math.ceil(keys.length / COLUMNS);
  const x = -0.9 + 1.8 * (row % COLUMNS) / (COLUMNS - 1),
    y = 0.9 - 1.8 * Math.floor(row / COLUMNS) / (lines - 1);
  const half = 0.92 * box.height / 2;
  return [box.x + box.width / 2 + x * half, box.y + box.height / 2 - y * half];
}

browserTest(
  "the page shows any key and class as text, by search, keyboard and click",
  () =>
    withFolder({}, async (folder) => {
      const path = join(folder, "grid.html");
      await writePage(path, await gridContent(keys, { names: attacks }));
      await using opened = await open(path);
      const { page } = opened, heading = () => page.locator("#image-heading").textContent();
      const list = () => page.locator("#neighbors .key").allTextContents();

      await page.locator("#search").focus();
      await page.keyboard.type("ONERROR");
      await page.keyboard.press("Enter");
      assertEquals(await heading(), keys[1]);
      assertEquals(await list(), [keys[2], keys[0]]);
      assertEquals(await page.locator("#neighbors .note").allTextContents(), [
        `${attacks[2]}, cosine 0.8990`,
        `${attacks[0]}, cosine 0.7990`,
      ]);
      assert((await page.locator("#image-facts").textContent())!.includes(`label${attacks[1]}cluster2`));
      assert((await page.locator("#status").textContent())!.startsWith(keys[1]));

      // The keyboard alone: from the heading to the first neighbor.
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      assertEquals([await heading(), await list()], [keys[2], [keys[3], keys[1]]]);

      const [x, y] = await placeOf(opened, 19);
      await page.mouse.move(x, y, { steps: 3 });
      await page.locator("#tip").waitFor();
      assertEquals(await page.locator("#tip .key").textContent(), keys[19]);
      await page.mouse.click(x, y);
      await page.locator("#image-heading", { hasText: keys[19] }).waitFor();
      assertEquals(await list(), [keys[20], keys[18]]);

      await page.locator("#duplicates summary").click();
      assertEquals(await page.locator("#duplicates-list .key").allTextContents(), [keys[1], keys[5]]);
      assert((await page.locator("#legend .name").allTextContents()).includes(attacks[4]));
      assertEquals(await page.title(), "grid.parquet – explorer");
      assertQuiet(opened, [path]);
    }),
);

browserTest("a lasso and a class shown alone save their keys as CSV", () =>
  withFolder({}, async (folder) => {
    const path = join(folder, "grid.html");
    await writePage(path, await gridContent(keys, { names: ["a", "b"], thumbnails: false }));
    await using opened = await open(path);
    const { page } = opened;
    const saved = async () => {
      const [download] = await Promise.all([page.waitForEvent("download"), page.locator("#save").click()]);
      assertEquals(download.suggestedFilename(), "keys.csv");
      return await Deno.readTextFile(await download.path());
    };
    await page.locator("#lasso").click();
    // Around the points 0, 1, 8 and 9.
    const [left, top] = await placeOf(opened, 0), [right, bottom] = await placeOf(opened, 9);
    await page.mouse.move(left - 15, top - 15);
    await page.mouse.down();
    for (
      const [x, y] of [[right + 15, top - 15], [right + 15, bottom + 15], [left - 15, bottom + 15], [
        left - 15,
        top,
      ]]
    ) {
      await page.mouse.move(x, y, { steps: 8 });
    }
    await page.mouse.up();
    await page.locator("#save", { hasText: "Save 4 keys" }).waitFor();
    const lines = (await saved()).split("\n");
    assertEquals(lines[0], "key,label,cluster,row");
    assertEquals(
      lines.slice(1).sort(),
      [
        "",
        `"${keys[1].replaceAll('"', '""')}",b,2,1`,
        `${keys[0].replaceAll(/^.*$/g, (key) => `"${key.replaceAll('"', '""')}"`)},a,1,0`,
        "picture-8,a,3,8",
        "picture-9,b,1,9",
      ].sort(),
    );
    await page.locator("#clear").click();
    await page.locator("#legend button", { hasText: "b" }).first().click();
    const rows = keys.map((_, i) => i).filter((i) => i % 7 !== 6 && i % 2 === 1);
    assertEquals(
      (await saved()).split("\n").slice(1, -1).map((line) => Number(line.split(",").at(-1))),
      rows,
    );
    assertQuiet(opened, [path]);
  }));

browserTest(
  "the page fits 360, 800 and 1440 pixels, in light and dark",
  () =>
    withFolder({}, async (folder) => {
      const path = join(folder, "grid.html"),
        long = keys.map((key) => `folder/${key}/${"long".repeat(20)}.jpg`);
      await writePage(
        path,
        await gridContent(long, { names: [...attacks, "a class with a long name ".repeat(4)] }),
      );
      await using opened = await open(path);
      const { page } = opened, grounds: string[] = [];
      await page.fill("#search", "picture");
      await page.keyboard.press("Enter");
      for (const summary of await page.locator("summary").all()) await summary.click();
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        for (const color of ["label", "outlier"]) {
          await page.selectOption("#color", color);
          for (const width of [360, 800, 1440]) {
            await page.setViewportSize({ width, height: 800 });
            assertEquals(await overflows(page), [], `${colorScheme}, ${color}, ${width}`);
          }
        }
        grounds.push(
          await page.evaluate("getComputedStyle(document.documentElement).backgroundColor") as string,
        );
      }
      assertEquals(grounds, ["rgb(255, 255, 255)", "rgb(22, 25, 29)"]);
      assertQuiet(opened, [path]);
    }),
);

browserTest(
  "with many images the page loads the sheets beside it that it shows",
  () =>
    withFolder({}, async (folder) => {
      const many = Array.from({ length: 5001 }, (_, i) => `picture-${i}`),
        path = join(folder, "a #1 ünï.html");
      const { sheets } = await writePage(path, await gridContent(many, { names: ["a"] }));
      assertEquals(sheets, join(folder, "a #1 ünï_sheets"));
      const names = [...Deno.readDirSync(sheets!)].map(({ name }) => name);
      assertEquals(names.length, 20);
      await using opened = await open(path);
      await opened.page.fill("#search", "picture-300");
      await opened.page.keyboard.press("Enter");
      await opened.page.waitForLoadState("networkidle");
      const second = names.find((name) => name.startsWith("sheet-1-"))!;
      assertQuiet(
        opened,
        [path, ...names.filter((name) => /sheet-(1|11)-/.test(name)).map((name) => join(sheets!, name))]
          .sort(),
      );
      assert(opened.requests.some((url) => url.endsWith(second)));
    }),
);
