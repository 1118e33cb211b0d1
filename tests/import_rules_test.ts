/**
 * The floors of the house: a module imports from its own room and from lower floors, and nothing leads back to itself.
 * What a module imports, in statements (of types too), by `import()` or by URL, is read from its text.
 */
import { assert, assertEquals } from "./assert.ts";

const root = new URL("../", import.meta.url);

/** The rooms by floor, the lowest first. Rooms of one floor do not import each other. */
const floors = [
  ["src/base", "kernels"],
  ["data", "src/io", "src/gpu", "src/reference"],
  ["src/graph", "src/plots"],
  ["src/ops"],
  ["src/nn", "src/optim", "src/views"],
  ["src/config", "src/byol"],
  ["src/eval", "src/export"],
  ["src/run"],
  ["src/inspect", "src/experiments", "src/distributed"],
  ["src/cli"],
];

/** Rooms that may not import all that lies below them, but only this. */
const only: Record<string, string[]> = {
  "src/graph": ["src/base", "src/gpu", "kernels"],
  "src/plots": ["src/base", "src/io", "data"],
};

/** The version of the project, which anybody may read. */
const version = "deno.json";

/** What is started, and imported by nobody. */
const entries = ["mod.ts", "train.ts"];

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

const floorOf = (room: string) => floors.findIndex((rooms) => rooms.includes(room));

Deno.test("every module lies in a room, and imports from its own room and lower floors", () => {
  const up: string[] = [];
  for (const [path, targets] of imports) {
    if (entries.includes(path)) continue;
    const from = folderOf(path);
    assert(floorOf(from) >= 0, `${path} lies in no room`);
    for (const target of targets) {
      const to = folderOf(target);
      if (target === version || to === from) continue;
      const allowed = only[from]?.includes(to) ?? (floorOf(to) >= 0 && floorOf(to) < floorOf(from));
      if (!allowed) up.push(`${path} → ${target}`);
    }
  }
  assertEquals(up, []);
});

Deno.test("no module leads back to itself, not even by types", () => {
  const circles = [...imports.keys()].filter((path) => reachedFrom(path).has(path));
  assertEquals(circles, []);
});

Deno.test("nobody imports an entry point", () => {
  const imported = new Set([...imports.values()].flat());
  const main = [...texts].filter(([, text]) => /^if \(import\.meta\.main\)/m.test(text)).map(([path]) =>
    path
  );
  assert(main.length >= 5, `${main}`);
  assertEquals([...entries, ...main].filter((path) => imported.has(path)), []);
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
