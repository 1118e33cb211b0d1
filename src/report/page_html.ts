/**
 * The page as one file that needs nothing else: its data, its script and its style are in it.
 *
 * @module
 */
import { createHash } from "node:crypto";
import uplot from "npm:uplot@1.6.32/dist/uPlot.iife.min.js" with { type: "text" };
import uplotStyle from "npm:uplot@1.6.32/dist/uPlot.min.css" with { type: "text" };
import dom from "./page/dom.js" with { type: "text" };
import facts from "./page/facts.js" with { type: "text" };
import main from "./page/main.js" with { type: "text" };
import memory from "./page/memory.js" with { type: "text" };
import pictures from "./page/pictures.js" with { type: "text" };
import plots from "./page/plots.js" with { type: "text" };
import ownStyle from "./page/style.css" with { type: "text" };
import { embeddedJson } from "../base/embedded_json.ts";
import type { PageData } from "./page_data.ts";

/** The modules of the page as one script, each after those that it imports. */
const own = [dom, memory, plots, pictures, facts, main].join("\n").replaceAll(/^import [^;]*;$/gm, "")
  .replaceAll(/^export /gm, "");
const script = `${uplot}\n(() => {\n"use strict";\n${own}\n})();`;
const style = `${uplotStyle}\n${ownStyle}`;

/** Scripts and styles by their digests: a browser runs nothing else, whatever names of files contain. */
const digest = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const policy = [
  "default-src 'none'",
  `script-src ${digest(script)}`,
  `style-src ${digest(style)}`,
  "img-src data:",
  "frame-src 'self' file:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** The page of `runs`; `live` if a server tells it what is new. The file of a run looks at itself again. */
export function renderPage(runs: readonly PageData[], { live = false } = {}): string {
  return `<!doctype html>
<html lang="en"${live ? ' data-live="true"' : ""}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>Pre-training</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<main>
<noscript>This page needs JavaScript. It loads nothing from a network.</noscript>
<p id="lost" role="status" hidden>The server does not answer. The page goes on when it does.</p>
<div id="runs"></div>
<p id="zoom" hidden><span></span> <button type="button">Show all steps</button></p>
<p class="hint">Drag across a plot to zoom into its steps; all plots follow.</p>
<div id="plots"></div>
<div id="more"></div>
</main>
<script id="data" type="application/json">${embeddedJson(runs)}</script>
<script>${script}</script>
</body>
</html>
`;
}
