/**
 * The page of the explorer: one HTML file that works offline, by double click.
 *
 * @module
 */
import { stripTypeScriptTypes } from "node:module";
import css from "./page/page.css" with { type: "text" };
import html from "./page/page.html" with { type: "text" };
import colors from "./page/colors.ts?text" with { type: "text" };
import details from "./page/details.ts?text" with { type: "text" };
import element from "./page/element.ts?text" with { type: "text" };
import explored from "./page/explored.ts?text" with { type: "text" };
import lists from "./page/lists.ts?text" with { type: "text" };
import main from "./page/main.ts?text" with { type: "text" };
import map from "./page/map.ts?text" with { type: "text" };
import saveKeys from "./page/save_keys.ts?text" with { type: "text" };
import search from "./page/search.ts?text" with { type: "text" };
import thumbnail from "./page/thumbnail.ts?text" with { type: "text" };
import { embeddedJson } from "../base/embedded_json.ts";
import type { PageData } from "./page/page_data.ts";

/** The modules of the page by their names. */
const modules = { colors, details, element, explored, lists, main, map, saveKeys, search, thumbnail };
const fileNames: Record<string, string> = { saveKeys: "save_keys" };

/** A place in the template, as what the language around it allows: a text in JSON, a comment in CSS. */
const placeholder = /(?:"|\/\*)\{\{(\w+)\}\}(?:"|\*\/)/;

/** The page as pieces of text. */
export async function* explorerPage(data: PageData): AsyncGenerator<string> {
  const parts: Record<string, () => string | Promise<string>> = {
    style: () => css,
    modules: async () => JSON.stringify({ imports: await moduleAddresses() }),
    data: () => embeddedJson(data),
  };
  for (const [i, piece] of html.split(placeholder).entries()) yield i % 2 ? await parts[piece]() : piece;
}

/**
 * The addresses of all modules, with their text in them: a page that is opened as a file may load no other files as modules.
 * Types are stripped; the modules import each other as `page/NAME.ts`.
 */
async function moduleAddresses(): Promise<Record<string, string>> {
  const own = Object.entries(modules).map(([name, text]) => {
    const file = `page/${fileNames[name] ?? name}.ts`;
    const script = stripTypeScriptTypes(text).replaceAll('from "./', 'from "page/');
    return [file, addressOf(`${script}\n//# sourceURL=${file}`)];
  });
  return { ...Object.fromEntries(own), ...await libraryAddresses() };
}

/** regl-scatterplot and what it requires, each in one file of its package. */
async function libraryAddresses(): Promise<Record<string, string>> {
  const [scatterplot, regl, pubSub] = await Promise.all([
    import("npm:regl-scatterplot@1.16.0/dist/regl-scatterplot.min.js", { with: { type: "text" } }),
    import("npm:regl@2.1.1/dist/regl.min.js", { with: { type: "text" } }),
    import("npm:pub-sub-es@3.0.0", { with: { type: "text" } }),
  ]);
  // Two of them are made for require().
  const wrapped = (text: string) => `const module = { exports: {} }, exports = module.exports;\n${text}\n`;
  return {
    "npm:regl-scatterplot@1.16.0": addressOf(
      `import pubSub from "pub-sub-es";\nimport regl from "regl";\n` +
        `const require = (name) => ({ "pub-sub-es": pubSub, regl })[name];\n` +
        `${wrapped(scatterplot.default)}export default exports.default;`,
    ),
    regl: addressOf(`${wrapped(regl.default)}export default module.exports;`),
    "pub-sub-es": addressOf(pubSub.default),
  };
}

function addressOf(script: string): string {
  return `data:text/javascript;base64,${new TextEncoder().encode(script).toBase64()}`;
}
