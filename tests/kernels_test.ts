import { assert, assertEquals } from "./assert.ts";
import { pipelines } from "./dawn/pipelines.ts";
import { kernelFile, kernelFiles } from "./kernel_files.ts";

Deno.test("kernels/ has no function or struct twice", () => {
  const files = new Map<string, string[]>();
  for (const file of kernelFiles()) {
    // Without its name, so that a copy under another name is found too. `Params` is each kernel's own.
    for (const [text, kind, name] of kernelFile(file).matchAll(/^(fn|struct) (\w+)(?:.*\}$|[^]*?^\})/gm)) {
      if (name === "Params" || text.endsWith("{}")) continue; // a function that does nothing is no copy
      const body = text.replace(`${kind} ${name}`, kind);
      files.set(body, [...files.get(body) ?? [], `${name} in ${file}`]);
    }
  }
  assert(files.size > 100, `found only ${files.size}`);
  assertEquals([...files.values()].filter(({ length }) => length > 1), []);
});

Deno.test("Kernel.files has the text of the named files, the kernel's own last, and covers kernels/", () => {
  const used = new Set<string>(), own = new Map<string, string>();
  for (const { kernel: { name, files } } of pipelines()) {
    const paths = Object.keys(files);
    for (const path of paths) {
      if (!used.has(path)) assertEquals(files[path], kernelFile(path), path);
      used.add(path);
    }
    const [last] = paths.slice(-1);
    assert(files[last].includes("fn main("), `${last} of ${name}`);
    for (const path of paths.slice(0, -1)) assert(!files[path].includes("fn main("), `${path} of ${name}`);
    own.set(name, last);
  }
  assertEquals([...used].sort(), kernelFiles());
  assert(own.size > 50, `found only ${own.size}`);
});
