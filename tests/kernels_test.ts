/** WGSL has no imports: kernels of one family repeat their helper functions, which must not drift apart. */
import { assert, assertEquals } from "./assert.ts";

const folder = new URL("../kernels/", import.meta.url);

/** The functions and structs of a kernel by name, but for its entry point and what each has of its own. */
function helpers(kernel: string): Map<string, string> {
  const code = Deno.readTextFileSync(new URL(kernel, folder));
  const own = ["main", "store", "Params"];
  const found = [...code.matchAll(/^(?:fn|struct) (\w+)(?: \{.*\}$|[^]*?^\})/gm)].map(([text, name]) =>
    [name, text] as const
  );
  return new Map(found.filter(([name]) => !own.includes(name)));
}

Deno.test("kernels: the variants for subgroups of 8 have the same helpers", () => {
  for (const family of ["conv2d", "conv2d_backward_data", "conv2d_backward_weights"]) {
    const square = helpers(`${family}_subgroup8.wgsl`);
    assert(square.size >= 3, `${family} has ${[...square.keys()]}`);
    for (const shape of ["wide", "narrow"]) {
      const others = helpers(`${family}_subgroup8_${shape}.wgsl`);
      assertEquals([...others], [...square], `the helpers of ${family} differ`);
    }
  }
});

Deno.test("kernels: the tiled variants have the same helpers, and multiply alike", () => {
  const products = new Set<string>();
  for (const family of ["conv2d", "conv2d_backward_data", "conv2d_backward_weights"]) {
    const large = helpers(`${family}_tiled.wgsl`), small = helpers(`${family}_tiled_small.wgsl`);
    assert(large.size >= 5, `${family} has ${[...large.keys()]}`);
    assertEquals([...small], [...large], `the helpers of ${family} differ`);
    products.add(large.get("outer")!);
  }
  assertEquals(products.size, 1);
});

Deno.test("kernels: all read a texture in the same way", () => {
  const texels = new Set<string>();
  for (const { name } of Deno.readDirSync(folder)) {
    const texel = helpers(name).get("texel");
    if (texel) texels.add(texel);
  }
  assertEquals(texels.size, 1);
});

Deno.test("kernels: what keeps NaN through comparisons is the same wherever it is needed", () => {
  const found = new Map<string, string[]>();
  for (const { name } of Deno.readDirSync(folder)) {
    const all = helpers(name);
    for (const each of ["rectified", "passed", "larger"]) {
      const text = all.get(each);
      if (text) found.set(each, [...found.get(each) ?? [], text]);
    }
  }
  const counts = [...found].map(([name, texts]) => [name, texts.length, new Set(texts).size]);
  assertEquals(counts.sort(), [["larger", 4, 1], ["passed", 4, 1], ["rectified", 4, 1]]);
});

Deno.test("kernels: those that make views agree in what they share", () => {
  const names = ["rows", "columns", "colours", "blur_rows", "blur_columns"];
  const all = names.map((name) => helpers(`augment_${name}.wgsl`));
  const shared = new Set<string>();
  for (const [i, mine] of all.entries()) {
    for (const other of all.slice(i + 1)) {
      for (const [name, text] of mine) {
        if (!other.has(name)) continue;
        assertEquals(other.get(name), text, `${name} differs`);
        shared.add(name);
      }
    }
  }
  for (const name of ["coloured", "turned_hue", "blend", "reflected", "finished"]) {
    assert(shared.has(name), name);
  }
});
