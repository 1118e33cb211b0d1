/**
 * The import rules: a module imports only from its own folder and from lower layers, and there are no import cycles. Imports
 * are statements (also of types), `import()` and URLs.
 */
import { DAWN_VERSION } from "../src/gpu/dawn.ts";
import { assert, assertEquals } from "./assert.ts";

const root = new URL("../", import.meta.url);

/** The folders by layer, the lowest first. Folders of one layer do not import each other. */
const layers = [
  ["src/base", "kernels"],
  ["data", "src/io", "src/gpu", "src/reference", "src/distributed"],
  ["src/graph", "src/plots"],
  ["src/ops"],
  ["src/nn", "src/optim", "src/views"],
  ["src/config", "src/byol"],
  ["src/eval"],
  ["src/report"],
  ["src/run", "src/export"],
  ["src/inspect", "src/experiments", "src/explore"],
  ["src/cli"],
];

/** Folders that may import only these folders, not everything below them. */
const only: Record<string, string[]> = {
  "src/graph": ["src/base", "src/gpu", "kernels"],
  "src/plots": ["src/base", "src/io", "data"],
};

/** Holds the version of the project; any module may read it. */
const version = "deno.json";

/** Entry points, which no module imports. */
const entries = ["mod.ts", "train.ts"];

async function* modulesIn(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, root))) {
    if (isDirectory) yield* modulesIn(`${folder}${name}/`);
    else if (name.endsWith(".ts")) yield folder + name;
  }
}

/** The text of a string literal, or of a template without values; null for any other expression. */
function literalOf(node: Deno.lint.Node | undefined): string | null {
  if (node?.type === "TSLiteralType") return literalOf(node.literal);
  if (node?.type === "Literal") return typeof node.value === "string" ? node.value : null;
  return node?.type === "TemplateLiteral" && node.quasis.length === 1 ? node.quasis[0].cooked : null;
}

/**
 * The specifiers of `text`, as Deno's own parser finds them: import and export statements, `import()` of values and types,
 * `import.meta.resolve()`, `new URL()`. An `import()` of an expression has the specifier "(computed)".
 */
function specifiersOf(text: string, path = "a.ts"): string[] {
  const found: string[] = [];
  const add = (node: Deno.lint.Node | undefined | null) => {
    if (node) found.push(literalOf(node) ?? "(computed)");
  };
  const isMeta = (node: Deno.lint.Node | undefined, name: string) =>
    node?.type === "MemberExpression" && node.object.type === "MetaProperty" &&
    node.property.type === "Identifier" && node.property.name === name;
  const rule: Deno.lint.Rule = {
    create: () => ({
      ImportDeclaration: ({ source }) => add(source),
      ExportNamedDeclaration: ({ source }) => add(source),
      ExportAllDeclaration: ({ source }) => add(source),
      ImportExpression: ({ source }) => add(source),
      TSImportType: ({ argument }) => add(argument),
      CallExpression: ({ callee, arguments: [first] }) => isMeta(callee, "resolve") && add(first),
      NewExpression({ callee, arguments: [first, base] }) {
        const isUrl = callee.type === "Identifier" && callee.name === "URL" && isMeta(base, "url");
        // A folder is no module.
        if (isUrl && literalOf(first)?.endsWith("/") === false) add(first);
      },
    }),
  };
  Deno.lint.runPlugin({ name: "imports", rules: { specifiers: rule } }, path, text);
  return found;
}

/** The path in the repository of a relative specifier. */
function resolve(specifier: string, from: string): string {
  return new URL(specifier, new URL(from, root)).href.slice(root.href.length);
}

const isRelative = (specifier: string) => /^\.\.?\//.test(specifier);

/** "src/ops" of "src/ops/add.ts", "data" of "data/sources/tar.ts", the file itself at the top. */
function folderOf(path: string): string {
  const [first, second, third] = path.split("/");
  return first === "src" && third ? `${first}/${second}` : second ? first : path;
}

const texts = new Map<string, string>();
for (const folder of ["src/", "data/"]) {
  for await (const path of modulesIn(folder)) texts.set(path, await Deno.readTextFile(new URL(path, root)));
}
for (const path of entries) {
  const text = await Deno.readTextFile(new URL(path, root)).catch(() => undefined);
  if (text !== undefined) texts.set(path, text);
}

/** The imports of each module: paths of modules and kernels in the repository. */
const imports = new Map<string, string[]>();
for (const [path, text] of texts) {
  imports.set(path, specifiersOf(text, path).filter(isRelative).map((specifier) => resolve(specifier, path)));
}

/** All modules that `path` imports, directly or not. */
function reachedFrom(path: string, seen = new Set<string>()): Set<string> {
  for (const next of imports.get(path) ?? []) {
    if (seen.has(next)) continue;
    seen.add(next);
    reachedFrom(next, seen);
  }
  return seen;
}

