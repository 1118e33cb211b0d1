/**
 * The arrows of design.md: kernels → gpu → graph → ops → nn, augment, optim → byol, eval → pretrain ← data. What a
 * module imports, in statements, by `import()` or by URL, is read from its text.
 */
import { assert, assertEquals } from "./assert.ts";

const root = new URL("../", import.meta.url);

/** The folders of src/, and data/, with what each may import besides itself and the base. */
const arrows: Record<string, string[]> = {
  "src/gpu": [],
  "src/graph": ["kernels", "src/gpu"],
  "src/ops": ["kernels", "src/graph", "src/gpu"],
  "src/nn": ["src/ops", "src/graph", "src/gpu"],
  "src/augment": ["src/ops", "src/graph", "src/gpu"],
  "src/optim": ["src/ops", "src/graph", "src/gpu"],
  "src/byol": ["src/nn", "src/augment", "src/optim", "src/ops", "src/graph", "src/gpu"],
  "src/eval": ["src/nn", "src/augment", "src/optim", "src/ops", "src/graph", "src/gpu"],
  "src/io": [],
  "src/reference": [],
  // "src" are the modules beside the folders, such as fit.ts.
  "src/inspect": [
    "src",
    "src/reference",
    "src/byol",
    "src/nn",
    "src/augment",
    "src/optim",
    "src/ops",
    "src/graph",
    "src/gpu",
    "src/io",
    "data",
  ],
  "src/cli": ["presets"],
  "src/experiments": ["src/augment", "src/cli", "src/io"],
  "data": ["src/augment"],
};

/** Errors, the environment and random numbers, which everyone may import, and the project's version. */
const base = ["src/base/errors.ts", "src/base/environment.ts", "src/base/random.ts", "deno.json"];

/** Single arrows beyond those of the folders. */
const exceptions = new Set([
  // The command line names what there is to choose from; these two modules are data.
  "src/cli → src/nn/backbones.ts",
  "src/cli → data/views/recipe.ts",
]);

/** The entry points. */
const entries = [
  "mod.ts",
  "train.ts",
  "src/cli/preview.ts",
  "src/cli/evaluate.ts",
  "src/cli/experiments.ts",
  "src/cli/doctor.ts",
];

/** Modules beside the folders of src/, and those of src/run, tie the folders together and import what they like. */
const isTop = (path: string) => entries.includes(path) || /^src\/([^/]+|run\/.*)$/.test(path);

async function* modulesIn(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, root))) {
    if (isDirectory) yield* modulesIn(`${folder}${name}/`);
    else if (name.endsWith(".ts")) yield folder + name;
  }
}

/** The specifiers of `text`: import and export statements, `import()`, `import.meta.resolve()`, `new URL()`. */
function specifiersOf(text: string): string[] {
  const code = text.replace(/\/\*.*?\*\/|^\s*\/\/.*$/gms, "");
  const statement = /^\s*(?:import|export)\b(?:[^;"'`=()]*?\bfrom)?\s*["']([^"']+)["']/gm;
  const call = /\bimport(?:\.meta\.resolve)?\(\s*["'`]([^"'`]+)["'`]/g;
  const url = /\bnew URL\(\s*["'`]([^"'`]+)["'`]\s*,\s*import\.meta\.url/g;
  return [statement, call, url].flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1]));
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

/** Of each module what it imports: paths of modules and kernels here. */
const imports = new Map<string, string[]>();
for (const [path, text] of texts) {
  imports.set(path, specifiersOf(text).filter(isRelative).map((specifier) => resolve(specifier, path)));
}

/** Every module that `path` reaches. */
function reachedFrom(path: string, seen = new Set<string>()): Set<string> {
  for (const next of imports.get(path) ?? []) {
    if (seen.has(next)) continue;
    seen.add(next);
    reachedFrom(next, seen);
  }
  return seen;
}

Deno.test("import rules: specifiers of every kind are seen", () => {
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
    export function from(x: string) { return "./no.ts"; }`;
  const found = ["a.wgsl", "b.ts", "c.ts", "d.ts", "e.ts", "npm:f@1.2.3", "g.ts", "h.ts", "i.ts"];
  assertEquals(specifiersOf(text).map((specifier) => specifier.replace("./", "")), found);
});

Deno.test("import rules: what is imported is there", () => {
  let kernels = 0;
  for (const [path, targets] of imports) {
    for (const target of targets) {
      const isKernel = target.endsWith(".wgsl");
      kernels += Number(isKernel);
      const there = isKernel || texts.has(target) || Deno.statSync(new URL(target, root)).isFile;
      assert(there, `${path} imports ${target}, which is not there`);
    }
  }
  assert(imports.size > 40 && kernels > 20, `${imports.size} modules and ${kernels} kernels were found`);
});

Deno.test("import rules: arrows go one way, siblings do not import siblings", () => {
  for (const [path, targets] of imports) {
    if (path.startsWith("src/cli/") && entries.includes(path)) {
      assert(![...imports.values()].flat().includes(path), `${path} is imported, but it is an entry point`);
    }
    if (base.includes(path)) assertEquals(targets, [], `${path} belongs to the base`);
    if (isTop(path)) continue;
    const from = folderOf(path);
    assert(from in arrows, `${path} lies in no folder of design.md`);
    for (const target of targets) {
      const to = folderOf(target);
      const allowed = to === from || base.includes(target) || arrows[from].includes(to) ||
        exceptions.has(`${from} → ${target}`);
      assert(allowed, `${path} must not import ${target}`);
    }
  }
});

Deno.test("import rules: data/ reaches neither GPU nor networks", () => {
  for (const path of [...imports.keys()].filter((path) => path.startsWith("data/"))) {
    for (const target of reachedFrom(path)) {
      const allowed = ["data", "src/augment"].includes(folderOf(target)) || base.includes(target);
      assert(allowed, `${path} reaches ${target}`);
    }
  }
});

Deno.test("import rules: only src/gpu asks for an adapter", () => {
  const asking = [...texts].filter(([, text]) => text.includes("navigator.gpu")).map(([path]) =>
    folderOf(path)
  );
  assertEquals([...new Set(asking)], ["src/gpu"]);
});

Deno.test("import rules: deno.lock has no package of a single development task, which all tasks would install", async () => {
  const { specifiers } = JSON.parse(await Deno.readTextFile(new URL("deno.lock", root)));
  const own = ["npm:webgpu@", "npm:@jax-js/", "npm:@tensorflow/"]; // see tests/dawn/deno.lock and bench/peers/deno.lock
  const found = Object.keys(specifiers).filter((name) => own.some((prefix) => name.startsWith(prefix)));
  assertEquals(found, []);
});

Deno.test("import rules: what mod.ts and train.ts reach names packages in full, so that it works from a URL", () => {
  // All of src/ and data/ is held to it: Workers and sources are reached by names that no import statement shows.
  for (const [path, text] of texts) {
    for (const specifier of specifiersOf(text)) {
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
