/** The run's page in a browser: from a file and from a server. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Page } from "npm:playwright-core@1.65.1";
import { writePage } from "../../src/report/page_file.ts";
import { RunFiles } from "../../src/report/run_files.ts";
import { watchRuns } from "../../src/report/watch_server.ts";
import { assert, assertEquals } from "../assert.ts";
import { browserTest, openPage, overflows } from "../browser.ts";
import { temporaryFolder } from "../io/temporary_folder.ts";
import { lossAt, stepRecord, writeRun } from "./written_run.ts";

const GOING_ON = { state: "stopped", message: "still going" } as const;

/** The card of the plot with this title. */
const plot = (page: Page, title: string) =>
  page.locator(".card", { has: page.getByText(title, { exact: true }) });

/** Points at a share of the width of a plot; what it then says of its first curve: "2.05 at step 40". */
async function hover(page: Page, title: string, share: number): Promise<string> {
  const over = plot(page, title).locator(".u-over");
  await over.scrollIntoViewIfNeeded();
  const { x, y, width, height } = (await over.boundingBox())!;
  await page.mouse.move(x + share * (width - 1), y + height / 2);
  return (await plot(page, title).locator(".readout b").first().textContent())!;
}

/** Drags over a part of a plot. */
async function drag(page: Page, title: string, from: number, to: number): Promise<void> {
  const over = plot(page, title).locator(".u-over");
  await over.scrollIntoViewIfNeeded();
  const { x, y, width, height } = (await over.boundingBox())!;
  await page.mouse.move(x + from * width, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(x + to * width, y + height / 2, { steps: 3 });
  await page.mouse.up();
}

/** Appends steps to the metrics of a run. */
async function addSteps(out: string, from: number, end: number): Promise<void> {
  const lines = Array.from({ length: end - from }, (_, i) => {
    const { step, loss, lr } = stepRecord(from + i);
    return `${JSON.stringify({ step, loss, lr })}\n`;
  });
  await Deno.writeTextFile(join(out, "metrics.jsonl"), lines.join(""), { append: true });
}

browserTest("the page shows its points, zooms all plots, and keeps that when it renews itself", async () => {
  await using folder = await temporaryFolder();
  const out = folder.path, url = pathToFileURL(join(out, "report.html")).href;
  await writeRun(out, { outcome: GOING_ON, keys: Array.from({ length: 30 }, (_, i) => `${i}.jpg`) });
  const prepare = (page: Page) => page.clock.install({ time: Date.now() });
  await using opened = await openPage(url, { width: 800, height: 600, prepare });
  const { page, errors, requests } = opened, seen = new Set<number>();
  for (let at = 0; at <= 39; at += 3) {
    const [, value, step] = /^(\S+) at step (\d+)$/.exec(await hover(page, "Loss", at / 39))!;
    assertEquals(value, `${Number(lossAt(Number(step)).toPrecision(4))}`);
    seen.add(Number(step));
  }
  assertEquals([...seen], Array.from({ length: 14 }, (_, i) => 1 + 3 * i));
  await drag(page, "Loss", 0.25, 0.52);
  assertEquals(await page.locator("#zoom span").textContent(), "Steps 11 to 21");
  assert(/ at step 1[01]$/.test(await hover(page, "Learning rate", 0)));
  await page.evaluate("scrollTo(0, 500)");
  await addSteps(out, 41, 61);
  await writePage(new RunFiles(out));
  await page.clock.fastForward(10_500);
  await page.locator(".overview dl", { hasText: "2.033" }).waitFor(); // the loss of step 60
  assertEquals(await page.locator("#zoom span").textContent(), "Steps 11 to 21");
  assertEquals(await page.evaluate("scrollY"), 500);
  assert(/ at step 2[01]$/.test(await hover(page, "Learning rate", 1)));
  await page.getByRole("button", { name: "Show all steps" }).click();
  assert((await hover(page, "Loss", 1)).endsWith(" at step 60"));
  assertEquals([errors, [...new Set(requests)]], [[], [url, `${url}?data`]]);
});

browserTest("the page fits windows of 360, 800 and 1,440 pixels, in light and in dark", async () => {
  await using folder = await temporaryFolder();
  const out = join(folder.path, "a_long_name_of_a_run".repeat(5)), long = "folder/".repeat(20);
  const classes = ["cat", "dog", "a class with quite a long name".repeat(3)];
  await writeRun(out, {
    keys: Array.from({ length: 30 }, (_, i) => `${long}${i}.jpg`),
    classes,
    collapses: true,
  });
  const url = pathToFileURL(join(out, "report.html")).href, backgrounds = new Set<string>();
  for (const width of [360, 800, 1440]) {
    for (const dark of [false, true]) {
      await using opened = await openPage(url, { width, dark });
      const { page, errors } = opened;
      await page.locator("#plots canvas").first().waitFor();
      assertEquals([errors, await overflows(page)], [[], []], `${width} ${dark}`);
      assertEquals(await page.locator(".card").count(), 11);
      backgrounds.add(await page.evaluate("getComputedStyle(document.body).backgroundColor") as string);
      const text = await page.locator("body").textContent();
      for (
        const expected of [
          "z_std is 0.001",
          "Try a lower --lr.",
          "it is cut off",
          ".txt",
          "2.5 GB",
          "Learning: flat since step 30.",
          "finished",
        ]
      ) {
        assert(text!.includes(expected), expected);
      }
    }
  }
  assertEquals(backgrounds.size, 2);
});

browserTest(
  "the page shows names with tags, quotes and emoji as text, and runs nothing in them",
  async () => {
    await using folder = await temporaryFolder();
    const attack = `</script><script>hacked=1</script><img src=x onerror="hacked=2">'"\u2028😀<!--`;
    const out = join(folder.path, `<b>'😀&amp;`),
      keys = Array.from({ length: 12 }, (_, i) => `${i}${attack}`);
    await writeRun(out, {
      keys,
      classes: [attack, `{{7*7}}"><svg onload=hacked=3>`],
      outcome: { state: "failed", message: attack },
    });
    await using opened = await openPage(pathToFileURL(join(out, "report.html")).href);
    const { page, errors, requests } = opened;
    assertEquals(await page.evaluate("typeof hacked"), "undefined");
    assertEquals(await page.locator("img[src=x], svg, b b").count(), 0);
    assertEquals(await page.locator(".overview .alarm").textContent(), attack);
    assertEquals(await page.locator("h1").textContent(), `<b>'😀&amp; failed`);
    const named = page.getByRole("img", { name: keys[0] }).first();
    assert((await named.getAttribute("title"))!.startsWith(keys[0] + ` (${attack})`));
    assertEquals([errors, requests.length], [[], 1]);
  },
);

browserTest("the map shows the image that is pointed at, or chosen by keys", async () => {
  await using folder = await temporaryFolder();
  await writeRun(folder.path, { keys: ["one.jpg", "two.jpg", "three.jpg"] });
  await using opened = await openPage(pathToFileURL(join(folder.path, "report.html")).href);
  const { page, errors } = opened, canvas = page.locator(".plane canvas"), tip = page.locator(".tip");
  const { latest } = await page.evaluate("JSON.parse(document.querySelector('#data').textContent)[0]") as {
    latest: { map: { x: number[]; y: number[] } };
  };
  const { width } = (await canvas.boundingBox())!, { x, y } = latest.map, edge = 16;
  const at = (values: number[], i: number) =>
    edge +
    (values[i] - Math.min(...values)) / (Math.max(...values) - Math.min(...values)) * (width - 2 * edge);
  await canvas.hover({ position: { x: at(x, 1) + 2, y: width - at(y, 1) } });
  assertEquals(await tip.textContent(), "two.jpg (dog)");
  await canvas.focus();
  await page.keyboard.press("ArrowRight");
  assertEquals(await tip.textContent(), "three.jpg (ship)");
  assertEquals(errors, []);
});

browserTest("the page of a run with one held-out image has no neighbors and no map", async () => {
  await using folder = await temporaryFolder();
  await writeRun(folder.path, { keys: ["one.jpg"], classes: [] });
  await using opened = await openPage(pathToFileURL(join(folder.path, "report.html")).href);
  const { page, errors } = opened;
  const titles = ["Training views", "Warnings", "Options", "Data"];
  assertEquals(await page.locator("h2:visible").allTextContents(), titles);
  assertEquals(errors, []);
});

browserTest("the served page compares runs and follows them", async () => {
  await using folder = await temporaryFolder();
  const folders = ["first", "second"].map((name) => join(folder.path, name)), ending = new AbortController();
  for (const out of folders) await writeRun(out, { outcome: GOING_ON });
  const { url, finished } = await watchRuns(folders, { port: 0, signal: ending.signal });
  {
    await using opened = await openPage(url);
    const { page, errors, requests } = opened, loss = plot(page, "Loss");
    assertEquals(await loss.locator(".readout span").allTextContents(), [
      "first: loss 2.05",
      "second: loss 2.05",
    ]);
    assertEquals(await page.locator("h1").allTextContents(), ["first training", "second training"]);
    await drag(page, "Loss", 0.25, 0.52);
    await addSteps(folders[1], 41, 61);
    await page.locator("#overview-1 dl", { hasText: "2.033" }).waitFor();
    assertEquals(await page.locator("#zoom span").textContent(), "Steps 11 to 21");
    await page.getByRole("button", { name: "Show all steps" }).click();
    assertEquals(await loss.locator(".readout b").allTextContents(), ["2.05", "2.033"]);
    assertEquals(errors, []);
    assert(requests.every((request) => request.startsWith(url)), `${requests}`);
  }
  ending.abort();
  await finished;
});
