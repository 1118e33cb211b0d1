/** Pages in headless Chromium, for tests. `.ci/run` installs it; without it, such tests skip. */
import type { Browser, BrowserContext, Page } from "npm:playwright-core@1.65.1";
import { exists } from "../src/base/files.ts";

const PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The path of Chromium; null if there is none. */
const path = Deno.env.get("CHROMIUM") ??
  (await Promise.all(PATHS.map(async (path) => await exists(path) ? path : null))).find(Boolean) ?? null;

/** Whether tests in a browser can run; one that cannot says so. */
export const hasBrowser = path !== null;

/** A test in a browser: it skips where there is none. */
export function browserTest(name: string, test: (t: Deno.TestContext) => Promise<void>): void {
  const title = hasBrowser ? name : `${name} (skipped: no Chromium; apt-get install chromium)`;
  // The browser is started once, for all tests of a file.
  Deno.test({ name: title, ignore: !hasBrowser, fn: test, sanitizeOps: false, sanitizeResources: false });
}

/** How a page is opened. */
export interface OpenOptions {
  /** Pixels of the window. */
  width?: number;
  height?: number;
  /** Whether the system's colors are dark. */
  dark?: boolean;
  /** Called before the page is loaded. */
  prepare?(page: Page): Promise<void>;
}

/** An open page. */
export interface OpenedPage extends AsyncDisposable {
  page: Page;
  /** Errors and warnings on the console, and what the page's script threw. */
  errors: string[];
  /** Addresses that were asked for, but for `data:` and `blob:`. */
  requests: string[];
}

let browser: Promise<Browser> | undefined;

/** Starts the browser, which computes on the CPU and has no network but this machine. */
async function launch(): Promise<Browser> {
  const { chromium } = await import("npm:playwright-core@1.65.1");
  return await chromium.launch({
    executablePath: path!,
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"],
  });
}

/** Opens the page at `url`, `file:` or `http:`, and waits until it is loaded. Dispose of it to close it. */
export async function openPage(
  url: string,
  { width = 1440, height = 900, dark = false, prepare }: OpenOptions = {},
): Promise<OpenedPage> {
  browser ??= launch();
  const context: BrowserContext = await (await browser).newContext({
    viewport: { width, height },
    colorScheme: dark ? "dark" : "light",
    reducedMotion: "reduce",
  });
  const page = await context.newPage(), errors: string[] = [], requests: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(`${error}`));
  page.on("request", (request) => {
    if (!/^(data|blob):/.test(request.url())) requests.push(request.url());
  });
  await prepare?.(page);
  await page.goto(url);
  return { page, errors, requests, [Symbol.asyncDispose]: () => context.close() };
}

/** What does not fit on a page: elements that reach over its edge, and texts that are cut. */
export async function overflows(page: Page): Promise<string[]> {
  return await page.evaluate(`(() => {
    const wide = document.documentElement.clientWidth, found = [];
    for (const node of document.body.querySelectorAll("*")) {
      const { left, right, width } = node.getBoundingClientRect(), style = getComputedStyle(node);
      if (width === 0 || style.visibility === "hidden") continue;
      let scrolls = false;
      for (let up = node.parentElement; up; up = up.parentElement) {
        scrolls ||= ["auto", "scroll", "hidden"].includes(getComputedStyle(up).overflowX);
      }
      const name = node.tagName + "." + (node.className.baseVal ?? node.className) + ": " + node.textContent.slice(0, 40);
      if (!scrolls && (right > wide + 1 || left < -1)) found.push("beyond the edge: " + name);
      const isCut = node.scrollWidth > node.clientWidth + 1 && style.overflowX === "hidden" && node.children.length === 0;
      if (isCut) found.push("cut: " + name);
    }
    return found;
  })()`) as string[];
}

globalThis.addEventListener("unload", () => void browser?.then((it) => it.close()));