Deno.test("specifiersOf() finds imports of every kind", () => {
  const text = `
    import code from "./a.wgsl" with { type: "text" };
    import type { A } from "./b.ts"; // import "./no.ts"
    import {
      B,
    } from './c.ts';
    import "./d.ts";
    export * from "./e.ts";
    export { C } from "npm:f@1.2.3";
    /** import { D } from "./no.ts"; */
    const g = await import("./g.ts"), h = import.meta.resolve("./h.ts"), i = new URL("./i.ts", import.meta.url);
    export const name = "./no.ts";
    export function from(x: string) { return "./no.ts"; }
    const glob = "**/*.jpg"; import { J } from "./j.ts"; // "*/"
    import {
      K, // from "./no.ts"
    } from "./k.ts";
    type L = import("./l.ts").L;
    await import(name);`;
  const found = ["a.wgsl", "b.ts", "c.ts", "d.ts", "e.ts", "npm:f@1.2.3", "g.ts", "h.ts", "i.ts"]
    .concat("j.ts", "k.ts", "l.ts", "(computed)");
  assertEquals(specifiersOf(text).map((specifier) => specifier.replace("./", "")), found);
});

Deno.test("every imported file exists", () => {
  let kernels = 0;
  for (const [path, targets] of imports) {
    for (const target of targets) {
      const isKernel = target.endsWith(".wgsl");
      kernels += Number(isKernel);
      const there = isKernel || texts.has(target) || Deno.statSync(new URL(target, root)).isFile;
      assert(there, `${path} imports ${target}, which does not exist`);
    }
  }
  assert(imports.size > 40 && kernels > 20, `${imports.size} modules and ${kernels} kernels were found`);
});

const layerOf = (folder: string) => layers.findIndex((folders) => folders.includes(folder));

Deno.test("every module imports only from its own folder and lower layers", () => {
  const up: string[] = [];
  for (const [path, targets] of imports) {
    if (entries.includes(path)) continue;
    const from = folderOf(path);
    assert(layerOf(from) >= 0, `${path} lies in a folder without a layer`);
    for (const target of targets) {
      const to = folderOf(target);
      if (target === version || to === from) continue;
      const allowed = only[from]?.includes(to) ?? (layerOf(to) >= 0 && layerOf(to) < layerOf(from));
      if (!allowed) up.push(`${path} → ${target}`);
    }
  }
  assertEquals(up, []);
});

Deno.test("no module imports itself through others, not even types", () => {
  const circles = [...imports.keys()].filter((path) => reachedFrom(path).has(path));
  assertEquals(circles, []);
});

Deno.test("no module imports an entry point", () => {
  const imported = new Set([...imports.values()].flat());
  const main = [...texts].filter(([, text]) => /^if \(import\.meta\.main\)/m.test(text)).map(([path]) =>
    path
  );
  assert(main.length >= 5, `${main}`);
  assertEquals([...entries, ...main].filter((path) => imported.has(path)), []);
});

Deno.test("only src/gpu requests an adapter", () => {
  const asking = [...texts].filter(([, text]) => text.includes("navigator.gpu")).map(([path]) =>
    folderOf(path)
  );
  assertEquals([...new Set(asking)], ["src/gpu"]);
});

Deno.test("deno.lock has no packages of single development tasks, which all tasks would install", async () => {
  const { specifiers } = JSON.parse(await Deno.readTextFile(new URL("deno.lock", root)));
  // See src/gpu/dawn.lock and the lock files in tests/transformers, tests/s3, tests/duckdb and bench/peers.
  const own = [
    "npm:webgpu@",
    "npm:@huggingface/",
    "npm:onnxruntime-node@",
    "npm:@jax-js/",
    "npm:@tensorflow/",
    "npm:@20minutes/",
    "npm:@duckdb/",
  ];
  const found = Object.keys(specifiers).filter((name) => own.some((prefix) => name.startsWith(prefix)));
  assertEquals(found, []);
});

/** What a module imports that Deno must not install for those who only load it. */
const onDemand: Record<string, string> = { "src/gpu/dawn.ts": `npm:webgpu@${DAWN_VERSION}` };

Deno.test("every import names its package and exact version, so that mod.ts works from a URL", () => {
  // This holds for all of src/ and data/: some modules are reached without an import statement, such as Workers.
  for (const [path, text] of texts) {
    for (const found of specifiersOf(text, path)) {
      const specifier = found === "(computed)" ? onDemand[path] ?? found : found;
      const full = isRelative(specifier) ||
        /^npm:(@[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+(-[\w.]+)?(\/.+)?$/.test(specifier) ||
        specifier.startsWith("node:");
      assert(
        full,
        `${path} imports "${specifier}": expected a relative path, npm: with an exact version, or node:`,
      );
    }
  }
});
