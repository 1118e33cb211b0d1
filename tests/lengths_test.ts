/**
 * The lengths of the style guide: no function in src/ or data/ has more than 60 lines, and no file more than 300.
 *
 * Deno's own parser finds the functions, through a lint plugin. The lines of a function include those of functions in it.
 * `deno test -P tests/lengths_test.ts` prints the longest of each (with `-q`, tests do not print).
 */
import { assert, assertEquals } from "./assert.ts";

const MAX_FUNCTION_LINES = 60, MAX_FILE_LINES = 300;

interface Length {
  /** The path, and the name of a function. */
  name: string;
  lines: number;
}

const root = new URL("../", import.meta.url);

async function* modulesIn(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, root))) {
    if (isDirectory) yield* modulesIn(`${folder}${name}/`);
    else if (name.endsWith(".ts")) yield folder + name;
  }
}

type FunctionNode =
  | Deno.lint.FunctionDeclaration
  | Deno.lint.FunctionExpression
  | Deno.lint.ArrowFunctionExpression;

/** The name of a function: its own, or that of the variable, property or method that it is the value of. */
function nameOf(node: FunctionNode): string {
  if ("id" in node && node.id) return node.id.name;
  const { parent } = node;
  const key = parent.type === "VariableDeclarator" ? parent.id : "key" in parent ? parent.key : null;
  return key && "name" in key ? String(key.name) : "(anonymous)";
}

/** The functions of a module. */
function functionsIn(path: string, text: string): Length[] {
  const found: Length[] = [];
  const measure = (node: FunctionNode) => {
    const [start, end] = node.range;
    found.push({ name: `${path} ${nameOf(node)}`, lines: text.slice(start, end).split("\n").length });
  };
  const rule: Deno.lint.Rule = {
    create: () => ({
      FunctionDeclaration: measure,
      FunctionExpression: measure,
      ArrowFunctionExpression: measure,
    }),
  };
  Deno.lint.runPlugin({ name: "lengths", rules: { functions: rule } }, path, text);
  return found;
}

const byLength = (a: Length, b: Length) => b.lines - a.lines;

Deno.test("functionsIn() finds functions, methods and closures with their lines", () => {
  const text = `export function declared() {
  const arrow = () =>
    1;
  return arrow;
}
class A {
  #method() {
    return { inner() {} };
  }
}
export default () => {};
`;
  const found = functionsIn("a.ts", text).map(({ name, lines }) => `${name} ${lines}`);
  assertEquals(found.sort(), [
    "a.ts (anonymous) 1",
    "a.ts arrow 2",
    "a.ts declared 5",
    "a.ts inner 1",
    "a.ts method 3",
  ]);
});

Deno.test("no function has more than 60 lines, and no file more than 300", async () => {
  const functions: Length[] = [], files: Length[] = [];
  for (const folder of ["src/", "data/"]) {
    for await (const path of modulesIn(folder)) {
      const text = await Deno.readTextFile(new URL(path, root));
      files.push({ name: path, lines: text.trimEnd().split("\n").length });
      functions.push(...functionsIn(path, text));
    }
  }
  functions.sort(byLength);
  files.sort(byLength);
  assert(
    functions.length > 1500 && files.length > 200,
    `${functions.length} functions in ${files.length} files`,
  );
  const [longest] = functions, [largest] = files;
  console.log(`longest function: ${longest.name}, ${longest.lines} lines`);
  console.log(`longest file: ${largest.name}, ${largest.lines} lines`);
  const excess = (lengths: Length[], max: number) => lengths.filter(({ lines }) => lines > max);
  assertEquals(excess(functions, MAX_FUNCTION_LINES), []);
  assertEquals(excess(files, MAX_FILE_LINES), []);
});
